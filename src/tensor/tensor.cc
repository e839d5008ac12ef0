// SPDX-License-Identifier: MIT
#include "tessera/tensor.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/try.h"
#include "tensor/reorder.h"

namespace tessera {
namespace {

constexpr std::size_t kAlignment = 64;

Result<std::size_t> padded_bytes(DType dtype, const Shape& shape) {
  std::size_t bytes = size_of(dtype);
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) {
      return fail(ErrorCode::kInvalidArgument, "no tensor can have the sizes {}",
                  shape.to_string());
    }
  }
  if (bytes > std::size_t{1} << 62) {
    return fail(ErrorCode::kMemoryAllocationFailed, "a tensor of {} needs {} bytes",
                shape.to_string(), bytes);
  }
  return (bytes + kTensorPaddingBytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Result<Tensor> Tensor::empty(DType dtype, const Shape& shape) {
  const std::size_t bytes = TRY(padded_bytes(dtype, shape));
  void* data = std::aligned_alloc(kAlignment, bytes);
  if (data == nullptr) {
    return fail(ErrorCode::kMemoryAllocationFailed, "no memory for {}{} ({} bytes)", name_of(dtype),
                shape.to_string(), bytes);
  }
  return view(dtype, shape, data, std::shared_ptr<void>(data, &std::free));
}

Result<Tensor> Tensor::zeros(DType dtype, const Shape& shape) {
  Tensor result = TRY(empty(dtype, shape));
  std::memset(result.bytes(), 0, result.num_bytes());
  return result;
}

Tensor Tensor::of_bytes(DType dtype, const Shape& shape, std::span<const std::byte> bytes) {
  auto result = empty(dtype, shape);
  CHECK(result.has_value() && result->num_bytes() == bytes.size());
  if (!bytes.empty()) std::memcpy(result->bytes(), bytes.data(), bytes.size());
  return *std::move(result);
}

Tensor Tensor::view(DType dtype, const Shape& shape, void* data,
                    std::shared_ptr<const void> owner) {
  Tensor result;
  result.dtype_ = dtype;
  result.shape_ = shape;
  result.data_ = static_cast<std::byte*>(data);
  result.owner_ = std::move(owner);
  return result;
}

Tensor Tensor::with_dim_order(const DimOrder& order) const {
  Tensor result = *this;
  result.dim_order_ = order;
  return result;
}

Result<Tensor> Tensor::contiguous() const {
  if (dim_order_.is_contiguous()) return *this;
  Tensor result = TRY(empty(dtype_, shape_));
  reorder(*this, result);
  return result;
}

std::size_t Tensor::num_bytes() const {
  return static_cast<std::size_t>(num_elements()) * size_of(dtype_);
}

std::string Tensor::type_string() const {
  return std::format("{}{}", name_of(dtype_), shape_.to_string());
}

}  // namespace tessera
