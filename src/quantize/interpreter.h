// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel_context.h"

namespace tessera::quantize {

/// Runs a graph, call by call, by its operators' kernels and shows all values: what calibration
/// measures. Calls without a kernel are decomposed. Not synchronised; several interpreters may run
/// one graph.
class Interpreter {
 public:
  /// A call that has just been computed; all its operands are still there.
  struct Step {
    ir::NodeId node;
    std::span<const Tensor> results;
    const std::function<Tensor*(ir::ValueId)>& tensor_of;
  };
  /// Errors end the run.
  using Visitor = std::function<Result<void>(const Step& step)>;

  /// The graph has to outlive the interpreter and to stay as it is.
  explicit Interpreter(const ir::Graph& graph);
  ~Interpreter();
  Interpreter(Interpreter&&) noexcept;

  /// The outputs for these inputs. `visit` may be null.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const Visitor& visit = nullptr);
  /// The results of one node for these operands, in a graph without symbols in arguments or after a
  /// run for inputs of these sizes.
  Result<std::vector<Tensor>> run_node(ir::NodeId id,
                                       const std::function<Tensor*(ir::ValueId)>& tensor_of);
  /// Takes the symbols' values from these inputs, for run_node.
  Result<void> bind(std::span<const Tensor> inputs);

 private:
  struct Decomposed;
  Result<const Decomposed*> decomposed(ir::NodeId id);

  const ir::Graph& graph_;
  std::vector<ir::NodeId> nodes_;
  std::vector<std::vector<ir::ValueId>> last_reads_;  ///< by node
  std::map<ir::NodeId, std::unique_ptr<Decomposed>> decomposed_;
  ir::SymbolValues symbols_;
  ir::KernelContext context_;
};

/// The values that the symbols of the inputs' sizes have for these inputs; fails if the inputs are
/// not what the graph takes.
Result<ir::SymbolValues> bind_symbols(const ir::Graph& graph, std::span<const Tensor> inputs);

}  // namespace tessera::quantize
