// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <unordered_set>
#include <vector>

#include "runtime/instruction.h"

namespace tessera::runtime {

/// Which tensors of a method share planned memory, and who writes them: what decides whether an
/// input or output may live in the caller's memory instead.
class MemorySharing {
 public:
  MemorySharing(const ValueTable& values, std::span<std::vector<Step>> chains,
                std::span<TensorSlot* const> inputs, std::span<TensorSlot* const> outputs);

  /// Another value reads the input's planned bytes under its own name (a view that the exporter
  /// elided), or an instruction changes the input in place: it must be in planned memory.
  bool is_input_aliased(const TensorSlot& input) const;
  /// Running the method may overwrite the input's planned memory.
  bool is_input_overwritten(const TensorSlot& input) const;
  /// The output may be written to memory that is not planned and has no padding behind it.
  bool may_output_be_external(const TensorSlot& output) const;
  /// The delegate calls that read the tensor, or write it, if nothing else does either.
  struct DelegateUse {
    DelegateInstruction* call = nullptr;
    std::uint32_t external_id = 0;
  };
  std::vector<DelegateUse> delegate_uses(const TensorSlot& slot) const;
  /// Planned tensors that inputs or instructions fill, and state.
  std::vector<const TensorSlot*> planned_tensors() const;

 private:
  bool is_written(const TensorSlot& slot) const { return written_.contains(&slot); }
  bool has_alias(const TensorSlot& slot) const;

  std::span<std::vector<Step>> chains_;
  std::vector<const TensorSlot*> planned_;
  std::unordered_set<const TensorSlot*> inputs_;
  std::unordered_multiset<const TensorSlot*> outputs_;
  std::unordered_set<const TensorSlot*> written_, needs_padding_;
};

}  // namespace tessera::runtime
