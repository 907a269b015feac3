// 8. A fused graph is a function on memory that you own: vectors, strided views of a packed buffer, workspace that is
// kept between calls, OpenMP's number of threads. A mistake at run time is one typed error, thrown before anything is
// written.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <vector>

namespace kernels {  // declared once, anywhere at namespace scope
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

int main(int argc, char**) {
  using kernels::q, kernels::k, kernels::v, heed::into, heed::view;
  constexpr long N = 64, D = 32;
  if (argc > 1) {
    using kernels::n, kernels::m, kernels::d, kernels::e, heed::with;
    return std::puts(heed::explain<kernels::out>(with(n, N), with(m, N), with(d, D), with(e, D)).c_str()), 0;
  }
  std::vector<float> packed(std::size_t(N * 3 * D));  // per position: its query, its key, its value
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = float(i % 19) / 19;
  std::vector<float> result(std::size_t(N * D));
  const auto part = [&](long i) { return view(packed.data() + i * D, {N, D}, {3 * D, 1}); };

  heed::workspace memory;  // grows once, then serves every call
  for (int call = 0; call < 3; ++call) {
    kernels::attend(q = part(0), k = part(1), v = part(2), into(view(result.data(), {N, D})), memory);
    std::printf("call %d: first value %.4f, workspace %zu bytes\n", call, double(result[0]), memory.bytes());
  }
  const bool right = std::abs(result[0] - packed[2 * D]) < 1e-6f;  // the first query sees the first key alone

  try {  // keys of another width than the queries
    kernels::attend(q = part(0), k = view(packed.data(), {N, D / 2}), v = part(2), into(view(result.data(), {N, D})),
                    memory);
  } catch (const heed::error& mistake) {
    std::printf("refused: %s\n", mistake.what());
    return right && mistake.operand() == "k" && mistake.axis() == "d" ? 0 : 1;
  }
  return 1;
}
