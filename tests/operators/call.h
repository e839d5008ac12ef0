// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel_context.h"
#include "ir/text.h"

namespace tessera::testing {

/// One call of an operator with its tensors: a sample brought to life, or a variation of one.
struct Call {
  const ir::Operator* op = nullptr;
  std::size_t sample = 0;
  std::vector<ir::SampleArgument> arguments;  ///< types stand where tensors are
  std::vector<Tensor> tensors;                ///< in the order of the types

  std::string name() const;         ///< "aten::add.Tensor"
  std::string description() const;  ///< "aten::add.Tensor sample 2 (f32[2,7], f32[], 1)"
};

/// Every sample of every operator, with the elements of sample_data.h.
std::vector<Call> all_calls();
/// A call with other arguments; tensors are made anew.
Call make_call(const ir::Operator& op, std::size_t sample, std::string_view arguments);
/// The same call with other tensors (of any sizes).
Call with_tensors(Call call, std::vector<Tensor> tensors);

/// Position of each tensor: argument and element of a list.
struct TensorPosition {
  std::size_t argument = 0;
  std::size_t element = 0;
};
std::vector<TensorPosition> tensor_positions(const Call& call);

/// Result types by the operator's infer.
Result<std::vector<ir::TensorType>> infer(const Call& call);
/// Types of the call for a rule; the call must live on.
std::vector<ir::TypeArguments::Argument> type_arguments(Call& call);

/// Runs the kernel, with infer for the sizes. Checks that bytes around the results stay untouched.
Result<std::vector<Tensor>> run_kernel(const Call& call, ir::KernelContext& context);

/// The same with the one result in the memory of (a copy of) the tensor with this number.
Result<Tensor> run_kernel_in_place(const Call& call, std::size_t tensor,
                                   ir::KernelContext& context);

/// A graph that is this call. Tensors whose `is_constant` is true become constants, the others
/// inputs (all of them without `is_constant`). `num_outputs` of the results are outputs; 0: all.
Result<ir::Graph> make_graph(const Call& call, const std::vector<bool>& is_constant = {},
                             std::size_t num_outputs = 0);

/// Runs a graph of kernel calls, node by node.
Result<std::vector<Tensor>> evaluate(const ir::Graph& graph, std::span<const Tensor> inputs);

/// "" if all elements are close, else the first that is not.
struct Tolerance;
std::string difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance);
bool has_same_bits(const Tensor& a, const Tensor& b);

}  // namespace tessera::testing
