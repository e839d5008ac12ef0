// SPDX-License-Identifier: MIT
#include "models/seeded_tensor.h"

#include "base/try.h"

namespace tessera {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every standard library.
class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
  }
  /// From 0 to 1, exclusive.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

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
