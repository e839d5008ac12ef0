// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "base/mapped_file.h"
#include "xnnpack/packed_weights.h"

namespace tessera::xnnpack {

/// A file that keeps packed weights from one process to the next (docs/formats/packed_weights.md).
/// Whatever is at the path, opening works: a file that is broken, of another version, or of another
/// processor or XNNPACK is as good as none. One thread at a time; several processes may use one
/// path at once.
class PackedFile {
 public:
  static std::shared_ptr<PackedFile> open(const std::filesystem::path& path);

  /// Seed of the hashes in the keys of this file's blocks.
  std::uint64_t hash_seed() const { return contents_.hash_seed; }
  /// Null if the file has no such block or its bytes are not those that were written.
  std::shared_ptr<const PackedBlock> find(const PackedKey& key) const;
  /// Whether the file says it has the block.
  bool contains(const PackedKey& key) const;
  /// Keeps the block for `save`, in place of what the file has under the key.
  void add(const PackedKey& key, std::shared_ptr<const PackedBlock> block);
  /// Replaces the file, if something was added, by one with all its blocks and the added ones. The
  /// file is whole at any time. Of two processes that save at once the last wins; the other's
  /// blocks are packed and saved again another time.
  Result<void> save();

 private:
  struct Entry {
    std::span<const std::byte> bytes;
    std::shared_ptr<const PackedBlock> added;  ///< owner of the bytes; null: the file
  };
  struct Contents {
    std::uint64_t hash_seed = 0;
    std::shared_ptr<const FileBytes> file;
    std::map<PackedKey, Entry> entries;
  };

  explicit PackedFile(std::filesystem::path path) : path_(std::move(path)) {}
  static Result<Contents> read(const std::filesystem::path& path);

  std::filesystem::path path_;
  Contents contents_;
  bool has_additions_ = false;
};

}  // namespace tessera::xnnpack
