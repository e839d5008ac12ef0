// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "base/content_hash.h"
#include "base/mapped_file.h"

namespace tessera::xnnpack {

/// One node's weights in the order in which XNNPACK's kernels read them, aligned to 64 bytes.
/// Immutable once it is shared.
class PackedBlock {
 public:
  /// Memory of its own, not initialised; null if there is not as much.
  static std::shared_ptr<PackedBlock> allocate(std::size_t num_bytes);
  /// A part of a file.
  static std::shared_ptr<const PackedBlock> view(std::shared_ptr<const FileBytes> file,
                                                 std::span<const std::byte> bytes);
  PackedBlock(const PackedBlock&) = delete;
  PackedBlock& operator=(const PackedBlock&) = delete;
  ~PackedBlock();

  std::span<const std::byte> bytes() const { return bytes_; }
  /// The bytes of a block that was allocated and is not shared yet.
  std::byte* data() { return const_cast<std::byte*>(bytes_.data()); }
  bool is_mapped() const { return file_ != nullptr; }

 private:
  PackedBlock() = default;

  std::span<const std::byte> bytes_;
  std::shared_ptr<const FileBytes> file_;
};

/// What a block was made from. Blocks with equal keys have equal bytes.
struct PackedKey {
  std::uint64_t hash_seed = 0;  ///< of `content`
  /// Of everything that packing reads (see packing_sources.h), or of the packed bytes themselves.
  ContentHash content;
  bool is_of_packed_bytes = false;
  std::uint32_t kernel_seed = 0;  ///< XNNPACK's: which kernel the bytes are for
  friend auto operator<=>(const PackedKey&, const PackedKey&) = default;
};

/// The packed weights of all delegates of the process. A block lives as long as a delegate uses it.
/// Any number of threads; only loading takes the lock.
class PackedWeights {
 public:
  struct Usage {
    std::size_t num_blocks = 0;
    std::size_t num_bytes = 0;
  };

  static PackedWeights& of_process();

  /// Null if no delegate has it.
  std::shared_ptr<const PackedBlock> find(const PackedKey& key);
  /// The block that is kept under `key`: this one, or another with the same bytes that a thread
  /// put there before.
  std::shared_ptr<const PackedBlock> insert(const PackedKey& key,
                                            std::shared_ptr<const PackedBlock> block);
  /// Of the blocks that are alive, each counted once.
  Usage usage();
  /// Seed of the keys that no file prescribes: random, so that nobody can prepare contents that
  /// have the hash of another program's.
  std::uint64_t hash_seed() const { return hash_seed_; }

 private:
  void forget_dead_blocks();

  std::mutex mutex_;
  std::map<PackedKey, std::weak_ptr<const PackedBlock>> blocks_;
  std::size_t num_after_cleaning_ = 0;
  const std::uint64_t hash_seed_ = random_seed();
};

}  // namespace tessera::xnnpack
