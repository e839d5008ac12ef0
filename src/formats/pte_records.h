// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/try.h"
#include "formats/pte.h"

namespace tessera::fb::program {
struct EValue;
struct ExecutionPlan;
}  // namespace tessera::fb::program

/// What the parts of the program reader and writer share.
namespace tessera::pte {

/// How much a reader may still copy out of a file. Offsets of a hostile file may lead many tables
/// to one long vector; without a limit the records would be far larger than the file.
class CopyBudget {
 public:
  explicit CopyBudget(std::size_t num_bytes) : num_bytes_(num_bytes) {}

  Result<void> take(std::size_t num_bytes) {
    if (num_bytes > num_bytes_) {
      return fail(ErrorCode::kInvalidProgram,
                  "a vector of {} bytes is shared by too many tables to be meant", num_bytes);
    }
    num_bytes_ -= num_bytes;
    return {};
  }

 private:
  std::size_t num_bytes_;
};

/// Fails if a table, vector or string that must be there is not.
inline Result<void> expect_present(const void* part, std::string_view what) {
  if (part == nullptr) return fail(ErrorCode::kInvalidProgram, "has no {}", what);
  return {};
}

/// Copies a FlatBuffers vector of scalars that must be there. The verifier checks the alignment of
/// a vector's length, not of its items, so items of 8 bytes must not be read in place.
template <class T, class FlatVector>
Result<std::vector<T>> copy_items(const FlatVector* items, std::string_view what,
                                  CopyBudget& budget) {
  TRY(expect_present(items, what));
  TRY(budget.take(items->size() * sizeof(T)));
  if constexpr (std::is_same_v<T, bool>) {
    return std::vector<bool>(items->begin(), items->end());
  } else {
    static_assert(sizeof(typename FlatVector::value_type) == sizeof(T));
    std::vector<T> copy(items->size());
    if (!copy.empty()) std::memcpy(copy.data(), items->Data(), copy.size() * sizeof(T));
    return copy;
  }
}

/// Copies a FlatBuffers string that must be there.
template <class FlatString>
Result<std::string> copy_text(const FlatString* text, std::string_view what, CopyBudget& budget) {
  TRY(expect_present(text, what));
  TRY(budget.take(text->size()));
  return std::string(text->c_str(), text->size());
}

/// Where delegate blobs may be.
struct BlobSources {
  std::span<const std::span<const std::byte>> inline_blobs;
  std::span<const std::span<const std::byte>> segments;
};

Result<Value> read_value(const fb::program::EValue& value, CopyBudget& budget);
Result<ExecutionPlan> read_plan(const fb::program::ExecutionPlan& plan, const BlobSources& blobs,
                                CopyBudget& budget);

/// Checks all that records can get wrong: indices, kinds of values, size products, offsets against
/// buffers. Readers call it on what they have read, writers before they write.
Result<void> check(const Program& program);

}  // namespace tessera::pte
