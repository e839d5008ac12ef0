// SPDX-License-Identifier: MIT
#include "xnnpack/packed_weights.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "xnnpack/allocator.h"

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kAlignment = 64;  // XNN_ALLOCATION_ALIGNMENT

/// Blocks belong to no delegate, so they are left out of what MemoryCount counts for one.
class DelegatesOwnMemoryOnly {
  std::ptrdiff_t ignored_ = 0;
  MemoryCount count_{ignored_};
};

}  // namespace

std::shared_ptr<PackedBlock> PackedBlock::allocate(std::size_t num_bytes) {
  const DelegatesOwnMemoryOnly no_count;
  const xnn_allocator& allocator = counting_allocator();
  void* data = allocator.aligned_allocate(allocator.context, kAlignment, num_bytes);
  if (data == nullptr) return nullptr;
  auto block = std::shared_ptr<PackedBlock>(new PackedBlock());
  block->bytes_ = {static_cast<const std::byte*>(data), num_bytes};
  return block;
}

std::shared_ptr<const PackedBlock> PackedBlock::view(std::shared_ptr<const FileBytes> file,
                                                     std::span<const std::byte> bytes) {
  auto block = std::shared_ptr<PackedBlock>(new PackedBlock());
  block->bytes_ = bytes;
  block->file_ = std::move(file);
  return block;
}

PackedBlock::~PackedBlock() {
  if (file_ != nullptr || bytes_.data() == nullptr) return;
  const DelegatesOwnMemoryOnly no_count;
  const xnn_allocator& allocator = counting_allocator();
  allocator.aligned_deallocate(allocator.context, data());
}

PackedWeights& PackedWeights::of_process() {
  static PackedWeights weights;
  return weights;
}

std::shared_ptr<const PackedBlock> PackedWeights::find(const PackedKey& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = blocks_.find(key);
  return found == blocks_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const PackedBlock> PackedWeights::insert(const PackedKey& key,
                                                         std::shared_ptr<const PackedBlock> block) {
  const std::scoped_lock lock(mutex_);
  std::weak_ptr<const PackedBlock>& slot = blocks_[key];
  if (auto kept = slot.lock()) {
    if (std::ranges::equal(kept->bytes(), block->bytes())) return kept;
    return block;  // another content with the same hash stays where it is
  }
  slot = block;
  if (blocks_.size() > 2 * num_after_cleaning_ + 64) forget_dead_blocks();
  return block;
}

void PackedWeights::forget_dead_blocks() {
  std::erase_if(blocks_, [](const auto& entry) { return entry.second.expired(); });
  num_after_cleaning_ = blocks_.size();
}

PackedWeights::Usage PackedWeights::usage() {
  const std::scoped_lock lock(mutex_);
  std::set<const PackedBlock*> seen;
  Usage usage;
  for (const auto& [key, weak] : blocks_) {
    const auto block = weak.lock();
    if (block == nullptr || !seen.insert(block.get()).second) continue;
    ++usage.num_blocks;
    usage.num_bytes += block->bytes().size();
  }
  return usage;
}

}  // namespace tessera::xnnpack
