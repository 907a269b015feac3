// heed's demo: a trained encoder, declared as heed graphs, resolves the meaning of a word; its numbers are checked against
// double precision; three variants are compared with their unfused selves; the compiler refuses a wrong declaration.
#include "encoder.hpp"
#include "heat_map.hpp"
#include "variants.hpp"
#include "vocabulary.hpp"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
using namespace heed_examples;

namespace {
const std::string data = HEED_EXAMPLE_DATA;

double cosine(const float* a, const float* b) {
  double ab = 0, aa = 0, bb = 0;
  for (int i = 0; i < 384; ++i) ab += double(a[i]) * b[i], aa += double(a[i]) * a[i], bb += double(b[i]) * b[i];
  return ab / std::sqrt(aa * bb);
}
struct senses { double same = 0, other = 0; };
// The mean cosine of the vectors of `word`, between sentences that mean the same by it and between others.
senses compare(const std::vector<example_sentence>& all, const std::string& word, const heed::tensor<float>& x) {
  senses r;
  int same = 0, other = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].word != word || all[j].word != word) continue;
      const double v = cosine(&x(i, all[i].position, 0), &x(j, all[j].position, 0));
      if (all[i].sense == all[j].sense) r.same += v, ++same; else r.other += v, ++other;
    }
  return {r.same / same, r.other / other};
}
std::vector<heed::tensor<float>> run(const encoder& model, const padded_batch& batch) {
  std::vector<heed::tensor<float>> x{model.embed(batch.ids)};
  heed::workspace memory;
  for (std::size_t i = 0; i < model.layers.size(); ++i) x.push_back(model.apply(int(i), x.back(), batch.length, memory));
  return x;
}
padded_batch tokens_of(const vocabulary& words, const std::vector<example_sentence>& all) {
  std::vector<std::vector<int>> t;
  for (const auto& s : all) t.push_back(words.tokens(s.text));
  return pad(t);
}
void similarity_table(const std::vector<example_sentence>& all, const std::vector<heed::tensor<float>>& x) {
  std::printf("    %-8s %-15s", "word", "embedding");
  for (std::size_t i = 1; i < x.size(); ++i) std::printf(" after layer %-2zu ", i - 1);
  std::printf("\n");
  for (const char* word : {"apple", "bank", "mouse"}) {
    std::printf("    %-8s", word);
    for (const auto& layer : x) {
      const senses s = compare(all, word, layer);
      std::printf(" %.3f / %.3f ", s.same, s.other);
    }
    std::printf("\n");
  }
}
void heat_map(const encoder& model, const vocabulary& words, const std::string& sentence, int head) {
  const padded_batch batch = pad({words.tokens(sentence)});
  const heed::tensor<float> p = model.look(0, model.embed(batch.ids), batch.length);
  std::vector<std::string> w = vocabulary::words(sentence);
  w.insert(w.begin(), "[CLS]"), w.push_back("[SEP]");
  std::printf("\n  layer 0, head %d, \"%s\"\n", head, sentence.c_str());
  print_heat_map(&p(0, head, 0, 0), p.strides()[2], w);
}
// The largest difference from an expected tensor over real tokens; prints it beside its gate.
bool gate(const char* what, const heed::tensor<float>& got, const std::vector<float>& want, double limit) {
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i)
    if (want[i] != 0) worst = std::max(worst, std::fabs(double(got[i]) - want[i]));
  std::printf("    %-32s %.1e  (gate %.0e)%s\n", what, worst, limit, worst <= limit ? "" : "  FAILED");
  return worst <= limit;
}

int say(const encoder& model, const vocabulary& words, const std::vector<std::string>& sentences, const std::string& word) {
  std::vector<example_sentence> all;
  for (const auto& text : sentences) {
    const auto w = vocabulary::words(text);
    const auto at = std::find(w.begin(), w.end(), word);
    if (at == w.end()) throw unknown_word("\"" + text + "\" does not hold the word '" + word + "'");
    all.push_back(with_word_second({text, word, "", int(at - w.begin()) + 1}));
  }
  const padded_batch batch = tokens_of(words, all);
  const auto x = run(model, batch);
  std::printf("how alike '%s' is in your sentences (the word is always the second, so that position tells nothing)\n", word.c_str());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      std::printf("  \"%s\" / \"%s\":", all[i].text.c_str(), all[j].text.c_str());
      for (const auto& layer : x) std::printf(" %.3f", cosine(&layer(i, 2, 0), &layer(j, 2, 0)));
      std::printf("\n");
    }
  return 0;
}
}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("heed's demo: attention resolves the meaning of a word");
  std::vector<std::string> sentences;
  std::string word;
  bool full = false;
  app.add_option("--say", sentences, "your own sentences");
  app.add_option("--word", word, "the word to watch in them");
  app.add_flag("--full", full, "download the whole six-layer model and run it");
  CLI11_PARSE(app, argc, argv);
  if (!sentences.empty() && (word.empty() || sentences.size() < 2)) throw std::runtime_error("--say needs at least two sentences and --word");

  std::string model_path = data + "/model.safetensors";
  if (full) {
    const std::string folder = std::getenv("HEED_MODEL_FOLDER") ? std::getenv("HEED_MODEL_FOLDER") : "build/full-model";
    if (std::system(("bash '" + data + "/fetch_full_model.sh' '" + folder + "'").c_str()) != 0) throw std::runtime_error("the model could not be downloaded");
    model_path = folder + "/model.safetensors";
  }
  std::fprintf(stderr, "reading %s ...\n", model_path.c_str());
  const safetensors_file file(model_path);
  const encoder model(file);
  const vocabulary words = full ? vocabulary::from_tokenizer_json(model_path.substr(0, model_path.rfind('/')) + "/tokenizer.json")
                                : vocabulary::from_lines(data + "/vocabulary.txt");
  if (!sentences.empty()) return say(model, words, sentences, word);

  const auto all = read_sentences(data + "/sentences.txt");
  const padded_batch batch = tokens_of(words, all);
  const auto x = run(model, batch);
  bool ok = true;

  std::printf("1. Words become embeddings; attention lets the context move them\n\n");
  std::printf("  cosine of a word's vectors, same sense / other sense (%zu layers, declared as heed graphs)\n", model.layers.size());
  similarity_table(all, x);
  std::vector<example_sentence> control;
  for (const auto& s : all) control.push_back(with_word_second(s));
  std::printf("\n  the control: the word always at token 2, so that its position tells nothing\n");
  similarity_table(control, run(model, tokens_of(words, control)));
  std::printf("  (mouse hardly separates: three layers do not resolve every word)\n");
  heat_map(model, words, "please buy an apple and an orange", 10);
  heat_map(model, words, "apple unveiled a new phone", 1);

  std::printf("\n2. The largest difference from the expected values\n\n");
  const safetensors_file expected(data + "/expected.safetensors");
  if (!full) {
    ok &= gate("embeddings", x[0], expected.read("embedded", {16, 12, 384}), 2e-5);
    for (int i = 0; i < 3; ++i) {
      const std::string name = "layer." + std::to_string(i) + ".output";
      ok &= gate(name.c_str(), x[std::size_t(i) + 1], expected.read(name, {16, 12, 384}), 2e-5);
    }
    ok &= gate("layer.0.attention.probabilities", model.look(0, x[0], batch.length), expected.read("layer.0.attention.probabilities", {16, 12, 12, 12}), 1e-6);
  } else {
    ok &= gate("full.layer.5.output", x.back(), expected.read("full.layer.5.output", {16, 12, 384}), 2e-5);
    heed::tensor<float> sentence(16, 384);
    for (int i = 0; i < 16; ++i) {                         // mean over real tokens, length 1
      double norm = 0;
      for (int c = 0; c < 384; ++c) {
        double sum = 0;
        for (int t = 0; t < batch.length[std::size_t(i)]; ++t) sum += double(x.back()(i, t, c));
        sentence(i, c) = float(sum / batch.length[std::size_t(i)]);
        norm += double(sentence(i, c)) * sentence(i, c);
      }
      for (int c = 0; c < 384; ++c) sentence(i, c) = float(sentence(i, c) / std::sqrt(norm));
    }
    ok &= gate("full.sentence", sentence, expected.read("full.sentence", {16, 384}), 1e-6);
  }

  std::printf("\n3. Three variants, each declared in one line\n\n");
  std::fflush(stdout);
  ok &= compare_variants();

  std::printf("\n4. A wrong declaration, and the compiler's answer\n\n");
  std::fflush(stdout);
  const std::string wrong = std::string(HEED_DEMO_SOURCE) + "/wrong/declaration.cpp";
  std::fflush(stdout);
  if (std::system(("tail -n +4 '" + wrong + "' | sed 's/^/    /'").c_str()) != 0) ok = false;
  const std::string command = std::string(HEED_DEMO_COMPILER) + " " + HEED_DEMO_FLAGS + " -fsyntax-only '" + wrong + "' 2>&1 | grep -E 'error|note' | sed 's/^[^ ]*: /    /' | cut -c1-200";
  std::printf("\n");
  std::fflush(stdout);
  if (std::system(command.c_str()) != 0) ok = false;
  return ok ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "heed-demo: %s\n", e.what());
  return 2;
}
