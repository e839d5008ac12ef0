// SPDX-License-Identifier: MIT
#include <algorithm>
#include <format>
#include <map>
#include <memory>

#include "base/random.h"
#include "base/try.h"
#include "tessera/calibrate.h"

namespace tessera {
namespace {

/// The size of images of random numbers where the model leaves the choice: large enough for the
/// borders of convolutions to be few.
constexpr std::int64_t kRandomSize = 256;

template <class T>
void fill_with_fractions(Tensor& tensor, Random& random) {
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.data<T>()[i] = static_cast<T>(random.unit());
  }
}

void fill(Tensor& tensor, Random& random) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return fill_with_fractions<float>(tensor, random);
    case DType::kF64:
      return fill_with_fractions<double>(tensor, random);
    case DType::kF16:
      return fill_with_fractions<Half>(tensor, random);
    case DType::kBF16:
      return fill_with_fractions<BFloat16>(tensor, random);
    default:  // integers, little-endian: indices of whatever there is, and truth values
      for (std::size_t i = 0; i < tensor.num_bytes(); i += size_of(tensor.dtype())) {
        tensor.bytes()[i] = static_cast<std::byte>(random.next() >> 63);
      }
  }
}

Result<std::vector<Tensor>> random_sample(std::uint64_t seed, std::span<const ModelInput> inputs) {
  Random random(seed);
  std::vector<Tensor> tensors;
  for (const ModelInput& input : inputs) {
    Shape shape;
    if (input.sizes.size() > Shape::kMaxRank) {
      return fail(ErrorCode::kInvalidArgument, "input {} has {} dimensions", input.name,
                  input.sizes.size());
    }
    for (const InputSize& size : input.sizes) {
      shape.push_back(size.allowed_up_to(kRandomSize));
    }
    Tensor tensor = TRY(Tensor::zeros(input.dtype, shape));
    fill(tensor, random);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

std::string ModelInput::to_string() const {
  std::string text = std::format("{}: {}[", name, name_of(dtype));
  for (const InputSize& size : sizes) {
    if (&size != sizes.data()) text += ", ";
    text += size.is_fixed() ? std::to_string(size.min) : std::format("{}..{}", size.min, size.max);
    if (size.multiple_of > 1) text += std::format(" by {}", size.multiple_of);
  }
  return text + "]";
}

CalibrationInputs random_inputs(std::size_t num_samples, std::uint64_t seed) {
  return {.num_samples = num_samples,
          .inputs =
              [seed](std::size_t sample, std::span<const ModelInput> inputs) {
                return random_sample(Random(seed + sample).next(), inputs);
              },
          .is_random = true};
}

CalibrationInputs tensor_inputs(std::vector<std::vector<Tensor>> samples) {
  const auto shared = std::make_shared<const std::vector<std::vector<Tensor>>>(std::move(samples));
  return {.num_samples = shared->size(),
          .inputs = [shared](std::size_t sample, std::span<const ModelInput>)
              -> Result<std::vector<Tensor>> { return (*shared)[sample]; }};
}

}  // namespace tessera
