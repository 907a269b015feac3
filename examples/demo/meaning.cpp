// Part 1: words become embeddings; queries, keys and values are linear maps of them; heads look at other words, and
// what they find moves the word. Also for somebody's own sentences.
#include "parts.hpp"
#include "heat_map.hpp"
#include <cmath>
#include <numeric>

namespace demo {
namespace {
namespace g = encoder_graph;
namespace similarity {
using namespace heed;
using g::words, g::word, g::c;
constexpr axis<"a"> a;
constexpr axis<"z"> z;
constexpr auto these = input<"these", std::int32_t>(a);
constexpr auto those = input<"those", std::int32_t>(z);

// similarity
constexpr auto x = gather<words>(word, these);
constexpr auto y = gather<words>(word, those);
constexpr auto by_dot = dot_similarity<c>(x, y);
constexpr auto by_scaled_dot = scaled_dot<c>(x, y);
constexpr auto by_cosine = cosine_similarity<c>(x, y);

}  // namespace similarity

double cosine(const float* x, const float* y) {
  double xy = 0, xx = 0, yy = 0;
  for (int i = 0; i < encoder::width; ++i)
    xy += double(x[i]) * y[i], xx += double(x[i]) * x[i], yy += double(y[i]) * y[i];
  return xy / std::sqrt(xx * yy);
}

struct story {
  std::vector<example_sentence> sentences;
  std::vector<heed::tensor<float>> vectors;  // (sentence, token, width): the embeddings, then after each layer
};
std::vector<std::string> texts(const std::vector<example_sentence>& all) {
  std::vector<std::string> r;
  for (const auto& s : all) r.push_back(s.text);
  return r;
}
std::vector<int> positions(const std::vector<example_sentence>& all) {
  std::vector<int> r;
  for (const auto& s : all) r.push_back(s.position);
  return r;
}
std::string stage(std::size_t i) { return i == 0 ? "embedding" : "after layer " + std::to_string(i - 1); }

void words_alike(const setting& s) {
  std::vector<std::string> others;
  for (const char* w : {"orange", "phone", "computer", "lunch", "house", "river"})
    if (s.words.has(w)) others.push_back(w);
  const std::int32_t apple[] = {s.words.tokens("apple")[1]};
  std::vector<std::int32_t> numbers;
  for (const auto& w : others) numbers.push_back(s.words.tokens(w)[1]);
  const heed::extent_t n = heed::extent_t(others.size());
  heed::tensor<float> dots(1, n), scaled(1, n), cosines(1, n);
  heed::fuse<heed::results(similarity::by_dot, similarity::by_scaled_dot, similarity::by_cosine)>(
      g::word = heed::view(s.model.word.data(), {heed::extent_t(s.model.word.size() / encoder::width), encoder::width}),
      similarity::these = apple, similarity::those = numbers, into(dots, scaled, cosines));
  std::printf("    %-18s %8s %12s %8s\n", "", "dot", "scaled dot", "cosine");
  for (std::size_t i = 0; i < others.size(); ++i)
    std::printf("    apple / %-10s %8.3f %12.4f %8.3f\n", others[i].c_str(), double(dots[i]), double(scaled[i]),
                double(cosines[i]));
}

// What one sentence's heads do in the first layer.
struct views {
  std::vector<std::string> tokens;
  heed::tensor<float> weights;  // (1, head, token, token)
  int position;
  const float* row(int head) const { return &weights(0, head, position, 0); }
  int most(int head) const { return int(std::max_element(row(head), row(head) + tokens.size()) - row(head)); }
  // A head that looks at the token before, whatever it is, knows adjacency and not meaning.
  bool adjacency(int head) const {
    double sum = 0;
    for (std::size_t i = 1; i < tokens.size(); ++i) sum += double(weights(0, head, i, i - 1));
    return sum > 0.9 * double(tokens.size() - 1);
  }
  // The head in which the word looks most at one other word.
  int telling_head() const {
    int best = 0;
    float weight = -1;
    for (int head = 0; head < encoder::heads; ++head)
      for (int j = 1; j + 1 < int(tokens.size()); ++j)
        if (j != position && !adjacency(head) && row(head)[j] > weight) weight = row(head)[j], best = head;
    return best;
  }
};
views look(const setting& s, const std::string& sentence, const std::string& word) {
  const padded_batch batch = pad({s.words.tokens(sentence)});
  views v{s.words.words(sentence), s.model.look(0, s.model.embed(batch), batch.length), 0};
  v.tokens.insert(v.tokens.begin(), "[CLS]"), v.tokens.push_back("[SEP]");
  v.position = int(std::find(v.tokens.begin(), v.tokens.end(), word) - v.tokens.begin());
  return v;
}
void heat_map(const setting& s, const views& v, const std::string& sentence) {
  const int head = v.telling_head();
  std::printf("\n    layer 0, head %d: \"%s\"\n\n", head, s.out.beside(24, sentence).c_str());
  print_heat_map(s.out, &v.weights(0, head, 0, 0), v.weights.strides()[2], v.tokens, std::size_t(v.position));
}

struct alike {
  double same = 0, other = 0;
};
// The mean cosine of the vectors of `word`, between sentences that mean the same by it and between others.
alike compare(const story& told, const std::string& word, const heed::tensor<float>& x) {
  alike r;
  int same = 0, other = 0;
  for (std::size_t i = 0; i < told.sentences.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const example_sentence &p = told.sentences[i], &q = told.sentences[j];
      if (p.word != word || q.word != word) continue;
      const double v = cosine(&x(i, p.position, 0), &x(j, q.position, 0));
      if (p.sense == q.sense) r.same += v, ++same;
      else r.other += v, ++other;
    }
  return {r.same / same, r.other / other};
}
void senses(const story& told) {
  std::printf("    %-15s", "");
  for (const char* word : {"apple", "bank", "mouse"}) std::printf("   %13s", word);
  std::printf("\n");
  for (std::size_t i = 0; i < told.vectors.size(); ++i) {
    std::printf("    %-15s", stage(i).c_str());
    for (const char* word : {"apple", "bank", "mouse"}) {
      const alike v = compare(told, word, told.vectors[i]);
      std::printf("   %.3f / %.3f", v.same, v.other);
    }
    std::printf("\n");
  }
}
}  // namespace

bool show_meaning(const setting& s) {
  const auto all = read_sentences(s.data + "/sentences.txt");
  const std::string fruit = all[0].text, company = all[3].text;
  std::printf("%s\n", s.out.bold("1. The context decides what a word means").c_str());

  std::printf("\n  Words become embeddings, rows of a table. How alike are two? As declared:\n\n");
  print_declaration(declaration("examples/demo/meaning.cpp", "similarity"));
  std::printf("\n");
  words_alike(s);
  std::printf("\n  By its row alone, apple is nearly as close to phone as to orange.\n");

  std::printf(
      "\n  Attention asks the neighbours. Queries, keys and values are linear maps of the\n"
      "  embeddings, and each of 12 heads has maps of its own:\n\n");
  print_declaration(declaration("examples/support/encoder.hpp", "queries, keys, values"));
  std::printf("\n");
  print_declaration(declaration("examples/support/encoder.hpp", "attention"));

  const views with_orange = look(s, fruit, "apple"), with_phone = look(s, company, "apple");
  std::printf(
      "\n  Several heads are several views. Where apple looks most, in layer 0:\n\n    head    \"%s\"    \"%s\"\n",
      fruit.c_str(), company.c_str());
  for (int head = 0; head < encoder::heads; ++head) {
    const int i = with_orange.most(head), j = with_phone.most(head);
    std::printf("    %4d    %-8s %.2f%*s%-8s %.2f\n", head, with_orange.tokens[std::size_t(i)].c_str(),
                double(with_orange.row(head)[i]), int(fruit.size()) - 7, "", with_phone.tokens[std::size_t(j)].c_str(),
                double(with_phone.row(head)[j]));
  }
  std::printf(
      "\n  The head in which apple looks most at another word (but for heads that look at\n"
      "  the word before, whatever it is):\n\n");
  print_heat_map_legend(s.out);
  heat_map(s, with_orange, fruit);
  heat_map(s, with_phone, company);

  // The whole sentences, their words of two meanings all at one position.
  const auto tokens = s.words.tokens(texts(all));
  const story told{all, s.model.run(pad(tokens))}, control{all, s.model.run(pad(tokens, positions(all)))};
  std::printf(
      "\n  What apple finds moves it: beside orange towards orange, beside phone towards\n"
      "  phone (cosine of its vector with theirs; apple always at the same position):\n\n");
  const auto at = [&](std::size_t sentence, const char* word) {
    const auto w = s.words.words(all[sentence].text);
    return int(std::find(w.begin(), w.end(), word) - w.begin()) + 1;
  };
  std::printf("    %-15s   beside orange: orange, phone   beside phone: orange, phone\n", "");
  bool moved = true;
  for (std::size_t i = 0; i < control.vectors.size(); ++i) {
    const auto& x = control.vectors[i];
    const float *orange = &x(0, at(0, "orange"), 0), *phone = &x(3, at(3, "phone"), 0);
    const float *beside_orange = &x(0, at(0, "apple"), 0), *beside_phone = &x(3, at(3, "apple"), 0);
    std::printf("    %-15s   %15.3f  %.3f          %15.3f  %.3f\n", stage(i).c_str(), cosine(beside_orange, orange),
                cosine(beside_orange, phone), cosine(beside_phone, orange), cosine(beside_phone, phone));
    if (i)
      moved = moved && cosine(beside_orange, orange) > cosine(beside_phone, orange) &&
              cosine(beside_orange, orange) > cosine(beside_orange, phone) &&
              cosine(beside_phone, phone) > cosine(beside_phone, orange);
  }

  std::printf("\n  Over all %zu sentences: cosine of a word's vectors, same sense / other sense\n\n", all.size());
  senses(told);
  std::printf("\n  The control: the word always at token %d, so that its position tells nothing\n\n",
              std::ranges::max(positions(all)));
  senses(control);
  std::printf("\n  (mouse hardly separates: %zu layers do not resolve every word)\n", s.model.layers.size());
  for (const char* word : {"apple", "bank"}) {
    const alike before = compare(control, word, control.vectors.front()),
                after = compare(control, word, control.vectors.back());
    moved = moved && before.same - before.other < 1e-3 && after.same - after.other > 0.1;
  }
  if (!moved) std::printf("  FAILED: the context does not move apple and bank\n");
  return moved;
}

void show_your_sentences(const setting& s, const std::vector<std::string>& sentences, const std::string& word) {
  const auto tokens = s.words.tokens(sentences);  // names every unknown word of every sentence
  std::vector<example_sentence> all;
  std::string lacking;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto w = s.words.words(sentences[i]);
    const auto found = std::find(w.begin(), w.end(), word);
    if (found == w.end()) lacking += (lacking.empty() ? "\"" : ", \"") + sentences[i] + "\"";
    all.push_back({sentences[i], word, "", int(found - w.begin()) + 1});
  }
  if (!lacking.empty()) throw std::runtime_error("the word '" + word + "' is missing from " + lacking);
  for (const auto& v : tokens)
    if (int(v.size()) > s.model.longest())
      throw std::runtime_error("a sentence of " + std::to_string(v.size()) +
                               " tokens ([CLS] and [SEP] included); the model knows " +
                               std::to_string(s.model.longest()) + " positions");

  const padded_batch alike_placed = pad(tokens, positions(all));
  for (std::int32_t p : alike_placed.position)
    if (p >= s.model.longest())
      throw std::runtime_error("with '" + word + "' at one position in all sentences a token stands at " +
                               std::to_string(p) + "; the model knows " + std::to_string(s.model.longest()) +
                               " positions");

  std::printf("Where '%s' looks, in the head of layer 0 that looks most at another word\n\n", word.c_str());
  print_heat_map_legend(s.out);
  for (const auto& sentence : sentences) heat_map(s, look(s, sentence, word), sentence);
  if (sentences.size() < 2) return;

  const story told{all, s.model.run(pad(tokens))}, control{all, s.model.run(alike_placed)};
  std::printf(
      "\nHow alike '%s' is in your sentences: cosine of its vectors,\nas you wrote them, and with the word at one "
      "position in all of them, so that\nposition tells nothing\n",
      word.c_str());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      std::printf("\n  \"%s\"\n  \"%s\"\n    %-15s   as written   at one position\n",
                  s.out.beside(4, all[i].text).c_str(), s.out.beside(4, all[j].text).c_str(), "");
      for (std::size_t k = 0; k < told.vectors.size(); ++k)
        std::printf("    %-15s   %10.3f   %15.3f\n", stage(k).c_str(),
                    cosine(&told.vectors[k](i, all[i].position, 0), &told.vectors[k](j, all[j].position, 0)),
                    cosine(&control.vectors[k](i, all[i].position, 0), &control.vectors[k](j, all[j].position, 0)));
    }
}

}  // namespace demo
