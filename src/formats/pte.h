// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "tessera/tensor.h"

/// ExecuTorch's program file as plain records; see docs/formats/pte.md.
namespace tessera::pte {

/// Where a tensor's planned memory is: arena (1-based, as in the file) and offset in bytes.
struct Allocation {
  std::uint32_t memory_id = 0;
  std::uint64_t offset = 0;
};

enum class ShapeDynamism : std::uint8_t { kStatic = 0, kDynamicBound = 1, kDynamicUnbound = 2 };

struct TensorValue {
  DType dtype = DType::kF32;
  Shape sizes;                          ///< upper bounds if dynamic
  std::vector<std::uint8_t> dim_order;  ///< permutation, outermost first
  bool requires_grad = false;
  ShapeDynamism dynamism = ShapeDynamism::kStatic;
  std::optional<Allocation> allocation;
  /// Index of the constant (or, with an allocation, of the initial bytes); 0: none.
  std::uint32_t data_buffer_index = 0;
  std::string qualified_name;  ///< "layer.weight", if the file says it
  bool is_external = false;    ///< the bytes are in a data file (.ptd), under that name

  /// Bytes at `sizes`; readers have checked that it does not overflow.
  std::size_t num_bytes() const;
  bool is_contiguous() const;  ///< dim_order is 0, 1, 2, ...
};

struct Null {};
struct IntList {
  std::vector<std::int64_t> items;  ///< indices of Int values
};
struct TensorList {
  std::vector<std::int32_t> items;  ///< indices of Tensor values
};
struct OptionalTensorList {
  std::vector<std::int32_t> items;  ///< indices; -1 or a Null value: none
};
/// All value kinds (the file's EValue).
using Value = std::variant<Null, std::int64_t, bool, double, TensorValue, std::string, IntList,
                           std::vector<double>, std::vector<bool>, TensorList, OptionalTensorList>;

struct KernelCall {
  std::int32_t operator_index = 0;
  std::vector<std::int32_t> arguments;
};
struct DelegateCall {
  std::int32_t delegate_index = 0;
  std::vector<std::int32_t> arguments;
};
struct MoveCall {
  std::int32_t from = 0, to = 0;
};
struct JumpFalseCall {
  std::int32_t condition = 0, destination = 0;
};
struct FreeCall {
  std::int32_t value = 0;
};
using Instruction = std::variant<KernelCall, DelegateCall, MoveCall, JumpFalseCall, FreeCall>;

struct CompileSpec {
  std::string key;
  std::vector<std::byte> value;
};
struct BackendDelegate {
  std::string id;
  std::span<const std::byte> blob;  ///< segment or inline; views the file (or the writer's bytes)
  std::vector<CompileSpec> compile_specs;
};

/// One method.
struct ExecutionPlan {
  std::string name;
  std::vector<Value> values;
  std::vector<std::int32_t> inputs, outputs;
  std::vector<std::vector<Instruction>> chains;
  std::vector<std::string> operators;  ///< "aten::add.out"
  std::vector<BackendDelegate> delegates;
  std::vector<std::int64_t> buffer_sizes;       ///< per arena; entry 0 is a placeholder
  std::string encoded_inputs, encoded_outputs;  ///< container metadata, never interpreted
};

/// A program. Spans view the file's bytes when read, the caller's when written.
struct Program {
  std::uint32_t version = 0;
  std::vector<ExecutionPlan> plans;
  std::vector<std::span<const std::byte>> constants;  ///< by data_buffer_index; entry 0 is empty
  std::vector<std::span<const std::byte>> mutable_initial_data;  ///< likewise
  std::vector<std::pair<std::string, std::span<const std::byte>>> named_data;

  std::optional<std::span<const std::byte>> find_named_data(std::string_view key) const;
};

/// Key of the named data in which Tessera's own files keep a method's signature: the text of
/// ir::Signature, with lower bounds and symbols that the format itself has no place for. Other
/// runtimes ignore it.
inline std::string signature_key(const std::string& method) {
  return "tessera.signature." + method;
}

/// Reads and checks a program whole: header, segment bounds, FlatBuffers verifier, every index,
/// every size product and offset against its buffer. `bytes` must outlive the result and start at a
/// multiple of 16. For constants, the span's size is from its offset to the segment's end: the
/// tensor that uses it says how much of it is meant (checked here).
Result<Program> read(std::span<const std::byte> bytes);

/// Writes a program that ExecuTorch 1.4 loads, after the checks that `read` makes. Of a constant,
/// the bytes that its tensors need are written. Constants, delegate blobs and named data with equal
/// bytes are written once. Where a plan has no container metadata, it is derived from the number of
/// inputs and outputs. Deterministic. Errors: kInvalidProgram, what is wrong and where.
Result<std::vector<std::byte>> write(const Program& program);

}  // namespace tessera::pte
