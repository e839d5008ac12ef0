// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tessera/result.h"

namespace tessera {

/// What a zip archive's central directory says about one entry.
struct ZipEntry {
  std::string name;
  bool is_stored = false;            ///< not compressed
  std::uint64_t packed_bytes = 0;    ///< in the archive
  std::uint64_t size_bytes = 0;      ///< unpacked
  std::uint64_t header_offset = 0;   ///< of the local header
  std::uint64_t payload_offset = 0;  ///< of the packed bytes, which lie within the file
};

/// Reads the central directory (zip and zip64) of a whole archive in memory. Local headers are used
/// only to find payloads: PyTorch writes their sizes behind the payload. Every offset is checked
/// against the file; encrypted, multi-part and doubly named entries are refused.
Result<std::vector<ZipEntry>> read_zip_directory(std::span<const std::byte> file);

}  // namespace tessera
