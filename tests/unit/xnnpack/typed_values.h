// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "payload_maker.h"
#include "run_delegate.h"
#include "tessera/half.h"

/// Numbers in the delegate's datatypes, so that one reference in double serves all of them.
namespace tessera::xnnpack {

/// How numbers are kept: a datatype, with scale and zero point if it is quantized per tensor.
struct Type {
  Datatype datatype = Datatype::kF32;
  PerTensorQuant quant;

  bool is_quantized() const {
    return datatype == Datatype::kQInt8 || datatype == Datatype::kQUInt8;
  }
  QuantParams params() const { return is_quantized() ? QuantParams(quant) : QuantParams(); }
  double lowest() const {
    return (datatype == Datatype::kQUInt8 ? 0.0 - quant.zero_point : -128.0 - quant.zero_point) *
           quant.scale;
  }
  double highest() const { return lowest() + 255.0 * quant.scale; }
};

/// The type for numbers in [low, high]; 8-bit types have zero in their range.
inline Type type_for(Datatype datatype, double low, double high) {
  Type type{.datatype = datatype};
  if (!type.is_quantized()) return type;
  low = std::min(low, 0.0);
  high = std::max({high, 0.0, low + 1e-3});
  type.quant.scale = static_cast<float>((high - low) / 255);
  const double first = datatype == Datatype::kQUInt8 ? 0 : -128;
  type.quant.zero_point = static_cast<std::int32_t>(std::lround(first - low / type.quant.scale));
  return type;
}

/// A tensor with the nearest numbers of the type.
inline Tensor encode(const Type& type, const Shape& shape, const std::vector<double>& numbers) {
  auto tensor = Tensor::zeros(dtype_of(type.datatype), shape).value();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double steps = type.is_quantized()
                             ? std::nearbyint(numbers[i] / type.quant.scale) + type.quant.zero_point
                             : 0;
    switch (type.datatype) {
      case Datatype::kF32:
        tensor.data<float>()[i] = static_cast<float>(numbers[i]);
        break;
      case Datatype::kF16:
        tensor.data<Half>()[i] = Half(static_cast<float>(numbers[i]));
        break;
      case Datatype::kQInt8:
        tensor.data<std::int8_t>()[i] = static_cast<std::int8_t>(std::clamp(steps, -128.0, 127.0));
        break;
      default:
        tensor.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(std::clamp(steps, 0.0, 255.0));
        break;
    }
  }
  return tensor;
}

inline std::vector<double> decode(const Type& type, const Tensor& tensor) {
  std::vector<double> numbers(static_cast<std::size_t>(tensor.num_elements()));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    switch (tensor.dtype()) {
      case DType::kF32:
        numbers[i] = tensor.data<float>()[i];
        break;
      case DType::kF16:
        numbers[i] = static_cast<float>(tensor.data<Half>()[i]);
        break;
      case DType::kI32:
        numbers[i] = tensor.data<std::int32_t>()[i];
        break;
      case DType::kI8:
        numbers[i] = (tensor.data<std::int8_t>()[i] - type.quant.zero_point) *
                     static_cast<double>(type.quant.scale);
        break;
      default:
        numbers[i] = (tensor.data<std::uint8_t>()[i] - type.quant.zero_point) *
                     static_cast<double>(type.quant.scale);
        break;
    }
  }
  return numbers;
}

/// `count` numbers in [low, high] that look random.
inline std::vector<double> sample_numbers(std::size_t count, double low, double high,
                                          std::uint32_t seed) {
  std::vector<double> numbers;
  for (const float element : sample_elements(count, seed)) {
    numbers.push_back(low + (high - low) * (static_cast<double>(element) + 1) / 2);
  }
  return numbers;
}

/// Expects each found number near the expected one: a step and a bit of an 8-bit type, whose range
/// it is cut to, or the type's relative precision times a margin for sums in another order.
inline void expect_close(const Type& type, const std::vector<double>& found,
                         const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double number : expected) {
    if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
  }
  const double tolerance = type.is_quantized()               ? 1.01 * type.quant.scale
                           : type.datatype == Datatype::kF16 ? 4e-3 * std::max(largest, 1.0)
                                                             : 1e-5 * std::max(largest, 1.0);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double limit =
        type.is_quantized() ? std::clamp(expected[i], type.lowest(), type.highest()) : expected[i];
    ASSERT_NEAR(found[i], limit, tolerance) << "element " << i;
  }
}

}  // namespace tessera::xnnpack
