// SPDX-License-Identifier: MIT
#include "xnnpack/float_weights.h"

#include <map>
#include <set>

#include "base/try.h"
#include "ir/run_node.h"
#include "xnnpack/int8_plan.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::xnnpack {
namespace {

using ir::Graph;
using ir::ValueId;

/// Calls `visit` with every operand.
template <class Visit>
void for_each_operand(ir::Node& node, const Visit& visit) {
  for (ir::Argument& argument : node.arguments) {
    if (auto* id = std::get_if<ValueId>(&argument)) visit(*id);
    if (auto* list = std::get_if<std::vector<ValueId>>(&argument)) {
      for (ValueId& id : *list) {
        if (id != ir::kNoTensor) visit(id);
      }
    }
  }
}

Result<ValueId> folded(Graph& body, ValueId value) {
  const ir::Node& call = *constant_dequantize(body, value);
  ir::KernelContext context;
  const auto tensor_of = [&](ValueId id) { return &body.value(id).data; };
  std::vector<Tensor> results = TRY(ir::run_node(call, tensor_of, {}, context));
  const ValueId integers = ir::tensor_operands(call)[0];
  return body.add_constant(body.value(value).name, std::move(results[0]),
                           body.value(integers).fully_qualified_name);
}

}  // namespace

Result<void> dequantize_float_weights(Graph& body) {
  std::set<ir::NodeId> float_nodes;
  {
    const Int8Plan plan(body);
    for (const ir::NodeId id : body.nodes()) {
      const ir::Node& node = body.node(id);
      if (plan.runs_in_int8(node) || is_dynamic_linear(body, node)) continue;
      if (!is_part_of_readers(body, node)) float_nodes.insert(id);
    }
  }
  std::map<ValueId, ValueId> constants;
  for (const ir::NodeId id : float_nodes) {
    Result<void> result;
    for_each_operand(body.node(id), [&](ValueId& operand) {
      if (!result || constant_dequantize(body, operand) == nullptr) return;
      if (!constants.contains(operand)) {
        auto constant = folded(body, operand);
        if (!constant) {
          result = std::unexpected(std::move(constant).error());
          return;
        }
        constants[operand] = *constant;
      }
      operand = constants.at(operand);
    });
    if (!result) return with_context(result.error(), ir::describe(body, body.node(id)));
  }
  body.erase_dead();
  return {};
}

}  // namespace tessera::xnnpack
