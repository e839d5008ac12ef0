// SPDX-License-Identifier: MIT
#include "formats/pte.h"

#include <algorithm>

namespace tessera::pte {

std::size_t TensorValue::num_bytes() const {
  return static_cast<std::size_t>(sizes.num_elements()) * size_of(dtype);
}

bool TensorValue::is_contiguous() const {
  return std::ranges::is_sorted(dim_order);  // of a permutation
}

std::optional<std::span<const std::byte>> Program::find_named_data(std::string_view key) const {
  const auto found = std::ranges::find(
      named_data, key, [](const auto& entry) -> std::string_view { return entry.first; });
  if (found == named_data.end()) return std::nullopt;
  return found->second;
}

}  // namespace tessera::pte
