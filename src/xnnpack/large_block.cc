// SPDX-License-Identifier: MIT
#include "xnnpack/large_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

/// Sizes of the blocks that are alive.
struct Sizes {
  std::mutex mutex;
  std::unordered_map<const void*, std::size_t> bytes;
};
Sizes& sizes() {
  static auto& all = *new Sizes();  // blocks may be freed while the process ends
  return all;
}

}  // namespace

void* allocate_large_block(std::size_t num_bytes) {
  // A last huge page that would be less than half full is left to small ones.
  const std::size_t num_huge = (num_bytes + kHugePageBytes / 2) / kHugePageBytes * kHugePageBytes;
  const std::size_t size = round_up(num_bytes < num_huge ? num_huge : num_bytes, page_bytes());
  void* const reserved = ::mmap(nullptr, size + kHugePageBytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(reserved);
  const std::size_t before = round_up(address, kHugePageBytes) - address;
  auto* const block = static_cast<std::byte*>(reserved) + before;
  if (before > 0) ::munmap(reserved, before);
  if (before < kHugePageBytes) ::munmap(block + size, kHugePageBytes - before);
  if (num_huge > 0) ::madvise(block, num_huge, MADV_HUGEPAGE);
  ::madvise(block, size, MADV_POPULATE_WRITE);  // older systems: at the first write
  const std::scoped_lock lock(sizes().mutex);
  sizes().bytes[block] = size;
  return block;
}

std::size_t large_block_bytes(const void* block) {
  if (block == nullptr || reinterpret_cast<std::uintptr_t>(block) % kHugePageBytes != 0) return 0;
  const std::scoped_lock lock(sizes().mutex);
  const auto found = sizes().bytes.find(block);
  return found == sizes().bytes.end() ? 0 : found->second;
}

void free_large_block(void* block) {
  std::size_t size = 0;
  {
    const std::scoped_lock lock(sizes().mutex);
    const auto node = sizes().bytes.extract(block);
    if (!node.empty()) size = node.mapped();
  }
  if (size > 0) ::munmap(block, size);
}

}  // namespace tessera::xnnpack
