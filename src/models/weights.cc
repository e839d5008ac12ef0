// SPDX-License-Identifier: MIT
#include "tessera/weights.h"

#include <algorithm>

#include "base/try.h"
#include "formats/checkpoint.h"

namespace tessera {

Weights Weights::seeded(std::uint64_t seed) {
  Weights weights;
  weights.seed_ = seed;
  return weights;
}

Weights Weights::of(std::map<std::string, Tensor, std::less<>> tensors) {
  Weights weights;
  weights.tensors_ = std::move(tensors);
  return weights;
}

Result<Weights> Weights::read(const std::filesystem::path& file) {
  constexpr std::string_view kDataParallel = "module.";
  TensorMap tensors = TRY(read_checkpoint(file)).tensors;
  const auto is_prefixed = [&](const auto& entry) {
    return entry.first.starts_with(kDataParallel);
  };
  if (!std::ranges::all_of(tensors, is_prefixed)) return of(std::move(tensors));
  TensorMap renamed;
  for (auto& [name, tensor] : tensors) {
    renamed.emplace(name.substr(kDataParallel.size()), std::move(tensor));
  }
  return of(std::move(renamed));
}

const Tensor* Weights::find(std::string_view name) const {
  if (!tensors_) return nullptr;
  const auto found = tensors_->find(name);
  return found == tensors_->end() ? nullptr : &found->second;
}

std::vector<std::string> Weights::names() const {
  std::vector<std::string> result;
  if (!tensors_) return result;
  for (const auto& [name, tensor] : *tensors_) result.push_back(name);
  return result;
}

}  // namespace tessera
