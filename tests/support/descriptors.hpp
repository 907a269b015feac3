// Descriptors of the C interface for tests: of tensors, and of parts of them at strides of one's own.
#pragma once
#include <heed/export.hpp>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace heed_tests {

// A name and what belongs to it: a tensor, an extent, a descriptor.
template <class T> std::pair<const char*, T&> as(const char* name, T& x) { return {name, x}; }

template <class T> constexpr heed_dtype dtype_of() {
  return heed::internal::exported::dtype_of(heed::internal::element_of<T>);
}

// The operands of one call, with the extents and strides that their descriptors point to.
class descriptors {
 public:
  using extents = std::vector<std::int64_t>;

  heed_tensor& add(void* data, heed_dtype dtype, const extents& shape) {
    heed_tensor x{};
    x.data = data, x.device.type = 1, x.ndim = std::int32_t(shape.size()), x.dtype = dtype;
    x.shape = kept_.emplace_back(shape).data();
    all_.push_back(x);
    return all_.back();
  }
  heed_tensor& add(void* data, heed_dtype dtype, const extents& shape, const extents& strides) {
    heed_tensor& x = add(data, dtype, shape);
    x.strides = kept_.emplace_back(strides).data();
    return x;
  }
  template <class T> heed_tensor& add(const heed::tensor<T>& t) {
    return add(const_cast<T*>(t.data()), dtype_of<T>(), extents(t.extents().begin(), t.extents().end()));
  }
  // The operands of a function by their names, in its order.
  template <class... T> static descriptors of(const heed_function& f, const std::pair<const char*, T&>&... given) {
    descriptors r;
    for (int i = 0; i < f.operand_count; ++i)
      if (!(r.add_if(f.operands[i].name, given) || ...))
        throw std::logic_error(std::string("nothing is given for ") + f.operands[i].name);
    return r;
  }
  heed_tensor& extent(std::int64_t& e) { return add(&e, dtype_of<std::int64_t>(), {}); }

  const heed_tensor* data() const { return all_.data(); }
  heed_tensor& operator[](int i) { return all_[i]; }
  std::int32_t count() const { return std::int32_t(all_.size()); }

 private:
  template <class T> bool add_if(const std::string& name, const std::pair<const char*, T&>& given) {
    if (name != given.first) return false;
    if constexpr (std::is_same_v<std::remove_const_t<T>, std::int64_t>) extent(given.second);
    else if constexpr (std::is_same_v<std::remove_const_t<T>, heed_tensor>) all_.push_back(given.second);
    else add(given.second);
    return true;
  }
  std::vector<heed_tensor> all_;
  std::deque<extents> kept_;
};

}  // namespace heed_tests
