// SPDX-License-Identifier: MIT
#pragma once

#include <xnnpack.h>

#include <cstddef>

namespace tessera::xnnpack {

/// XNNPACK's allocator for the whole process: refuses blocks larger than the machine's memory
/// (XNNPACK fills what it gets with zeros at once) and counts what each delegate holds.
const xnn_allocator& counting_allocator();

/// While it lives, blocks that XNNPACK takes and gives back on this thread are added to and
/// subtracted from `bytes`.
class MemoryCount {
 public:
  explicit MemoryCount(std::ptrdiff_t& bytes);
  ~MemoryCount();
  MemoryCount(const MemoryCount&) = delete;
  MemoryCount& operator=(const MemoryCount&) = delete;

 private:
  std::ptrdiff_t* outer_;
};

}  // namespace tessera::xnnpack
