// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

struct pthreadpool;

namespace tessera {

/// A fixed number of threads that split one loop at a time between them. The caller's thread works
/// too. One loop at a time: not to be shared by methods that run at the same moment.
class ThreadPool {
 public:
  /// `num_threads` 0 stands for the number of processors that the process may use.
  explicit ThreadPool(std::size_t num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t num_threads() const;
  /// Calls body(begin, end) for parts of [0, count) that together are the whole, each at least
  /// `grain` long but the last. Returns when all are done.
  void parallel_for(std::size_t count, std::size_t grain,
                    const std::function<void(std::size_t, std::size_t)>& body);
  /// What XNNPACK takes; null with one thread, which XNNPACK reads as "the caller's thread".
  pthreadpool* native() const { return pool_; }

  /// Processors that the process may use (affinity mask).
  static std::size_t num_processors();

 private:
  pthreadpool* pool_ = nullptr;
};

}  // namespace tessera
