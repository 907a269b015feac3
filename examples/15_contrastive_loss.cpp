// 15. A loss over all pairs, whose matrix is never stored. Pictures and their captions, here vectors of two kinds that
// were made of the same hidden ones, are projected until each picture is most like its own caption among all captions,
// and each caption most like its own picture (CLIP, Radford et al. 2021). For N pairs memory grows with N; the N x N
// similarities are made anew, tile by tile, wherever they are needed.
#include <cstdio>
#include <heed/heed.hpp>
#include <random>

namespace contrastive {
using namespace heed;

constexpr axis<"n"> n;  // pictures
constexpr axis<"m"> m;  // captions
constexpr axis<"p", 24> p;
constexpr axis<"c", 16> c;
constexpr axis<"d", 8> d;
constexpr auto pictures = input<"pictures">(n, p);
constexpr auto captions = input<"captions">(m, c);
constexpr auto picture_weight = input<"picture_weight">(p, d);
constexpr auto caption_weight = input<"caption_weight">(c, d);

constexpr auto x = dot<p>(pictures, picture_weight);
constexpr auto y = dot<c>(captions, caption_weight);
constexpr auto similarity = 10 * cosine_similarity<d>(x, y);
constexpr auto own = 10 * cosine_similarity<d>(x, rename<m, n>(y));  // of a picture and its caption
constexpr auto loss = (mean<n>(logsumexp<m>(similarity)) + mean<m>(logsumexp<n>(similarity))) / 2 - mean<n>(own);
constexpr auto learn = results(loss, gradient<loss>(wrt(picture_weight, caption_weight)));
constexpr auto best = max<m>(similarity);  // how alike the most similar caption is
constexpr auto found = mean<n>(where(own > best - 1e-4, 1, 0));

int run(int argc) {
  if (argc > 1) return std::puts(explain<learn>(with(n, 100000), with(m, 100000)).c_str()), 0;
  const extent_t N = 120;
  tensor<float> Pictures(N, 24), Captions(N, 16), U(24, 8), W(16, 8), dU(24, 8), dW(16, 8);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  float mixing[8][40];  // how a hidden vector shows in a picture and in a caption
  for (auto& line : mixing)
    for (float& a : line) a = normal(random);
  for (extent_t i = 0; i < N; ++i)
    for (int j = 0; j < 8; ++j) {
      const float hidden = normal(random);
      for (extent_t a = 0; a < 24; ++a) Pictures(i, a) += hidden * mixing[j][a];
      for (extent_t a = 0; a < 16; ++a) Captions(i, a) += hidden * mixing[j][24 + a];
    }
  for (auto* t : {&U, &W})
    for (float& a : *t) a = 0.3f * normal(random);

  float first = 0, now = 0, share = 0;
  workspace memory;
  for (int step = 0; step <= 30; ++step) {
    fuse<learn, strict>(pictures = Pictures, captions = Captions, picture_weight = U, caption_weight = W,
                        into(now, dU, dW), memory);
    if (step == 0) first = now;
    if (step % 10 == 0) {
      fuse<found>(pictures = Pictures, captions = Captions, picture_weight = U, caption_weight = W, into(share));
      std::printf("step %2d: loss %6.3f, %3.0f %% of the pictures find their caption\n", step, double(now),
                  100 * double(share));
    }
    for (std::size_t i = 0; i < U.size(); ++i) U[i] -= 0.5f * dU[i];
    for (std::size_t i = 0; i < W.size(); ++i) W[i] -= 0.5f * dW[i];
  }
  return now < 0.5f * first && share > 0.9f ? 0 : 1;
}
}  // namespace contrastive

int main(int argc, char**) { return contrastive::run(argc); }
