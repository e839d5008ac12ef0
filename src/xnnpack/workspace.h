// SPDX-License-Identifier: MIT
#pragma once

#include <xnnpack.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "tessera/result.h"

namespace tessera::xnnpack {

/// Who has runtimes in a workspace.
class WorkspaceUser {
 public:
  /// Bytes of intermediate values at the current sizes.
  virtual std::size_t value_bytes() const = 0;
  /// Another user's runtime was planned anew: XNNPACK may have moved the memory.
  virtual void set_up_again() = 0;
  /// Lets go of the workspace; the next call makes the runtime again.
  virtual void drop_runtime() = 0;

 protected:
  ~WorkspaceUser() = default;
};

/// Memory for the intermediate values of delegates that run one after the other: as large as the
/// one that needs most. One thread at a time, but for `num_bytes`.
class Workspace {
 public:
  ~Workspace();
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  void add_user(WorkspaceUser& user) { users_.push_back(&user); }
  void remove_user(WorkspaceUser& user) { std::erase(users_, &user); }

  /// Made when it is first asked for.
  Result<xnn_workspace_t> native();
  /// Memory for values that a user keeps outside of XNNPACK, aligned to 64 bytes. Users share it,
  /// so contents last for one run. If it moves, the other users are told to set up again.
  Result<std::byte*> values(WorkspaceUser& user, std::size_t num_bytes);
  /// `user` was planned for its current sizes, for which XNNPACK took `num_bytes` more.
  void has_planned(WorkspaceUser& user, std::ptrdiff_t num_bytes);
  /// `num_bytes` of tables that belong to a runtime went away with it.
  void count(std::ptrdiff_t num_bytes) { num_bytes_ += num_bytes; }

  /// Gives the memory back if it is worth it: XNNPACK never makes a workspace smaller, so if the
  /// users now need less than a quarter of what it was made for, all start over with a new one.
  void shrink();

  /// Of the memory and of the tables of its users' runtimes. Any thread.
  std::size_t num_bytes() const;

 private:
  void release();
  void release_values();
  void set_up_others_again(const WorkspaceUser& user);

  xnn_workspace_t native_ = nullptr;
  std::byte* values_ = nullptr;
  std::size_t num_value_bytes_ = 0;  ///< of `values_`
  std::vector<WorkspaceUser*> users_;
  std::size_t made_for_bytes_ = 0;  ///< largest value_bytes of a user since it was made
  std::atomic<std::ptrdiff_t> num_bytes_ = 0;
};

}  // namespace tessera::xnnpack
