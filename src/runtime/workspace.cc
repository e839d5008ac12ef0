// SPDX-License-Identifier: MIT
#include "runtime/workspace_turn.h"

namespace tessera {

Workspace::Workspace() : impl_(std::make_unique<Impl>()) {}
Workspace::~Workspace() = default;

std::shared_ptr<Workspace> Workspace::create() {
  return std::shared_ptr<Workspace>(new Workspace());
}

std::size_t Workspace::num_bytes() const { return impl_->memory->num_bytes(); }

}  // namespace tessera
