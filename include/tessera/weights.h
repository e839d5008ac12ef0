// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/tensor.h"

namespace tessera {

/// Where the parameters of a network come from: numbers that follow from a seed, or tensors by name
/// (a state_dict). Immutable; copies share tensors.
class Weights {
 public:
  /// Each tensor's elements follow from the seed and the tensor's name alone, the same on every
  /// machine: for tests and for measuring speed.
  static Weights seeded(std::uint64_t seed);
  /// A .safetensors file, or a state_dict that torch.save wrote (.pth, .pt), told apart by content.
  /// "module." in front of every name, which torch.nn.DataParallel leaves there, is dropped. Errors
  /// name the file.
  static Result<Weights> read(const std::filesystem::path& file);
  static Weights of(std::map<std::string, Tensor, std::less<>> tensors);

  bool is_seeded() const { return !tensors_; }
  std::uint64_t seed() const { return seed_; }
  /// Nothing if there is no tensor of this name, or all are seeded.
  const Tensor* find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  Weights() = default;

  std::uint64_t seed_ = 0;
  std::optional<std::map<std::string, Tensor, std::less<>>> tensors_;
};

}  // namespace tessera
