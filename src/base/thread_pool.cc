// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <pthreadpool.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace tessera {

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
  struct Loop {
    const std::function<void(std::size_t, std::size_t)>& body;
  } loop{body};
  pthreadpool_parallelize_1d_tile_1d(
      pool_,
      [](void* context, std::size_t begin, std::size_t size) {
        static_cast<Loop*>(context)->body(begin, begin + size);
      },
      &loop, count, grain, /*flags=*/0);
}

}  // namespace tessera
