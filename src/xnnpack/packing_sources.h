// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Addresses of the constants that XNNPACK was given, by the payload's value ids.
using ConstantAddresses = std::unordered_map<std::uint32_t, const void*>;

/// Hashes of a payload's constants, each computed once.
class ConstantHashes {
 public:
  explicit ConstantHashes(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t seed() const { return seed_; }
  /// `constants` are the same at every call.
  const ContentHash& of(std::size_t index, std::span<const std::span<const std::byte>> constants);

 private:
  std::uint64_t seed_;
  std::vector<std::optional<ContentHash>> hashes_;
};

/// What the weights of a payload's nodes are packed from. XNNPACK tells packed weights apart by the
/// addresses of filter and bias and by the kernel; but scales, zero points, strides and more go
/// into the packed bytes too (src/operators/*.c: init_scale_params, packing_params). So an address
/// stands here for a hash of all of that.
class PackingSources {
 public:
  PackingSources(const Payload& payload, std::span<const std::span<const std::byte>> constants,
                 const ConstantAddresses& addresses, ConstantHashes& hashes);

  /// Nothing for addresses that no node has (XNNPACK packs from a converted copy) or that two nodes
  /// have which pack differently.
  std::optional<ContentHash> find(const void* filter, const void* bias) const;

 private:
  std::map<std::pair<const void*, const void*>, std::optional<ContentHash>> sources_;
};

}  // namespace tessera::xnnpack
