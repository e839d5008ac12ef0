// SPDX-License-Identifier: MIT
#include "ops/composite.h"
#include "ops/families.h"
#include "ops/unary_rules.h"

/// Activations outside core ATen as calls of core operators. Numbers in them are constants without
/// dimensions, which broadcast and which XNNPACK takes as operands.
namespace tessera::ops {

namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

/// Adds nodes in the place of a node with one operand, x.
class Rewriter {
 public:
  Rewriter(Graph& graph, NodeId id)
      : graph_(graph),
        id_(id),
        origin_(graph.node(id).origin),
        x_(std::get<ValueId>(graph.node(id).arguments[0])) {}

  ValueId x() const { return x_; }
  Result<ValueId> call(std::string_view name, std::vector<ir::Argument> arguments) {
    return graph_.add_call(*find_operator(name), std::move(arguments), origin_, id_);
  }
  Result<void> finish(std::string_view name, std::vector<ir::Argument> arguments) {
    return replace_node(graph_, id_, *find_operator(name), std::move(arguments));
  }
  /// A constant of x's dtype.
  ValueId number(double value) {
    const DType dtype = graph_.value(x_).type.dtype;
    alignas(8) std::array<std::byte, 8> element;
    convert_elements(DType::kF64, &value, dtype, element.data(), 1);
    const std::span<const std::byte> bytes(element.data(), size_of(dtype));
    return graph_.add_constant("number", Tensor::of_bytes(dtype, {}, bytes));
  }
  /// x + 3 kept within 0 and 6.
  Result<ValueId> relu6_of_x_plus_3() {
    const ValueId sum = TRY(call("aten::add.Tensor", {x_, number(3), ir::Dim(1)}));
    return call("aten::hardtanh", {sum, 0.0, 6.0});
  }

 private:
  Graph& graph_;
  NodeId id_;
  ir::Origin origin_;
  ValueId x_;
};

Result<void> decompose_silu(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId gate = TRY(rewriter.call("aten::sigmoid", {rewriter.x()}));
  return rewriter.finish("aten::mul.Tensor", {rewriter.x(), gate});
}

Result<void> decompose_hardsigmoid(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId kept = TRY(rewriter.relu6_of_x_plus_3());
  return rewriter.finish("aten::div.Tensor", {kept, rewriter.number(6)});
}

Result<void> decompose_hardswish(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId kept = TRY(rewriter.relu6_of_x_plus_3());
  const ValueId product = TRY(rewriter.call("aten::mul.Tensor", {rewriter.x(), kept}));
  return rewriter.finish("aten::div.Tensor", {product, rewriter.number(6)});
}

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5,6])"}, {"(f64[7])"}, {"(f16[9])"}, {"(f32[])"}};

constexpr ir::Operator activation(std::string_view schema, ir::DecomposeFn decompose) {
  return {.schema = schema,
          .infer = infer_same<FloatTypes>,
          .decompose = decompose,
          .samples = kSamples};
}

constexpr ir::Operator kOperators[] = {
    activation("aten::silu(Tensor self) -> Tensor", decompose_silu),
    activation("aten::hardsigmoid(Tensor self) -> Tensor", decompose_hardsigmoid),
    activation("aten::hardswish(Tensor self) -> Tensor", decompose_hardswish),
};

}  // namespace

std::span<const ir::Operator> composite_activation_operators() { return kOperators; }

}  // namespace tessera::ops
