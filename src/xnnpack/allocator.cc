// SPDX-License-Identifier: MIT
#include "xnnpack/allocator.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "xnnpack/large_block.h"

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
  std::size_t size = large_block_bytes(block);
  if (size == 0) size = ::malloc_usable_size(const_cast<void*>(block));
  *current_count += sign * static_cast<std::ptrdiff_t>(size);
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
  if (size >= kMinLargeBytes) {
    block = allocate_large_block(size);
    count(block, 1);
    return block;
  }
  if (::posix_memalign(&block, std::max(alignment, sizeof(void*)), size) != 0) return nullptr;
  count(block, 1);
  return block;
}

void aligned_deallocate(void*, void* block) {
  count(block, -1);
  if (large_block_bytes(block) > 0) {
    free_large_block(block);
  } else {
    std::free(block);
  }
}

}  // namespace

const xnn_allocator& counting_allocator() {
  static const xnn_allocator allocator = {.context = nullptr,
                                          .allocate = allocate,
                                          .reallocate = reallocate,
                                          .deallocate = deallocate,
                                          .aligned_allocate = aligned_allocate,
                                          .aligned_deallocate = aligned_deallocate};
  return allocator;
}

MemoryCount::MemoryCount(std::ptrdiff_t& bytes) : outer_(std::exchange(current_count, &bytes)) {}
MemoryCount::~MemoryCount() { current_count = outer_; }

}  // namespace tessera::xnnpack
