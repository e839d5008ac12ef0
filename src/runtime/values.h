// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "formats/pte.h"
#include "ir/operator.h"
#include "runtime/arena.h"
#include "runtime/data_map.h"
#include "runtime/scalars.h"
#include "tessera/tensor.h"

namespace tessera::runtime {

/// A tensor value of a loaded method: its current sizes and address, and where its memory is.
struct TensorSlot {
  /// Which arena the planned memory is in, and where.
  struct Plan {
    std::size_t arena = 0;
    ByteRange range;  ///< at the upper bound
  };

  Tensor tensor;        ///< current sizes; the address that kernels and delegates use
  ir::TensorType type;  ///< the same dtype and sizes, as `infer` takes them
  Shape bound;          ///< upper bound of each size; the sizes themselves if not dynamic
  bool is_dynamic = false;
  bool is_constant = false;   ///< bytes in the file: read-only
  bool is_state = false;      ///< planned, with initial bytes: keeps its contents between runs
  bool is_reordered = false;  ///< channels last at the caller's wish, contiguous in the file
  bool is_view = false;  ///< of another's memory: the instruction that makes it sets the address
  /// Of a view: the tensor that has the memory, since the instruction that makes the view ran.
  const TensorSlot* viewed = nullptr;
  std::optional<Plan> plan;
  std::byte* planned_data = nullptr;   ///< in the arena; null if not planned
  std::byte* external_data = nullptr;  ///< the caller's memory; goes before planned memory
  std::size_t external_bytes = 0;
  Tensor own;  ///< memory where there is neither

  /// Fails if the rank or a size is not what the file allows; names dimension, bound and value.
  Result<void> check_sizes(const Shape& shape) const;
  /// Checks and sets the sizes and points the tensor at its memory.
  Result<void> resize(const Shape& shape);
  /// Whether there is memory to read: something unplanned has none before it has been written, and
  /// a view none after what it views has moved.
  bool is_readable() const;
  /// Points the tensor at the caller's memory, planned memory or memory of its own.
  Result<void> place();
};

/// Whether they are one tensor or their planned memory overlaps.
bool share_memory(const TensorSlot& a, const TensorSlot& b);

/// The tensors and numbers of a method by value index.
class ValueTable {
 public:
  /// Arena k is the file's memory id k + 1. Constants view the files' bytes; state is filled.
  static Result<ValueTable> build(const pte::Program& program, const pte::ExecutionPlan& plan,
                                  const DataMap& data, std::span<const Arena> arenas);

  /// Null if the value is not a tensor.
  TensorSlot* tensor(std::int32_t value) const {
    return slots_[static_cast<std::size_t>(value)].get();
  }
  std::size_t size() const { return slots_.size(); }

  const ScalarTable& scalars() const { return scalars_; }
  /// Also sets the tensor of rank 0 that a number which the method returns has.
  void set_scalar(std::int32_t value, const Scalar& scalar);

 private:
  std::vector<std::unique_ptr<TensorSlot>> slots_;  ///< addresses are kept by instructions
  ScalarTable scalars_;
};

/// "an Int", for messages.
std::string_view kind_of(const pte::Value& value);

}  // namespace tessera::runtime
