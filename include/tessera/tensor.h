// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "tessera/dim_order.h"
#include "tessera/half.h"
#include "tessera/result.h"
#include "tessera/shape.h"

namespace tessera {

/// Element types, in ExecuTorch's ScalarType numbers (schema/scalar_type.fbs).
enum class DType : std::int8_t {
  kU8 = 0,
  kI8 = 1,
  kI16 = 2,
  kI32 = 3,
  kI64 = 4,
  kF16 = 5,
  kF32 = 6,
  kF64 = 7,
  kBool = 11,
  kBF16 = 15,
  kU16 = 27,
  kU32 = 28,
  kU64 = 29,
};

/// "f32", "i64", "bool", ...
std::string_view name_of(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
/// The dtype with this ExecuTorch number, or nothing if Tessera has none.
std::optional<DType> dtype_from_number(int scalar_type);
std::size_t size_of(DType dtype);

namespace detail {
template <class T>
struct DTypeOf;
template <DType kDType>
using Is = std::integral_constant<DType, kDType>;
template <>
struct DTypeOf<std::uint8_t> : Is<DType::kU8> {};
template <>
struct DTypeOf<std::int8_t> : Is<DType::kI8> {};
template <>
struct DTypeOf<std::int16_t> : Is<DType::kI16> {};
template <>
struct DTypeOf<std::uint16_t> : Is<DType::kU16> {};
template <>
struct DTypeOf<std::int32_t> : Is<DType::kI32> {};
template <>
struct DTypeOf<std::int64_t> : Is<DType::kI64> {};
template <>
struct DTypeOf<Half> : Is<DType::kF16> {};
template <>
struct DTypeOf<BFloat16> : Is<DType::kBF16> {};
template <>
struct DTypeOf<float> : Is<DType::kF32> {};
template <>
struct DTypeOf<double> : Is<DType::kF64> {};
template <>
struct DTypeOf<bool> : Is<DType::kBool> {};
}  // namespace detail

/// dtype_of<float>() is DType::kF32.
template <class T>
constexpr DType dtype_of() {
  return detail::DTypeOf<T>::value;
}

/// Bytes that may be read (never used) behind the last element of a tensor that XNNPACK reads
/// (XNN_EXTRA_BYTES in xnnpack.h).
inline constexpr std::size_t kTensorPaddingBytes = 16;

/// A dense tensor, contiguous in the order of its sizes (NCHW for images) unless dim_order() says
/// otherwise. Either owns its memory
/// (shared by copies, aligned to 64 bytes, with kTensorPaddingBytes behind it) or views the
/// caller's. Copying a Tensor never copies elements. Not synchronised.
class Tensor {
 public:
  Tensor() = default;

  /// Owning, uninitialised.
  static Result<Tensor> empty(DType dtype, const Shape& shape);
  /// Owning, all bytes zero.
  static Result<Tensor> zeros(DType dtype, const Shape& shape);
  /// Owning copy of `elements`, whose number must be the shape's.
  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> elements) {
    return of_bytes(dtype_of<T>(), shape, std::as_bytes(elements));
  }
  static Tensor of_bytes(DType dtype, const Shape& shape, std::span<const std::byte> bytes);
  /// View of the caller's memory, which must outlive the tensor and every copy of it and hold
  /// shape.num_elements() elements. `owner`, if given, is kept alive instead.
  static Tensor view(DType dtype, const Shape& shape, void* data,
                     std::shared_ptr<const void> owner = nullptr);
  /// The same for memory in another order: view(...).with_dim_order(DimOrder::channels_last(4)) for
  /// an image of sizes [N, C, H, W] whose channels lie side by side.
  Tensor with_dim_order(const DimOrder& order) const;
  /// This tensor if its dim order is contiguous, else an owning copy that is.
  Result<Tensor> contiguous() const;

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::size_t rank() const { return shape_.rank(); }
  std::int64_t size(std::size_t dim) const { return shape_[dim]; }
  std::int64_t num_elements() const { return shape_.num_elements(); }
  std::size_t num_bytes() const;
  bool has_data() const { return data_ != nullptr; }
  const DimOrder& dim_order() const { return dim_order_; }

  std::byte* bytes() { return data_; }
  const std::byte* bytes() const { return data_; }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  std::span<const T> elements() const {
    return {data<T>(), static_cast<std::size_t>(num_elements())};
  }

  /// Same memory, other sizes: the caller knows that they fit.
  void set_shape(const Shape& shape) { shape_ = shape; }
  void set_data(void* data) { data_ = static_cast<std::byte*>(data); }
  void set_dim_order(const DimOrder& order) { dim_order_ = order; }

  /// "f32[1, 3, 224, 224]"
  std::string type_string() const;

 private:
  DType dtype_ = DType::kF32;
  Shape shape_;
  DimOrder dim_order_;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace tessera
