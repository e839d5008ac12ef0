// SPDX-License-Identifier: MIT
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/try.h"

/// What the readers of ExecuTorch's FlatBuffers files (.pte, .ptd) share. Errors are
/// kInvalidProgram.
namespace tessera::flatbuffer {

static_assert(std::endian::native == std::endian::little);

/// The number at `offset`, which need not be aligned. The caller has checked that it is there.
template <class T>
T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

inline bool has_letters(std::span<const std::byte> bytes, std::size_t offset,
                        std::string_view letters) {
  return bytes.size() >= offset + letters.size() &&
         std::memcmp(bytes.data() + offset, letters.data(), letters.size()) == 0;
}

/// Checks the prologue that every FlatBuffers file has: root offset, then these four letters.
inline Result<void> check_identifier(std::span<const std::byte> bytes,
                                     std::string_view identifier) {
  constexpr std::size_t kPrologueBytes = 8;
  if (bytes.size() < kPrologueBytes) {
    return fail(ErrorCode::kInvalidProgram, "the file has {} bytes, expected at least {}",
                bytes.size(), kPrologueBytes);
  }
  if (has_letters(bytes, 4, identifier)) return {};
  return fail(ErrorCode::kInvalidProgram,
              "the file identifier is 0x{:08x}, expected 0x{:08x} (\"{}\")",
              load<std::uint32_t>(bytes, 4),
              load<std::uint32_t>(std::as_bytes(std::span(identifier)), 0), identifier);
}

/// Runs FlatBuffers' verifier, which `verify_root` calls for the root table.
template <class VerifyRoot>
Result<void> verify(std::span<const std::byte> bytes, std::string_view what,
                    VerifyRoot verify_root) {
  constexpr std::size_t kMaxBytes = FLATBUFFERS_MAX_BUFFER_SIZE;
  if (bytes.size() >= kMaxBytes) {
    return fail(ErrorCode::kInvalidProgram, "the {} has {} bytes, expected fewer than {}", what,
                bytes.size(), kMaxBytes);
  }
  flatbuffers::Verifier::Options options;
  // A table that nobody shares takes 8 bytes, its vtable offset and the reference to it.
  options.max_tables = static_cast<flatbuffers::uoffset_t>(bytes.size() / 4);
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                 options);
  if (verify_root(verifier)) return {};
  return fail(ErrorCode::kInvalidProgram,
              "the {}'s {} bytes are no sound FlatBuffer: an offset leads out of them or to the "
              "wrong place",
              what, bytes.size());
}

/// Bytes [offset, offset + size) of the segments that lie in [base, end) of the file. Errors call
/// the segment by its index.
inline Result<std::span<const std::byte>> find_segment(std::span<const std::byte> file,
                                                       std::uint64_t base, std::uint64_t end,
                                                       std::uint64_t offset, std::uint64_t size,
                                                       std::size_t index, std::size_t alignment) {
  const std::uint64_t room = end - std::min(base, end);
  if (offset > room || size > room - offset) {
    return fail(ErrorCode::kInvalidProgram,
                "segment {} has {} bytes at {}, the segments have {} in all", index, size, offset,
                room);
  }
  const std::uint64_t start = base + offset;
  if (start % alignment != 0) {
    return fail(ErrorCode::kInvalidProgram,
                "segment {} starts at byte {} of the file, expected a multiple of {}", index, start,
                alignment);
  }
  return file.subspan(start, size);
}

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

}  // namespace tessera::flatbuffer
