// SPDX-License-Identifier: MIT
#include "xnnpack/allocator.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace tessera::xnnpack {
namespace {

thread_local std::ptrdiff_t* current_count = nullptr;

bool is_too_large(std::size_t size) {
  static const std::size_t limit = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                                   static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size > limit;
}

void count(const void* block, std::ptrdiff_t sign) {
  if (current_count == nullptr || block == nullptr) return;
  *current_count +=
      sign * static_cast<std::ptrdiff_t>(::malloc_usable_size(const_cast<void*>(block)));
}

/// All of a large block is going to be written to: huge pages, and all pages at once, cost less
/// time than a page fault for each.
void populate_large_block(void* block, std::size_t size) {
  constexpr std::size_t kMinBytes = std::size_t{256} << 10;
  if (size < kMinBytes) return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(block) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(block) + size) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
}

void* allocate(void*, std::size_t size) {
  void* block = is_too_large(size) ? nullptr : std::malloc(size);
  count(block, 1);
  return block;
}

void* reallocate(void*, void* block, std::size_t size) {
  if (is_too_large(size)) return nullptr;
  count(block, -1);
  void* moved = std::realloc(block, size);
  count(moved != nullptr ? moved : block, 1);
  return moved;
}

void deallocate(void*, void* block) {
  count(block, -1);
  std::free(block);
}

void* aligned_allocate(void*, std::size_t alignment, std::size_t size) {
  if (is_too_large(size)) return nullptr;
  void* block = nullptr;
  if (::posix_memalign(&block, std::max(alignment, sizeof(void*)), size) != 0) return nullptr;
  populate_large_block(block, size);
  count(block, 1);
  return block;
}

}  // namespace

const xnn_allocator& counting_allocator() {
  static const xnn_allocator allocator = {.context = nullptr,
                                          .allocate = allocate,
                                          .reallocate = reallocate,
                                          .deallocate = deallocate,
                                          .aligned_allocate = aligned_allocate,
                                          .aligned_deallocate = deallocate};
  return allocator;
}

MemoryCount::MemoryCount(std::ptrdiff_t& bytes) : outer_(std::exchange(current_count, &bytes)) {}
MemoryCount::~MemoryCount() { current_count = outer_; }

}  // namespace tessera::xnnpack
