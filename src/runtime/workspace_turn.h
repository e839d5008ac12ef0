// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "tessera/program.h"
#include "xnnpack/workspace.h"

namespace tessera {

struct Workspace::Impl {
  std::shared_ptr<xnnpack::Workspace> memory = std::make_shared<xnnpack::Workspace>();
  std::atomic<bool> is_taken = false;
};

namespace runtime {

/// The right of one method to use a workspace, until it is destroyed. Methods that have a workspace
/// of their own need none: the empty turn.
class Turn {
 public:
  Turn() = default;
  /// Nothing if another method has the turn. For running: one atomic operation.
  static std::optional<Turn> try_take(Workspace::Impl& workspace) {
    if (workspace.is_taken.exchange(true, std::memory_order_acquire)) return std::nullopt;
    return Turn(&workspace);
  }
  /// Waits for it. For loading and destruction.
  static Turn take(Workspace::Impl& workspace) {
    while (workspace.is_taken.exchange(true, std::memory_order_acquire)) {
      workspace.is_taken.wait(true, std::memory_order_relaxed);
    }
    return Turn(&workspace);
  }
  Turn(Turn&& other) noexcept : workspace_(std::exchange(other.workspace_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (workspace_ == nullptr) return;
    workspace_->is_taken.store(false, std::memory_order_release);
    workspace_->is_taken.notify_one();
  }

 private:
  explicit Turn(Workspace::Impl* workspace) : workspace_(workspace) {}

  Workspace::Impl* workspace_ = nullptr;
};

}  // namespace runtime
}  // namespace tessera
