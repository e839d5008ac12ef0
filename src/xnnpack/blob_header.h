// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tessera/result.h"

namespace tessera::xnnpack {

/// What stands in front of a blob's FlatBuffer: where it and the blob's own constants are.
struct BlobHeader {
  static constexpr std::size_t kSize = 32;       ///< with padding
  static constexpr std::size_t kAlignment = 16;  ///< of both regions

  std::uint32_t flatbuffer_offset = 0, flatbuffer_size = 0;
  std::uint32_t constants_offset = 0;
  std::uint64_t constants_size = 0;

  /// Whether the blob begins with a header ("XH00" at offset 4) and not with a FlatBuffer.
  static bool is_in(std::span<const std::byte> blob);
  /// Reads it and checks that both regions are inside the blob and apart.
  static Result<BlobHeader> read(std::span<const std::byte> blob);
  /// `bytes` has kSize bytes.
  void write(std::span<std::byte> bytes) const;
};

}  // namespace tessera::xnnpack
