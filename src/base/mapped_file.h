// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "tessera/result.h"

namespace tessera {

/// Read-only bytes that live as long as anyone holds them: a mapped file or a block of memory.
/// Immutable, so any number of threads may share one.
class FileBytes {
 public:
  /// Maps a regular file privately and read-only. The bytes start at a page boundary, and a page
  /// behind their end can be read (as zeros): XNNPACK's packing kernels may look past a weight.
  static Result<std::shared_ptr<const FileBytes>> map(const std::filesystem::path& path);

  /// Copies `bytes` to memory aligned to 64 bytes.
  static std::shared_ptr<const FileBytes> copy_of(std::span<const std::byte> bytes);

  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes();

  std::span<const std::byte> bytes() const { return bytes_; }

  /// Tells the system that these parts will hardly be read again: whole pages of a mapped file stop
  /// counting as memory of the process. Reading them is still allowed and brings them back. Parts
  /// may come in any order; those that are not in this file, or in allocated memory, stay as they
  /// are. Less than a page between two parts (padding) goes with them.
  void give_back(std::vector<std::span<const std::byte>> parts) const;

 private:
  FileBytes() = default;

  std::span<const std::byte> bytes_;
  std::size_t mapped_size_ = 0;  ///< of the whole mapping; 0: allocated
};

/// Writes `bytes` to `path` so that the file is whole or not there: a temporary name in the same
/// folder, then a rename. An existing file is replaced only by the finished one.
Result<void> write_file_atomically(const std::filesystem::path& path,
                                   std::span<const std::byte> bytes);
/// The same with the bytes of `parts` one after the other.
Result<void> write_parts_atomically(const std::filesystem::path& path,
                                    std::span<const std::span<const std::byte>> parts);

}  // namespace tessera
