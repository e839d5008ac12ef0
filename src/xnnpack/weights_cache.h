// SPDX-License-Identifier: MIT
#pragma once

#include <xnnpack.h>

#include <memory>
#include <optional>
#include <vector>

#include "xnnpack/packed_file.h"
#include "xnnpack/packed_weights.h"
#include "xnnpack/packing_sources.h"

namespace tessera::xnnpack {

/// What one xnn_runtime asks for packed weights: hands out the blocks of the process and keeps
/// those that the runtime uses. It must outlive the runtime. An offset is the address itself, so
/// that running takes no lock and looks nothing up.
class WeightsCache {
 public:
  /// `file` may be null; if not, `hash_seed` is its seed.
  WeightsCache(PackingSources sources, std::uint64_t hash_seed, std::shared_ptr<PackedFile> file);
  WeightsCache(const WeightsCache&) = delete;
  WeightsCache& operator=(const WeightsCache&) = delete;

  xnn_weights_cache_t provider() { return &provider_; }
  /// Of the blocks in use, shared ones included.
  std::size_t num_bytes() const;
  std::size_t num_mapped_bytes() const;  ///< of them in a file

 private:
  static std::size_t look_up(void* context, const xnn_weights_cache_look_up_key* key);
  static void* reserve_space(void* context, std::size_t num_bytes);
  static std::size_t look_up_or_insert(void* context, const xnn_weights_cache_look_up_key* key,
                                       void* data, std::size_t num_bytes);
  static bool is_finalized(void* context);
  static void* offset_to_addr(void* context, std::size_t offset);
  static xnn_status delete_cache(void* context);

  std::optional<PackedKey> key_of(const xnn_weights_cache_look_up_key& key) const;
  std::shared_ptr<const PackedBlock> find(const PackedKey& key) const;
  /// Keeps the block alive; its offset.
  std::size_t use(std::shared_ptr<const PackedBlock> block);
  /// The same for a new block, which others shall find.
  std::size_t keep(const PackedKey& key, std::shared_ptr<const PackedBlock> block);

  PackingSources sources_;
  std::uint64_t hash_seed_;
  std::shared_ptr<PackedFile> file_;
  xnn_weights_cache_provider provider_;
  std::shared_ptr<PackedBlock> reserved_;  ///< XNNPACK is packing into it
  std::vector<std::shared_ptr<const PackedBlock>> blocks_;
};

}  // namespace tessera::xnnpack
