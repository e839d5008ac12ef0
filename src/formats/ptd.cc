// SPDX-License-Identifier: MIT
#include "formats/ptd.h"

#include <algorithm>
#include <format>
#include <set>
#include <string_view>

#include "base/try.h"
#include "formats/ptd_records.h"
#include "formats/tensor_layout.h"

namespace tessera::ptd {
namespace {

Result<void> check_entry(const Entry& entry) {
  if (entry.key.empty()) return fail(ErrorCode::kInvalidProgram, "has an empty key");
  if (!entry.layout) return {};
  TRY(check_layout(entry.layout->dtype, entry.layout->sizes, entry.layout->dim_order));
  if (entry.bytes.size() < entry.layout->num_bytes()) {
    return fail(ErrorCode::kInvalidProgram, "'{}' is {} of {} bytes, its segment has {}", entry.key,
                entry.layout->to_string(), entry.layout->num_bytes(), entry.bytes.size());
  }
  return {};
}

}  // namespace

std::size_t TensorLayout::num_bytes() const {
  return static_cast<std::size_t>(sizes.num_elements()) * size_of(dtype);
}

std::string TensorLayout::to_string() const {
  std::string text = std::format("{}{}", name_of(dtype), sizes.to_string());
  if (std::ranges::is_sorted(dim_order)) return text;
  text += " in dim order";
  for (const std::uint8_t dim : dim_order) text += std::format(" {}", dim);
  return text;
}

Result<void> check(const DataFile& file) {
  std::set<std::string_view> keys;
  for (std::size_t index = 0; index < file.entries.size(); ++index) {
    const Entry& entry = file.entries[index];
    auto checked = check_entry(entry);
    if (!checked) return with_context(std::move(checked).error(), std::format("entry {}", index));
    if (!keys.insert(entry.key).second) {
      return fail(ErrorCode::kInvalidProgram, "entry {}: another entry has the key '{}', too",
                  index, entry.key);
    }
  }
  return {};
}

}  // namespace tessera::ptd
