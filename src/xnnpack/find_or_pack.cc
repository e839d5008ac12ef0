// SPDX-License-Identifier: MIT
#include "xnnpack/find_or_pack.h"

namespace tessera::xnnpack {

Result<std::shared_ptr<const PackedBlock>> find_or_pack(
    const Description& description, PackedFile* file, std::size_t num_bytes,
    const std::function<void(std::byte*)>& pack) {
  PackedWeights& weights = PackedWeights::of_process();
  const std::uint64_t seed = file != nullptr ? file->hash_seed() : weights.hash_seed();
  const PackedKey key{.hash_seed = seed, .content = description.hash(seed)};
  const auto has_size = [&](const auto& block) {
    return block != nullptr && block->bytes().size() == num_bytes;
  };
  auto known = weights.find(key);
  if (has_size(known)) {
    if (file != nullptr && !file->contains(key)) file->add(key, known);
    return known;
  }
  if (file != nullptr) {
    auto kept = file->find(key);
    if (has_size(kept)) return weights.insert(key, std::move(kept));
  }
  auto block = PackedBlock::allocate(num_bytes);
  if (block == nullptr) {
    return fail(ErrorCode::kDelegateMemoryAllocationFailed, "no {} bytes for weights", num_bytes);
  }
  pack(block->data());
  if (file != nullptr) file->add(key, block);
  return weights.insert(key, std::move(block));
}

}  // namespace tessera::xnnpack
