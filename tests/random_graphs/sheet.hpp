// The operands and results of one drawn graph. They run as they were drawn, with the numbers and the results that
// write.py has worked out; and, where a graph's axes say how, at extents drawn here: 0, 1 and primes, any strides,
// pages behind (or before) the memory that may not be touched, any number of threads, cotangents that are 0. What fuse
// gives there is compared with `reference`; how far its results move with every number on the way (rounded.hpp) is the
// error unit, so that it knows of differences of large numbers, wherever they are made.
#pragma once
#include "../support/drawn_operand.hpp"
#include "check.hpp"
#include "rounded.hpp"
#include <omp.h>
#include <array>
#include <deque>
#include <optional>

namespace random_graphs {
using heed_tests::chance, heed_tests::draw, heed_tests::drawn_operand, heed_tests::layout_kind, heed_tests::pick;

// How the extent of an axis is drawn again; a table's is longer than all positions.
enum class axis_kind { fixed, position, batch, width, table };
struct sheet_axis {
  const char* name;
  extent_t given, now;
  axis_kind kind;
};

// An operand or a result, whatever its type: numbers in the order of its axes.
class sheet_operand {
 public:
  sheet_operand(std::string what, std::vector<const sheet_axis*> axes) : what(std::move(what)), axes(std::move(axes)) {}
  virtual ~sheet_operand() = default;
  virtual void lay_out(std::mt19937&, layout_kind) = 0;
  virtual void fill(const std::vector<double>&) = 0;
  virtual std::vector<double> values() const = 0;
  virtual bool gaps_are_untouched() const = 0;

  std::vector<extent_t> extents() const {
    std::vector<extent_t> r;
    for (const sheet_axis* a : axes) r.push_back(a->now);
    return r;
  }
  std::size_t size() const {
    extent_t n = 1;
    for (const sheet_axis* a : axes) n *= a->now;
    return std::size_t(n);
  }
  std::string what;
  std::vector<const sheet_axis*> axes;
};
template <class T>
class sheet_memory : public sheet_operand {
 public:
  using sheet_operand::sheet_operand;
  void lay_out(std::mt19937& random, layout_kind kind) override { memory_.emplace(random, extents(), kind); }
  void fill(const std::vector<double>& numbers) override {
    std::size_t i = 0;
    memory_->each([&](T& x) { x = T(numbers[i++]); });
  }
  std::vector<double> values() const override {
    std::vector<double> r;
    memory_->each([&](const T& x) { r.push_back(double(x)); });
    return r;
  }
  bool gaps_are_untouched() const override { return memory_->gaps_are_untouched(); }
  view<T> bind() const { return memory_->bind(); }

 private:
  std::optional<drawn_operand<T>> memory_;
};

// What goes in: numbers as they were drawn, and between what others are drawn.
struct sheet_input {
  sheet_operand* at;
  std::vector<double> given;
  double low, high;
  bool real, is_cotangent;
};
// What comes out, of fuse and of reference.
struct sheet_result {
  sheet_operand *fused, *oracle;
  std::vector<wanted> wants;
  double precision;  // what a unit of float is multiplied by
};
template <class T> struct sheet_output {
  sheet_memory<T>& fused;
  sheet_memory<double>& oracle;
};

class sheet {
 public:
  explicit sheet(report& to) : report_(to) {}

  void axis(const char* name, extent_t extent, axis_kind kind = axis_kind::fixed) {
    axes_.push_back({name, extent, extent, kind});
  }
  extent_t operator[](const char* name) const { return find(name)->now; }
  template <class T> sheet_memory<T>& input(const char* what, std::initializer_list<const char*> axes,
                                            std::initializer_list<double> given, double low, double high,
                                            bool is_cotangent = false) {
    sheet_memory<T>& r = memory<T>(what, axes);
    inputs_.push_back({&r, given, low, high, std::is_floating_point_v<T>, is_cotangent});
    return r;
  }
  template <class T> sheet_output<T> result(const char* what, std::initializer_list<const char*> axes,
                                            std::initializer_list<wanted> wants) {
    sheet_output<T> r{memory<T>(what, axes), memory<double>(what, axes)};
    results_.push_back({&r.fused, &r.oracle, wants, std::is_same_v<T, double> ? 0x1p-29 : 1.0});
    return r;
  }

  // The graph as it was drawn: fuse and reference (where it is given) against the results worked out beforehand.
  void check_given(const std::function<void()>& fused, const std::function<void()>& oracle, double gate,
                   double gate_of_oracle) {
    std::mt19937 random(1);
    for (const sheet_input& x : inputs_) x.at->lay_out(random, layout_kind::dense), x.at->fill(x.given);
    make_room(random, layout_kind::dense);
    if (fused) {
      report_.call("fuse", "", fused);
      for (const sheet_result& x : results_)
        report_.compare("fuse", x.fused->what, x.fused->values(), x.wants, gate, x.precision);
    }
    if (!oracle) return;
    report_.call("reference", "", oracle);
    for (const sheet_result& x : results_)
      report_.compare("reference", x.oracle->what, x.oracle->values(), x.wants,
                      x.precision == 1 ? gate_of_oracle : gate, x.precision);
  }

  // ... and at drawn extents: draw number `number` of the graph whose seed this is. Every other time, NaN stands in
  // some operands of a graph that may have it there (one without gradients, which 0 times NaN reaches).
  void check_drawn(const std::function<void()>& fused, const std::function<void()>& oracle,
                   const std::function<void(std::mt19937&, double)>& moved, unsigned seed, int number,
                   bool may_have_nan, double gate) {
    std::mt19937 random(seed * 1000u + unsigned(number) + 17);
    draw_extents(random);
    const int most = omp_get_max_threads(), threads = draw(random, 1, 5);
    const std::string where =
        ", draw " + std::to_string(number) + " (" + said() + std::to_string(threads) + " threads)";
    std::vector<std::vector<double>> numbers;
    for (const sheet_input& x : inputs_) {
      x.at->lay_out(random, layout_kind::any);
      x.at->fill(numbers_for(x, random, may_have_nan && number % 2));
      numbers.push_back(x.at->values());  // what lies at stride 0 is one number
    }
    make_room(random, layout_kind::no_broadcast);
    omp_set_num_threads(threads);
    report_.call("fuse", where, fused);
    omp_set_num_threads(1);
    std::vector<std::vector<double>> got;
    for (const sheet_result& x : results_) {
      got.push_back(x.fused->values());
      report_.require(x.fused->gaps_are_untouched(), "fuse", x.fused->what + where, "something is written beside it");
    }
    make_room(random, layout_kind::dense);
    report_.call("fuse", where, fused);
    omp_set_num_threads(most);
    for (std::size_t i = 0; i < results_.size(); ++i)
      report_.require(same_bits(got[i], results_[i].fused->values()), "fuse", results_[i].fused->what + where,
                      "one thread gives other bits");
    report_.call("reference", where, oracle);
    std::vector<std::vector<double>> wanted_values, units;
    for (const sheet_result& x : results_) {
      wanted_values.push_back(x.oracle->values());
      units.emplace_back(wanted_values.back().size());
    }
    for (int i = 0; i < 3; ++i) {
      move_inputs(numbers, random);
      make_room(random, layout_kind::dense);
      report_.call("reference", where, [&] { moved(random, step); });
      for (std::size_t k = 0; k < results_.size(); ++k) widen(units[k], wanted_values[k], results_[k].oracle->values());
    }
    for (std::size_t k = 0; k < results_.size(); ++k)
      report_.compare("fuse", results_[k].fused->what + where, got[k],
                      with_units(wanted_values[k], units[k], terms(wanted_values[k].size())), gate,
                      results_[k].precision);
  }

 private:
  report& report_;
  std::deque<sheet_axis> axes_;
  std::vector<std::unique_ptr<sheet_operand>> all_;
  std::vector<sheet_input> inputs_;
  std::vector<sheet_result> results_;

  static constexpr double step = 0x1p-20;  // by which numbers are moved, 16 units of float

  const sheet_axis* find(const char* name) const {
    for (const sheet_axis& a : axes_)
      if (!std::strcmp(a.name, name)) return &a;
    std::abort();
  }
  template <class T> sheet_memory<T>& memory(const char* what, std::initializer_list<const char*> names) {
    std::vector<const sheet_axis*> axes;
    for (const char* n : names) axes.push_back(find(n));
    auto made = std::make_unique<sheet_memory<T>>(what, std::move(axes));
    sheet_memory<T>& r = *made;
    all_.push_back(std::move(made));
    return r;
  }
  // Memory for results; what nobody writes is seen.
  void make_room(std::mt19937& random, layout_kind kind) {
    for (const sheet_result& x : results_) {
      for (sheet_operand* r : {x.fused, x.oracle}) {
        r->lay_out(random, r == x.fused ? kind : layout_kind::dense);
        r->fill(std::vector<double>(r->size(), 77));
      }
    }
  }

  // Extents in proportion: all of them together stay below what a naive evaluation takes a moment for.
  void draw_extents(std::mt19937& random) {
    static constexpr std::array<extent_t, 24> positions{0,  1,  1,  2,  3,  5,  7,  8,  11, 13, 15, 16,
                                                        17, 19, 23, 29, 31, 32, 33, 37, 47, 61, 64, 97};
    static constexpr std::array<extent_t, 9> widths{1, 2, 3, 5, 8, 16, 17, 24, 33};
    double size = 0;
    do {
      extent_t longest = 1;
      size = 1;
      for (sheet_axis& a : axes_) {
        if (a.kind == axis_kind::position) a.now = pick(random, positions);
        if (a.kind == axis_kind::position || a.kind == axis_kind::fixed) longest = std::max(longest, a.now);
        if (a.kind == axis_kind::batch) a.now = draw(random, 1, 3);
        if (a.kind == axis_kind::width) a.now = pick(random, widths);
        if (a.kind == axis_kind::position || a.kind == axis_kind::batch) size *= double(std::max<extent_t>(a.now, 1));
      }
      double width = 1;
      for (sheet_axis& a : axes_) {
        if (a.kind == axis_kind::table) a.now = longest + draw(random, 0, 3);
        if (a.kind == axis_kind::width) width = std::max(width, double(a.now));
      }
      size *= width;
    } while (size > 20000);
  }
  std::string said() const {
    std::string r;
    for (const sheet_axis& a : axes_)
      if (a.kind != axis_kind::fixed) r += std::string(a.name) + "=" + std::to_string(a.now) + " ";
    return r;
  }
  static std::vector<double> numbers_for(const sheet_input& x, std::mt19937& random, bool with_nan) {
    std::vector<double> r(x.at->size());
    const bool zero = x.is_cotangent && chance(random, 8), ordered = !x.real && chance(random, 2);
    for (double& v : r) {
      if (x.real) v = double(float(std::uniform_real_distribution<double>(x.low, x.high)(random)));
      else v = draw(random, int(x.low), int(x.high));
      if (zero) v = 0;
    }
    if (ordered) std::sort(r.begin(), r.end());  // documents in order, keys that end somewhere
    if (with_nan && x.real && !r.empty() && chance(random, 3)) r[std::size_t(draw(random, 0, int(r.size()) - 1))] = NAN;
    return r;
  }
  void move_inputs(const std::vector<std::vector<double>>& numbers, std::mt19937& random) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!inputs_[i].real) continue;
      std::vector<double> moved = numbers[i];
      for (double& v : moved) v *= chance(random, 2) ? 1 + step : 1 - step;
      inputs_[i].at->fill(moved);
    }
  }
  static bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() && (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof(double)));
  }
  static void widen(std::vector<double>& units, const std::vector<double>& at, const std::vector<double>& moved) {
    for (std::size_t i = 0; i < at.size(); ++i)
      if (std::isfinite(at[i])) units[i] = std::max(units[i], std::fabs(moved[i] - at[i]) * (0x1p-24 / step));
  }
  // How many products an element of a result is made of, if nothing is larger than 1 (a softmax over one key has a
  // gradient that cancels to 0 whatever is moved).
  double terms(std::size_t elements) const {
    double all = 1;
    for (const sheet_axis& a : axes_)
      if (a.kind != axis_kind::table) all *= double(std::max<extent_t>(a.now, 1));
    return all / double(std::max<std::size_t>(elements, 1));
  }
  // No unit is smaller than a rounding of the largest element or of a sum of so many terms, or a tenth of the largest.
  static std::vector<wanted> with_units(const std::vector<double>& values, const std::vector<double>& units,
                                        double terms) {
    double largest = std::max(1.0, std::sqrt(terms)), largest_unit = 0;
    for (const double v : values)
      if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
    for (const double u : units) largest_unit = std::max(largest_unit, u);
    std::vector<wanted> r;
    for (std::size_t i = 0; i < values.size(); ++i)
      r.push_back({int(i), values[i], units[i] + 0x1p-24 * largest + 0.1 * largest_unit});
    return r;
  }
};

}  // namespace random_graphs
