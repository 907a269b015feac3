// Every entry of examples/gallery as a test case: behind this header HEED_KERNEL, which declares a kernel there, makes
// a test of it. Without more, the plans of results and gradients are interpreted and compared with the oracle: nothing
// runs in a loop, nothing is stored over pairs of positions, and what the oracle says goes into a file for
// beside_formulas.py to look at. With HEED_GALLERY_KERNELS, the fused loops are compiled, run and compared.
#pragma once
#include "fused_against_oracle.hpp"
#include "planned.hpp"
#include <fstream>
#include <string_view>

namespace heed_tests {

using extents_by_axis = std::map<std::string, extent_t>;

// Extents that reach beyond a block of rows; positions that are renamed into each other have the same.
inline extents_by_axis extents_of_entry(std::string_view name) {
  if (name.ends_with("_block")) return {{"n", 9}, {"m", 9}};
  if (name == "triangle") return {{"i", 9}, {"n", 9}, {"m", 9}};
  if (name == "axial") return {{"h", 2}, {"y", 3}, {"x", 33}, {"xk", 33}};
  return {{"b", 2}, {"h", 2}, {"g", 2}, {"n", 40}, {"m", 40}, {"t", 9},
          {"a", 7}, {"c", 3}, {"y", 9}, {"x", 10}, {"yk", 9}, {"xk", 10}};
}
// Where a plan is interpreted: it means the same at all extents.
inline extents_by_axis small_extents_of_entry(std::string_view name) {
  extents_by_axis extents = extents_of_entry(name);
  for (auto& [axis, extent] : extents) extent = std::min<extent_t>(extent, 7);
  return extents;
}
// Element by element, sums inside of each other would take minutes: over the width of a model.
inline bool is_interpreted(std::string_view name) {
  return !name.ends_with("_block") && name != "triangle" && name != "perceiver" && name != "latent_keys" &&
         name != "gated_attention";
}

// Writes inputs and result as lines "entry array extent...", each followed by its elements as doubles of this machine.
class written_values {
 public:
  explicit written_values(const char* entry)
      : entry_(entry),
        file_("gallery/" + std::string(entry) + ".values", std::ios::binary) {}
  void write(const std::string& array, const std::vector<extent_t>& extents, const std::vector<double>& elements) {
    file_ << entry_ << ' ' << array;
    for (const extent_t x : extents) file_ << ' ' << x;
    file_ << '\n';
    file_.write(reinterpret_cast<const char*>(elements.data()), std::streamsize(elements.size() * sizeof(double)));
  }

 private:
  std::string entry_;
  std::ofstream file_;
};

inline void write_entry(const char* name, const expression& out, const extents_by_axis& given) {
  written_values file(name);
  operands memory;
  const index_array extent = extents_of(out.g, given);
  const std::vector<run::view> inputs = memory.of(out.g, extent);
  for (int i = 0; i < out.g.input_count; ++i) {
    const input_entry& in = out.g.inputs[std::size_t(i)];
    std::vector<extent_t> extents;
    extent_t size = 1;
    for (int a = 0; a < in.rank; ++a)
      extents.push_back(extent[std::size_t(in.order[std::size_t(a)])]), size *= extents.back();
    std::vector<double> elements;
    for (extent_t j = 0; j < size; ++j) elements.push_back(stored_at(in.type, inputs[std::size_t(i)].data, j));
    file.write(in.name.text(), extents, elements);
  }
  run::reference_graph oracle(out.g, extent, inputs.data());
  oracle[out.root];
  std::vector<int> order;
  std::vector<extent_t> extents;
  for (int a = 0; a < out.shape->rank; ++a) {
    order.push_back(out.g.find_axis(out.shape->axes[std::size_t(a)].name));
    extents.push_back(extent[std::size_t(order.back())]);
  }
  std::vector<double> elements;
  index_array at{};
  const auto each = [&](const auto& self, std::size_t axis) -> void {
    if (axis == order.size()) return elements.push_back(oracle.at(out.root, at));
    for (extent_t i = 0; i < extents[axis]; ++i) at[std::size_t(order[axis])] = i, self(self, axis + 1);
  };
  each(each, 0);
  file.write("out", extents, elements);
}

// The plan that a program would be compiled to, made while the test runs, and interpreted at some extents if any.
template <result_list R> void check_plan(const std::string& what, const extents_by_axis* given) {
  const auto plan = planned<R>();
  BOOST_TEST_REQUIRE(bool(plan->fault == plan::plan_fault::none), what << " is refused");
  BOOST_TEST(kinds(*plan).find('l') == std::string::npos, what << " is planned as " << kinds(*plan));
  BOOST_TEST(!stores_pairs(*plan), what << " stores values over pairs");
  const std::string wrong = given ? difference(*plan, R, *given) : "";
  BOOST_TEST(wrong == "", what << ": " << wrong);
}
template <result_list Out, result_list Gradients> void check_plans(const char* name) {
  const extents_by_axis small = small_extents_of_entry(name);
  const extents_by_axis* interpreted = is_interpreted(name) ? &small : nullptr;
  check_plan<Out>(name, interpreted);
  check_plan<Gradients>(std::string(name) + ", gradients", interpreted);
  write_entry(name, *Out.of[0], extents_of_entry(name));
}
// The fused loops.
template <result_list Out, result_list Gradients> void check_kernels(const char* name) {
  const extents_by_axis given = extents_of_entry(name);
  check_fused<Out>(name, 1e-4, {&given, 1});
  check_fused<Gradients>((std::string(name) + ", gradients").c_str(), 1e-4, {&given, 1});
}

}  // namespace heed_tests

#undef HEED_KERNEL
#ifdef HEED_GALLERY_KERNELS
#define HEED_KERNEL(NAME, OUT, ...) \
  BOOST_AUTO_TEST_CASE(NAME) { ::heed_tests::check_kernels<OUT, ::heed::gradient<OUT>(__VA_ARGS__)>(#NAME); }
#else
#define HEED_KERNEL(NAME, OUT, ...) \
  BOOST_AUTO_TEST_CASE(NAME) { ::heed_tests::check_plans<OUT, ::heed::gradient<OUT>(__VA_ARGS__)>(#NAME); }
#endif
