// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "formats/pte.h"
#include "ir/operator.h"
#include "xnnpack/node_records.h"

/// A loaded method as the planner sees it: kernel calls and the nodes of all delegates in one list,
/// over one numbering of values.
namespace tessera::tiling {

/// Values of the method come first and keep their index; those inside delegate calls follow.
using FlowValue = std::uint32_t;
inline constexpr FlowValue kNoFlowValue = UINT32_MAX;

/// A tensor that a step reads and that depends on the method's input.
struct TensorUse {
  std::size_t argument = 0;  ///< position among the operator's arguments or the record's inputs
  std::size_t element = 0;   ///< which tensor of a list
  FlowValue value = 0;
};

struct KernelStep {
  const ir::Operator* op = nullptr;
  DType out_dtype = DType::kF32;
  std::vector<std::int32_t> arguments;  ///< value indices in schema order; see CallParts
};
struct RecordStep {
  const xnnpack::NodeRecord* node = nullptr;
  std::vector<FlowValue> operands;  ///< kNoFlowValue: absent
  Shape bounds;                     ///< of the first operand in the file
};

struct Step {
  std::string name;  ///< for messages: "aten::mean.dim", "Conv2d of delegate 1"
  std::vector<TensorUse> uses;
  std::vector<FlowValue> outputs;
  std::variant<KernelStep, RecordStep> call;
};

/// Types of all tensors for one size of the input, by FlowValue.
struct FlowSizes {
  std::vector<ir::TensorType> types;
  Shape shape(FlowValue value) const;
};

/// Immutable. Keeps pointers into the plan, which must outlive it.
class Flow {
 public:
  /// Errors: kNotSupported for a method that has not one input and one output; kInvalidProgram.
  static Result<Flow> create(const pte::ExecutionPlan& plan);

  FlowValue input() const { return input_; }
  FlowValue output() const { return output_; }
  const std::vector<Step>& steps() const { return steps_; }
  /// Whether the value depends on the method's input.
  bool depends(FlowValue value) const { return depends_[value]; }
  std::size_t num_values() const { return depends_.size(); }
  /// Why the steps end before the method does, if they do: control flow, an operator that needs its
  /// whole input, one that Tessera does not have, by name.
  const std::optional<Error>& obstacle() const { return obstacle_; }

  const pte::ExecutionPlan& plan() const { return *plan_; }
  /// What the file says: constants' sizes, upper bounds of all else.
  const FlowSizes& file_sizes() const { return file_sizes_; }

 private:
  friend class FlowBuilder;

  const pte::ExecutionPlan* plan_ = nullptr;
  FlowValue input_ = 0, output_ = 0;
  std::vector<Step> steps_;
  std::vector<bool> depends_;
  std::optional<Error> obstacle_;
  FlowSizes file_sizes_;
  std::deque<xnnpack::Payload> payloads_;
};

/// "NAME needs its whole input, so the model cannot be tiled exactly", with any reason.
std::unexpected<Error> not_tileable(std::string_view name, std::string_view reason);

}  // namespace tessera::tiling
