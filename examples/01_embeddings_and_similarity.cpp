// Words become embeddings: rows of a table, gathered by number. Similarity relates them: dot, scaled dot, cosine.
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"words"> words;
constexpr axis<"t"> t;                                     // the words of a sentence
constexpr axis<"u"> u;                                     // the same words, to compare with
constexpr axis<"c", 4> c;                                  // width of an embedding

constexpr auto table = input<"table">(words, c);
constexpr auto ids = input<"ids", std::int32_t>(t);
constexpr auto x = gather<words>(table, ids);
constexpr auto y = rename<t, u>(x);

constexpr auto by_dot = dot_similarity<c>(x, y);
constexpr auto by_scaled_dot = scaled_dot<c>(x, y);
constexpr auto by_cosine = cosine_similarity<c>(x, y);

int main() {
  //                          fruit  tech  size  eat
  const float embeddings[5][4] = {{.9f, .6f, .3f, .8f},    // apple
                                  {.9f, .0f, .3f, .9f},    // orange
                                  {.0f, .9f, .4f, .0f},    // phone
                                  {.1f, .1f, .9f, .1f},    // house
                                  {.7f, .1f, .1f, .9f}};   // cherry
  const char* name[] = {"apple", "orange", "phone", "house", "cherry"};
  const std::int32_t sentence[] = {0, 1, 2, 3, 4};
  tensor<float> d(5, 5), s(5, 5), k(5, 5);
  fuse<results(by_dot, by_scaled_dot, by_cosine)>(table = embeddings, ids = sentence, into(d, s, k));
  std::printf("%-8s %8s %8s %8s   (of apple)\n", "", "dot", "scaled", "cosine");
  for (int i = 0; i < 5; ++i) std::printf("%-8s %8.3f %8.3f %8.3f\n", name[i], double(d(0, i)), double(s(0, i)), double(k(0, i)));
  return k(0, 1) > k(0, 3) && k(0, 4) > k(0, 2) ? 0 : 1;
}
