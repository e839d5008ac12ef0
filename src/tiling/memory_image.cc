// SPDX-License-Identifier: MIT
#include "base/check.h"
#include "base/try.h"
#include "tessera/tiled.h"
#include "tiling/pixels.h"

namespace tessera {
namespace {

/// The window's first sample of a planar tensor [1,C,H,W].
template <class Samples, class Byte>
Samples samples_at(const Tensor& tensor, Byte* bytes, const PixelWindow& window) {
  const std::int64_t width = tensor.size(3);
  const std::int64_t first = window.y * width + window.x;
  return {bytes + first * static_cast<std::int64_t>(size_of(tensor.dtype())), tensor.dtype(), 1,
          width, tensor.size(2) * width};
}

bool is_inside(const PixelWindow& window, const Tensor& tensor) {
  return window.x >= 0 && window.y >= 0 && window.x + window.width <= tensor.size(3) &&
         window.y + window.height <= tensor.size(2);
}

}  // namespace

Planes planes_of(Tensor& tensor) {
  CHECK(tensor.dtype() == DType::kF32 && tensor.rank() == 4 && tensor.size(0) == 1);
  return {tensor.data<float>(), tensor.size(1), tensor.size(2),
          tensor.size(3),       tensor.size(3), tensor.size(2) * tensor.size(3)};
}

ConstPlanes planes_of(const Tensor& tensor) {
  CHECK(tensor.dtype() == DType::kF32 && tensor.rank() == 4 && tensor.size(0) == 1);
  return {tensor.data<float>(), tensor.size(1), tensor.size(2),
          tensor.size(3),       tensor.size(3), tensor.size(2) * tensor.size(3)};
}

Result<std::unique_ptr<MemorySource>> MemorySource::create(Tensor tensor, PixelFormat format) {
  if (!tiling::is_sample_dtype(tensor.dtype()) || tensor.rank() != 4 || tensor.size(0) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "image: expected u8, u16 or f32 of [1, channels, height, width], found {}",
                tensor.type_string());
  }
  return std::unique_ptr<MemorySource>(new MemorySource(std::move(tensor), format));
}

ImageSize MemorySource::size() const { return {tensor_.size(3), tensor_.size(2), tensor_.size(1)}; }

Result<std::unique_ptr<Source>> MemorySource::clone() const {
  return std::unique_ptr<Source>(new MemorySource(tensor_, format_));
}

Result<void> MemorySource::read(const PixelWindow& window, const Planes& destination) {
  CHECK(is_inside(window, tensor_));
  const Tensor& tensor = tensor_;
  tiling::read_samples(samples_at<tiling::ConstSamples>(tensor, tensor.bytes(), window), format_,
                       destination);
  return {};
}

Result<void> MemorySink::begin(const ImageSize& size) {
  CHECK(tiling::is_sample_dtype(dtype_));
  const Shape shape = {1, size.channels, size.height, size.width};
  if (!is_given_) {
    tensor_ = TRY(Tensor::empty(dtype_, shape));
  } else if (tensor_.shape() != shape) {
    return fail(ErrorCode::kInvalidArgument, "the image is {}, the memory for it {}",
                shape.to_string(), tensor_.type_string());
  }
  return {};
}

Result<void> MemorySink::write(const PixelWindow& window, const ConstPlanes& pixels) {
  CHECK(is_inside(window, tensor_));
  tiling::write_samples(pixels, format_,
                        samples_at<tiling::Samples>(tensor_, tensor_.bytes(), window));
  return {};
}

Result<void> MemorySink::finish() { return {}; }

}  // namespace tessera
