// 1. Words become embeddings: rows of a table, gathered by number. Similarity relates them: dot, scaled dot, cosine.
//
// An axis is a name for one direction of an array; `c` has an extent that the compiler knows, `words` and `t` get
// theirs when the graph is called. The expressions below compute nothing: they are a graph, whose type says its shape.
// fuse<...> makes a function of it. (./dev explain 01 shows what became of it.)
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>

namespace similarity {
using namespace heed;

constexpr axis<"words"> words;  // rows of the table
constexpr axis<"t"> t;          // the words of a sentence
constexpr axis<"u"> u;          // the same words, to compare each with each
constexpr axis<"c", 4> c;       // width of an embedding

constexpr auto table = input<"table">(words, c);
constexpr auto ids = input<"ids", std::int32_t>(t);
constexpr auto x = gather<words>(table, ids);  // (t, c)
constexpr auto y = rename<t, u>(x);            // (u, c)

constexpr auto by_dot = dot_similarity<c>(x, y);        // (t, u): grows with the length of the vectors
constexpr auto by_scaled_dot = scaled_dot<c>(x, y);     // over sqrt(4): does not grow with their width
constexpr auto by_cosine = cosine_similarity<c>(x, y);  // -1 .. 1: direction alone

int run(int argc) {
  if (argc > 1)
    return std::puts(
               explain<results(by_dot, by_scaled_dot, by_cosine)>(with(t, 5), with(u, 5), with(words, 5)).c_str()),
           0;
  const char* name[] = {"apple", "orange", "phone", "house", "cherry"};
  //                          fruit  tech  size  eat
  const float embeddings[5][4] = {{.9f, .6f, .3f, .8f},   // apple
                                  {.9f, .0f, .3f, .9f},   // orange
                                  {.0f, .9f, .4f, .0f},   // phone
                                  {.1f, .1f, .9f, .1f},   // house
                                  {.7f, .1f, .1f, .9f}};  // cherry
  const std::int32_t sentence[] = {0, 1, 2, 3, 4};
  tensor<float> dots(5, 5), scaled(5, 5), cosines(5, 5);
  fuse<results(by_dot, by_scaled_dot, by_cosine)>(table = embeddings, ids = sentence, into(dots, scaled, cosines));

  std::printf("%-16s %8s %8s %8s\n", "", "dot", "scaled", "cosine");
  for (int i = 0; i < 5; ++i)
    std::printf("apple / %-8s %8.3f %8.3f %8.3f\n", name[i], double(dots(0, i)), double(scaled(0, i)),
                double(cosines(0, i)));
  std::printf("Fruits are alike, and apple is a little like a phone.\n");

  const bool fruits = cosines(0, 1) > cosines(0, 2) && cosines(0, 4) > cosines(0, 2) && cosines(0, 2) > cosines(1, 2);
  return fruits && std::abs(cosines(0, 0) - 1) < 1e-6f && scaled(0, 1) == dots(0, 1) / 2 ? 0 : 1;
}
}  // namespace similarity

int main(int argc, char**) { return similarity::run(argc); }
