// A fused graph is a function on memory that you own: vectors, strided views, kept workspace; mistakes are one typed error.
#include <cstdio>
#include <heed/heed.hpp>
#include <vector>

namespace kernels {
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
constexpr auto attend = fuse<out, strict>;
}  // namespace kernels

int main() {
  constexpr long N = 64, D = 32;
  std::vector<float> packed(std::size_t(N * 3 * D));       // q, k and v side by side in one buffer
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = float(i % 19) / 19;
  std::vector<float> result(std::size_t(N * D));
  heed::workspace memory;
  const auto part = [&](long i) { return heed::view(packed.data() + i * D, {N, D}, {3 * D, 1}); };
  kernels::attend(kernels::q = part(0), kernels::k = part(1), kernels::v = part(2), heed::into(heed::view(result.data(), {N, D})), memory);
  std::printf("first value %.4f, workspace %zu bytes\n", double(result[0]), memory.bytes());
  try {
    kernels::attend(kernels::q = part(0), kernels::k = heed::view(packed.data(), {N, D / 2}), kernels::v = part(2), heed::into(heed::view(result.data(), {N, D})), memory);
  } catch (const heed::error& e) {
    std::printf("%s\n", e.what());
    return e.operand() == "k" && e.axis() == "d" ? 0 : 1;
  }
  return 1;
}
