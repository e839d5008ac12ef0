// SPDX-License-Identifier: MIT
#include "models/seeded_tensor.h"

#include "base/random.h"
#include "base/try.h"

namespace tessera {
namespace {

/// FNV-1a.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : text) {
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

Result<Tensor> seeded_tensor(std::uint64_t seed, std::string_view name, const Shape& shape,
                             SeededRange range) {
  Random random(Random(seed).next() ^ hash_of(name));
  Tensor tensor = TRY(Tensor::empty(DType::kF32, shape));
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    const double element = range.min + (range.max - range.min) * random.unit();
    tensor.data<float>()[i] = static_cast<float>(element);
  }
  return tensor;
}

}  // namespace tessera
