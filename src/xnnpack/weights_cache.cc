// SPDX-License-Identifier: MIT
#include "xnnpack/weights_cache.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/check.h"

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kNotFound = SIZE_MAX;  // what XNNPACK calls XNN_CACHE_NOT_FOUND

}  // namespace

WeightsCache::WeightsCache(PackingSources sources, std::uint64_t hash_seed,
                           std::shared_ptr<PackedFile> file)
    : sources_(std::move(sources)),
      hash_seed_(hash_seed),
      file_(std::move(file)),
      provider_{.context = this,
                .look_up = look_up,
                .reserve_space = reserve_space,
                .look_up_or_insert = look_up_or_insert,
                .is_finalized = is_finalized,
                .offset_to_addr = offset_to_addr,
                .delete_cache = delete_cache} {}

std::size_t WeightsCache::num_bytes() const {
  std::size_t num_bytes = 0;
  for (const auto& block : blocks_) num_bytes += block->bytes().size();
  return num_bytes;
}

std::size_t WeightsCache::num_mapped_bytes() const {
  std::size_t num_bytes = 0;
  for (const auto& block : blocks_) num_bytes += block->is_mapped() ? block->bytes().size() : 0;
  return num_bytes;
}

std::optional<PackedKey> WeightsCache::key_of(const xnn_weights_cache_look_up_key& key) const {
  const auto content = sources_.find(key.kernel, key.bias);
  if (!content) return std::nullopt;
  return PackedKey{.hash_seed = hash_seed_, .content = *content, .kernel_seed = key.seed};
}

/// The flags are part of XNNPACK's seed. All but one are part of our content; that one says when
/// pointer tables are made and changes nothing of what is packed.
std::shared_ptr<const PackedBlock> WeightsCache::find(const PackedKey& key) const {
  PackedWeights& weights = PackedWeights::of_process();
  PackedKey same_bytes = key;
  same_bytes.kernel_seed ^= XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER;
  for (const PackedKey& candidate : {key, same_bytes}) {
    if (auto block = weights.find(candidate)) {
      if (file_ != nullptr && !file_->contains(candidate)) file_->add(candidate, block);
      return block;
    }
    if (file_ == nullptr) continue;
    if (auto block = file_->find(candidate)) return weights.insert(candidate, std::move(block));
  }
  return nullptr;
}

std::size_t WeightsCache::use(std::shared_ptr<const PackedBlock> block) {
  const auto offset = reinterpret_cast<std::size_t>(block->bytes().data());
  if (!std::ranges::contains(blocks_, block)) blocks_.push_back(std::move(block));
  return offset;
}

std::size_t WeightsCache::keep(const PackedKey& key, std::shared_ptr<const PackedBlock> block) {
  return use(PackedWeights::of_process().insert(key, std::move(block)));
}

/// A hit is not compared byte by byte: what was packed may be gone, and packing again is what the
/// hit saves. It is safe to believe because keys are 128 bits under a seed that is random and never
/// leaves the process or the user's own file: contents that collide by chance are out of reach, and
/// none can be prepared without the seed.
std::size_t WeightsCache::look_up(void* context, const xnn_weights_cache_look_up_key* key) {
  auto& cache = *static_cast<WeightsCache*>(context);
  const auto packed_key = cache.key_of(*key);
  if (!packed_key) return kNotFound;
  auto block = cache.find(*packed_key);
  return block == nullptr ? kNotFound : cache.use(std::move(block));
}

void* WeightsCache::reserve_space(void* context, std::size_t num_bytes) {
  auto& cache = *static_cast<WeightsCache*>(context);
  cache.reserved_ = PackedBlock::allocate(num_bytes);
  return cache.reserved_ == nullptr ? nullptr : cache.reserved_->data();
}

/// `data` is what reserve_space gave, or null if look_up found the weights.
std::size_t WeightsCache::look_up_or_insert(void* context, const xnn_weights_cache_look_up_key* key,
                                            void* data, std::size_t num_bytes) {
  auto& cache = *static_cast<WeightsCache*>(context);
  if (data == nullptr) return look_up(context, key);
  CHECK(cache.reserved_ != nullptr && data == cache.reserved_->data() &&
            num_bytes == cache.reserved_->bytes().size(),
        "XNNPACK inserts what it has reserved");
  auto packed_key = cache.key_of(*key);
  if (!packed_key) {
    const std::uint64_t seed = PackedWeights::of_process().hash_seed();
    packed_key = PackedKey{.hash_seed = seed,
                           .content = content_hash(cache.reserved_->bytes(), seed),
                           .is_of_packed_bytes = true};
  }
  std::shared_ptr<const PackedBlock> block = std::exchange(cache.reserved_, nullptr);
  if (packed_key->is_of_packed_bytes) return cache.keep(*packed_key, std::move(block));
  // Some operators pack without looking up, so another delegate or the file may have it.
  if (auto found = cache.find(*packed_key)) {
    if (std::ranges::equal(found->bytes(), block->bytes())) return cache.use(std::move(found));
  }
  if (cache.file_ != nullptr) cache.file_->add(*packed_key, block);
  return cache.keep(*packed_key, std::move(block));
}

/// XNNPACK sets nothing up before this is true. Addresses never change, so it is from the start.
bool WeightsCache::is_finalized(void*) { return true; }

void* WeightsCache::offset_to_addr(void*, std::size_t offset) {
  return reinterpret_cast<void*>(offset);
}

/// Only xnn_delete_weights_cache would call it, and that is for XNNPACK's own caches.
xnn_status WeightsCache::delete_cache(void*) { return xnn_status_success; }

}  // namespace tessera::xnnpack
