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
    for (const ValueId operand : ir::tensor_operands(body.node(id))) {
      if (constant_dequantize(body, operand) == nullptr) continue;
      if (!constants.contains(operand)) {
        auto constant = folded(body, operand);
        if (!constant) {
          return with_context(std::move(constant).error(), ir::describe(body, body.node(id)));
        }
        constants[operand] = *constant;
      }
      ir::replace_operand(body.node(id), operand, constants.at(operand));
    }
  }
  body.erase_dead();
  return {};
}

}  // namespace tessera::xnnpack
