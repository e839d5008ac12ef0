// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
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
  /// 64 random bits, the same sequence in every process: splitmix64 (Steele, Lea, Flood 2014).
  std::uint64_t random_bits() {
    std::uint64_t mixed = random_state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
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
  std::uint64_t random_state_ = 0;
  std::vector<std::byte> scratch_;
};

}  // namespace tessera::ir
