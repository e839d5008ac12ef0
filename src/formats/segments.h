// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "formats/file_parts.h"

/// Writing the big data behind the FlatBuffer of a program (.pte) or a data file (.ptd).
namespace tessera {

inline constexpr std::size_t kSegmentAlignment = 128;  ///< as written

std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment);

/// Orders byte strings by content.
struct EarlierBytes {
  bool operator()(std::span<const std::byte> a, std::span<const std::byte> b) const;
};

/// A segment as a file lists it, offset from the segments' base.
struct SegmentEntry {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The segments of a file in their order. Views the bytes.
class Segments {
 public:
  using Known = std::map<std::span<const std::byte>, std::uint32_t, EarlierBytes>;

  /// The index of the new segment.
  std::uint32_t add(std::span<const std::byte> bytes);
  /// The same for one that consists of these parts, one after the other.
  std::uint32_t add(std::vector<std::span<const std::byte>> parts);
  /// The index of the segment with these bytes, added if `known` has none.
  std::uint32_t add_once(std::span<const std::byte> bytes, Known& known);

  std::uint64_t num_bytes() const;  ///< with the zeros between segments
  const std::vector<SegmentEntry>& entries() const { return entries_; }
  const std::vector<std::span<const std::byte>>& parts(std::size_t segment) const {
    return parts_[segment];
  }

 private:
  std::vector<SegmentEntry> entries_;
  std::vector<std::vector<std::span<const std::byte>>> parts_;
};

/// That many zeros, at most kSegmentAlignment.
std::span<const std::byte> zeros(std::size_t count);

/// Appends a number, little-endian, or letters.
void append(std::vector<std::byte>& bytes, std::uint32_t number);
void append(std::vector<std::byte>& bytes, std::uint64_t number);
void append(std::vector<std::byte>& bytes, std::string_view letters);

/// The FlatBuffer with `header` (a multiple of 16 bytes) put behind its 8 bytes of prologue, then
/// the segments from the next multiple of kSegmentAlignment on. The FlatBuffer's offsets are
/// relative, so only the root's has to grow. Ends with the last segment that has bytes. Views the
/// segments' bytes.
FileParts assemble(std::span<const std::byte> flatbuffer, std::span<const std::byte> header,
                   const Segments& segments);

}  // namespace tessera
