// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <pthreadpool.h>
#include <sched.h>

#include <algorithm>
#include <thread>

// ThreadSanitizer does not see how pthreadpool, which is not built with it, hands work over.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TESSERA_HAS_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define TESSERA_HAS_TSAN 1
#endif
#ifdef TESSERA_HAS_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace tessera {
namespace {

/// One loop that is split: what the threads get from the caller, and what they give back.
struct Loop {
  const std::function<void(std::size_t, std::size_t)>& body;
  char given = 0, done = 0;  ///< addresses to tell ThreadSanitizer of
};

void publish([[maybe_unused]] char& what) {
#ifdef TESSERA_HAS_TSAN
  __tsan_release(&what);
#endif
}

void receive([[maybe_unused]] char& what) {
#ifdef TESSERA_HAS_TSAN
  __tsan_acquire(&what);
#endif
}

void run_part(void* context, std::size_t begin, std::size_t size) {
  auto& loop = *static_cast<Loop*>(context);
  receive(loop.given);
  loop.body(begin, begin + size);
  publish(loop.done);
}

}  // namespace

std::size_t ThreadPool::num_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

ThreadPool::ThreadPool(std::size_t num_threads) {
  if (num_threads == 0) num_threads = num_processors();
  if (num_threads > 1) pool_ = pthreadpool_create(num_threads);
}

ThreadPool::~ThreadPool() {
  if (pool_ != nullptr) pthreadpool_destroy(pool_);
}

std::size_t ThreadPool::num_threads() const {
  return pool_ == nullptr ? 1 : pthreadpool_get_threads_count(pool_);
}

void ThreadPool::parallel_for(std::size_t count, std::size_t grain,
                              const std::function<void(std::size_t, std::size_t)>& body) {
  grain = std::max<std::size_t>(grain, 1);
  if (pool_ == nullptr || count <= grain) {
    if (count > 0) body(0, count);
    return;
  }
  Loop loop{body};
  publish(loop.given);
  pthreadpool_parallelize_1d_tile_1d(pool_, run_part, &loop, count, grain, /*flags=*/0);
  receive(loop.done);
}

}  // namespace tessera
