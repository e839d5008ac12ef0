// SPDX-License-Identifier: MIT
#include "xnnpack/workspace.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "xnnpack/allocator.h"
#include "xnnpack/large_block.h"

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kValueAlignment = 64;
constexpr std::size_t kShrinkFactor = 4;
constexpr std::size_t kMinBytesToShrink = std::size_t{1} << 20;  // less is not worth new runtimes

}  // namespace

Workspace::~Workspace() {
  CHECK(users_.empty(), "a workspace outlives the runtimes in it");
  release();
}

void Workspace::release() {
  release_values();
  made_for_bytes_ = 0;
  if (native_ == nullptr) return;
  std::ptrdiff_t bytes = 0;
  {
    const MemoryCount counter(bytes);
    xnn_release_workspace(native_);
  }
  count(bytes);
  native_ = nullptr;
}

void Workspace::release_values() {
  if (values_ == nullptr) return;
  const xnn_allocator& allocator = counting_allocator();
  std::ptrdiff_t bytes = 0;
  {
    const MemoryCount counter(bytes);
    allocator.aligned_deallocate(allocator.context, values_);
  }
  count(bytes);
  values_ = nullptr;
  num_value_bytes_ = 0;
}

Result<std::byte*> Workspace::values(WorkspaceUser& user, std::size_t num_bytes) {
  made_for_bytes_ = std::max(made_for_bytes_, num_bytes);
  if (num_bytes <= num_value_bytes_) return values_;
  release_values();
  const xnn_allocator& allocator = counting_allocator();
  std::ptrdiff_t bytes = 0;
  {
    const MemoryCount counter(bytes);
    values_ = static_cast<std::byte*>(
        allocator.aligned_allocate(allocator.context, kValueAlignment, num_bytes));
  }
  set_up_others_again(user);
  if (values_ == nullptr) {
    return fail(ErrorCode::kDelegateMemoryAllocationFailed, "no {} bytes for values", num_bytes);
  }
  count(bytes);
  num_value_bytes_ = num_bytes;
  // Page faults now, not in the run; a large block has had them.
  if (num_bytes < kMinLargeBytes) std::memset(values_, 0, num_bytes);
  return values_;
}

void Workspace::set_up_others_again(const WorkspaceUser& user) {
  for (WorkspaceUser* other : users_) {
    if (other != &user) other->set_up_again();
  }
}

Result<xnn_workspace_t> Workspace::native() {
  if (native_ != nullptr) return native_;
  std::ptrdiff_t bytes = 0;
  {
    const MemoryCount counter(bytes);
    if (xnn_create_workspace(&native_) != xnn_status_success) {
      native_ = nullptr;
      return fail(ErrorCode::kDelegateMemoryAllocationFailed, "XNNPACK delegate: no workspace");
    }
  }
  count(bytes);
  return native_;
}

void Workspace::has_planned(WorkspaceUser& user, std::ptrdiff_t num_bytes) {
  count(num_bytes);
  made_for_bytes_ = std::max(made_for_bytes_, user.value_bytes());
  set_up_others_again(user);
}

void Workspace::shrink() {
  std::size_t needed = 0;
  for (const WorkspaceUser* user : users_) needed = std::max(needed, user->value_bytes());
  if (made_for_bytes_ < kMinBytesToShrink || needed >= made_for_bytes_ / kShrinkFactor) return;
  for (WorkspaceUser* user : users_) user->drop_runtime();
  release();
}

std::size_t Workspace::num_bytes() const {
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, num_bytes_));
}

}  // namespace tessera::xnnpack
