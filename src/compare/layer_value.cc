// SPDX-License-Identifier: MIT
#include "compare/layer_value.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/try.h"
#include "ops/convert.h"

namespace tessera::compare {
namespace {

constexpr std::size_t kImageRank = 4;

Shape without_ones(const Shape& shape) {
  Shape result;
  for (const std::int64_t size : shape) {
    if (size != 1) result.push_back(size);
  }
  return result;
}

/// N, H, W, C as N, C, H, W. The tensor is rank 4.
Result<Tensor> channels_first(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  auto* data = const_cast<std::byte*>(tensor.bytes());  // contiguous() only reads
  return Tensor::view(tensor.dtype(), {shape[0], shape[3], shape[1], shape[2]}, data)
      .with_dim_order(DimOrder::channels_last(kImageRank))
      .contiguous();
}

/// The tensor in each layout that it may be meant in, the likeliest first.
Result<std::vector<Tensor>> readings_of(const LayerValue& value) {
  std::vector<Tensor> readings = {value.numbers};
  if (value.is_channels_last && value.numbers.rank() == kImageRank) {
    readings.insert(readings.begin(), TRY(channels_first(value.numbers)));
  }
  return readings;
}

}  // namespace

Result<Tensor> real_numbers(const Tensor& tensor,
                            const std::optional<xnnpack::PerTensorQuant>& quant) {
  const Tensor source = TRY(tensor.contiguous());
  Tensor result = TRY(Tensor::empty(DType::kF32, source.shape()));
  const auto count = static_cast<std::size_t>(source.num_elements());
  ops::convert_elements(source.dtype(), source.bytes(), DType::kF32, result.bytes(), count);
  if (!quant) return result;
  const auto zero = static_cast<float>(quant->zero_point);
  for (float& number : std::span(result.data<float>(), count)) {
    number = (number - zero) * quant->scale;
  }
  return result;
}

Result<bool> add_difference(const LayerValue& first, const LayerValue& second, LayerSums& sums) {
  std::optional<LayerSums> best;
  const auto second_readings = TRY(readings_of(second));
  for (const Tensor& a : TRY(readings_of(first))) {
    for (const Tensor& b : second_readings) {
      if (without_ones(a.shape()) != without_ones(b.shape())) continue;
      LayerSums difference;
      difference.all.add(a, b);
      if (best && difference.all.squared_error() >= best->all.squared_error()) continue;
      difference.channels.add(a, b);
      best = std::move(difference);
    }
  }
  if (best) {
    sums.all.add(best->all);
    sums.channels.add(best->channels);
  }
  return best.has_value();
}

}  // namespace tessera::compare
