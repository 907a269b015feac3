// Operands as strangers hand them over: any order of axes, padding, steps backwards, broadcast by stride 0,
// element-aligned and no better, a forbidden page right behind (or before) the last (first) element. Outputs know
// whether anything was written beside their elements.
#pragma once
#include "guarded.hpp"
#include <heed/heed.hpp>
#include <memory>
#include <random>
#include <vector>

namespace heed_tests {
using namespace heed;

inline int draw(std::mt19937& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}
inline bool chance(std::mt19937& random, int one_in) { return draw(random, 1, one_in) == 1; }
template <class L> auto pick(std::mt19937& random, const L& list) {
  return list[std::size_t(draw(random, 0, int(std::size(list)) - 1))];
}

enum class layout_kind { dense, any, no_broadcast, no_broadcast_of_last };

template <class T>
class drawn_operand {
 public:
  static constexpr T untouched = T(7);

  drawn_operand(std::mt19937& random, std::vector<extent_t> extents, layout_kind kind = layout_kind::any)
      : extents_(std::move(extents)),
        strides_(extents_.size()) {
    const std::size_t rank = extents_.size();
    std::vector<std::size_t> order(rank);
    for (std::size_t i = 0; i < rank; ++i) order[i] = i;
    if (kind != layout_kind::dense && chance(random, 2)) std::shuffle(order.begin(), order.end(), random);
    extent_t step = 1, first = 0, last = 0;
    bool empty = false;
    for (std::size_t i = rank; i-- > 0;) {
      const std::size_t axis = order[i];
      const extent_t extent = extents_[axis];
      empty = empty || extent == 0;
      if ((kind == layout_kind::any || (kind == layout_kind::no_broadcast_of_last && axis + 1 < rank)) &&
          chance(random, 10)) {
        strides_[axis] = 0, broadcast_ = broadcast_ || extent > 1;
        continue;
      }
      if (kind != layout_kind::dense && i + 1 == rank && chance(random, 6)) step = 2;  // no axis is contiguous
      strides_[axis] = step;
      const extent_t reach = (extent - 1) * step;
      if (kind != layout_kind::dense && chance(random, 6)) strides_[axis] = -step, first += extent > 0 ? -reach : 0;
      else last += extent > 0 ? reach : 0;
      step *=
          std::max<extent_t>(extent, 1) + (kind != layout_kind::dense && chance(random, 3) ? draw(random, 1, 3) : 0);
    }
    const extent_t count = empty ? 0 : last - first + 1;
    memory_ = std::make_unique<guarded<T>>(
        std::size_t(count), chance(random, 4) ? guarded<T>::side::before : guarded<T>::side::behind, untouched);
    count_ = count;
    origin_ = memory_->data() - (empty ? 0 : first);
  }

  bool broadcast() const { return broadcast_; }
  const std::vector<extent_t>& extents() const { return extents_; }
  template <class... I> T& operator()(I... index) const {
    extent_t at = 0;
    std::size_t i = 0;
    ((at += extent_t(index) * strides_[i++]), ...);
    return origin_[at];
  }
  heed::view<T> bind() const {
    return {origin_, std::span<const extent_t>(extents_), std::span<const extent_t>(strides_)};
  }

  // Calls f(element) for every index, the last axis fastest.
  template <class F> void each(const F& f) const {
    std::vector<extent_t> index(extents_.size());
    for (const extent_t e : extents_)
      if (e == 0) return;
    for (extent_t at = 0;;) {
      f(origin_[at]);
      std::size_t k = extents_.size();
      for (; k-- > 0;) {
        at += strides_[k];
        if (++index[k] < extents_[k]) break;
        at -= extents_[k] * strides_[k], index[k] = 0;
      }
      if (k == std::size_t(-1)) return;
    }
  }
  // Are the elements between those of the view what they were?
  bool gaps_are_untouched() const {
    std::vector<bool> mine(static_cast<std::size_t>(count_));
    each([&](T& x) { mine[std::size_t(&x - memory_->data())] = true; });
    for (std::size_t i = 0; i < mine.size(); ++i)
      if (!mine[i] && (*memory_)[i] != untouched) return false;
    return true;
  }

 private:
  std::vector<extent_t> extents_, strides_;
  std::unique_ptr<guarded<T>> memory_;
  extent_t count_ = 0;
  T* origin_ = nullptr;
  bool broadcast_ = false;
};

}  // namespace heed_tests
