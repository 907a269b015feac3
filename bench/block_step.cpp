// heed's side of bench/block_step.py: a step of a block (forward, and the gradients of its input and all its weights)
// on drawn values. Writes them with the result and the gradients to a safetensors file, prints the median seconds of a
// step, or the least of the processor. usage: heed-block-step FILE [POSITIONS] [--explain | --processor]
#include "block.hpp"
#include "safetensors_writer.hpp"
#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <string_view>

namespace {
using heed::extent_t, heed::tensor;
void draw(tensor<float>& t, std::mt19937& random, float mean, float spread) {
  std::normal_distribution<float> normal(mean, spread);
  for (float& x : t) x = normal(random);
}
block::tensors empty(extent_t N) {
  constexpr extent_t C = 512, F = 1536;
  const auto square = [] { return tensor<float>(C, C); };
  return {tensor<float>(1, N, C),
          square(),
          square(),
          square(),
          square(),
          tensor<float>(F, C),
          tensor<float>(F, C),
          tensor<float>(C, F),
          tensor<float>(C),
          tensor<float>(C)};
}
std::vector<std::pair<std::string, tensor<float>*>> named(block::tensors& t) {
  return {{"x", &t.x},       {"wq", &t.wq}, {"wk", &t.wk},     {"wv", &t.wv},         {"wo", &t.wo},
          {"gate", &t.gate}, {"up", &t.up}, {"down", &t.down}, {"norm_a", &t.norm_a}, {"norm_f", &t.norm_f}};
}
double now(bool of_processor) {
  if (of_processor) return double(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
}  // namespace

int main(int argc, char** argv) {
  const extent_t N = argc > 2 ? std::atol(argv[2]) : 1024;
  const std::string_view option = argc > 3 ? argv[3] : "";
  const bool of_processor = option == "--processor";
  if (option == "--explain")
    return std::puts(
               heed::explain<block::step>(heed::with(block::b, 1), heed::with(block::n, N), heed::with(block::m, N))
                   .c_str()),
           0;
  if (argc < 2 || N < 1 || (argc > 3 && !of_processor))
    return std::fprintf(stderr, "usage: heed-block-step FILE [POSITIONS] [--explain | --processor]\n"), 1;
  std::mt19937 random{1};
  block::tensors t = empty(N), g = empty(N);
  for (const auto& [name, values] : named(t))
    draw(*values, random, name[0] == 'n' ? 1.f : 0.f, name == "x" ? 1.f : 0.04f);  // weights of norms lie around 1
  tensor<float> cotangent(1, N, 512), out(1, N, 512);
  draw(cotangent, random, 0, 1);
  heed::workspace memory;
  block::run(t, g, out, cotangent, memory);

  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) sum += double(out[i]) * double(cotangent[i]);
  const float loss = float(sum);
  std::vector<heed_examples::named_tensor> all = {{"loss", "F32", {1}, &loss}};
  const auto add = [&](const std::string& name, const tensor<float>& v) {
    all.push_back({name, "F32", {v.extents().begin(), v.extents().end()}, v.data()});
  };
  add("cotangent", cotangent), add("out", out);
  for (const auto& [name, values] : named(t)) add(name, *values);
  for (const auto& [name, values] : named(g)) add("gradient." + name, *values);
  heed_examples::write_safetensors(argv[1], all);

  std::vector<double> seconds(15);
  for (double& s : seconds) {
    s = -now(of_processor);
    block::run(t, g, out, cotangent, memory);
    s += now(of_processor);
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%.6f\n", seconds[of_processor ? 0 : seconds.size() / 2]);
}
