// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include "base/thread_pool.h"

namespace tessera::ir {

/// What a kernel may use besides its arguments. One per Method; not synchronised.
class KernelContext {
 public:
  /// `pool` may be null (one thread) and must outlive the context.
  explicit KernelContext(ThreadPool* pool = nullptr) : pool_(pool) {}

  /// Splits [0, count) over the threads; with one thread the body is called directly.
  template <class Body>
  void parallel_for(std::size_t count, std::size_t grain, const Body& body) {
    if (pool_ == nullptr || pool_->num_threads() == 1 || count <= grain) {
      if (count > 0) body(std::size_t{0}, count);
    } else {
      pool_->parallel_for(count, grain, body);
    }
  }
  std::size_t num_threads() const { return pool_ == nullptr ? 1 : pool_->num_threads(); }

  /// Scratch memory of at least `bytes`, aligned to 64, valid until the next call. Grows only.
  std::byte* scratch(std::size_t bytes) {
    if (scratch_.size() < bytes + kAlignment) scratch_.resize(bytes + kAlignment);
    auto address = reinterpret_cast<std::uintptr_t>(scratch_.data());
    return scratch_.data() + (kAlignment - address % kAlignment) % kAlignment;
  }

 private:
  static constexpr std::size_t kAlignment = 64;
  ThreadPool* pool_;
  std::vector<std::byte> scratch_;
};

}  // namespace tessera::ir
