#include "checkpoint.hpp"
#include <safetensors_writer.hpp>

namespace training {
namespace {
using heed_examples::named_tensor, heed_examples::safetensors_file, heed_examples::safetensors_error;

void list(std::vector<named_tensor>& to, const std::string& prefix, weights& w) {
  for (const auto& e : w.all())
    to.push_back({prefix + e.name, "F32", {e.values->extents().begin(), e.values->extents().end()}, e.values->data()});
}
void read(const safetensors_file& file, const std::string& prefix, weights& w) {
  for (const auto& e : w.all()) {
    const std::string name = prefix + e.name;
    const auto& found = file.at(name);
    const std::vector<std::int64_t> wanted(e.values->extents().begin(), e.values->extents().end());
    if (found.type != "F32" || found.shape != wanted)
      throw safetensors_error(file.path(), name, "F32 of the model's shape", "another type or shape");
    const std::size_t size = e.values->size();
    std::vector<float> values = wanted.size() == 1   ? file.read(name, {-1})
                                : wanted.size() == 2 ? file.read(name, {-1, -1})
                                                     : file.read(name, {-1, -1, -1});
    std::copy_n(values.begin(), size, e.values->begin());
  }
}
}  // namespace

void save(const std::string& path, progress& p) {
  std::vector<named_tensor> all;
  list(all, "", p.w);
  list(all, "adamw.mean.", p.optimizer.mean);
  list(all, "adamw.square.", p.optimizer.square);
  const std::int32_t state[] = {p.step, p.steps, p.texts, p.context, std::int32_t(p.seed)};
  all.push_back({"state", "I32", {5}, state});
  all.push_back({"rate", "F32", {1}, &p.rate});
  all.push_back({"losses", "F32", {std::int64_t(p.losses.size())}, p.losses.data()});
  all.push_back({"validated", "F32", {std::int64_t(p.validated.size())}, p.validated.data()});
  heed_examples::write_safetensors(path, all);
}

progress load(const std::string& path) {
  const safetensors_file file(path);
  progress p;
  read(file, "", p.w);
  read(file, "adamw.mean.", p.optimizer.mean);
  read(file, "adamw.square.", p.optimizer.square);
  const std::vector<std::int32_t> state = file.read_whole("state");
  if (state.size() != 5 || state[0] < 0 || state[2] < 1 || state[3] < 1)
    throw safetensors_error(path, "state", "step, steps, texts, context and seed", "others");
  p.step = state[0], p.steps = state[1], p.texts = state[2], p.context = state[3], p.seed = unsigned(state[4]);
  p.rate = file.read("rate", {1})[0];
  p.losses = file.read("losses", {p.step});
  p.validated = file.read("validated", {-1});
  return p;
}

void export_step(const std::string& path, weights& w, const batch& x, float loss, weights& gradients) {
  std::vector<named_tensor> all;
  list(all, "", w);
  list(all, "gradient.", gradients);
  for (const auto& [name, t] : {std::pair("tokens", &x.tokens), std::pair("target", &x.target)})
    all.push_back({name, "I32", {t->extents().begin(), t->extents().end()}, t->data()});
  all.push_back({"loss", "F32", {1}, &loss});
  heed_examples::write_safetensors(path, all);
}

}  // namespace training
