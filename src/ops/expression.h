// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "ir/graph.h"

/// Composite operators that are written down as nested calls of other operators:
///
///   expression<"aten::mul.Tensor($0, aten::sigmoid($0))">("aten::silu(Tensor self) -> Tensor",
///   ...)
///
/// $i is argument i of the call. Numbers, true, false, none and 'text' stand for themselves; where
/// the callee's schema has a tensor, a number is a constant without dimensions of the dtype of $0.
/// Arguments at the end may be left out, their defaults apply; of several results the first counts.
namespace tessera::ops {

/// A text as a template argument.
template <std::size_t kSize>
struct FixedString {
  char text[kSize];
  consteval FixedString(const char (&from)[kSize]) {  // NOLINT: implicit
    std::copy_n(from, kSize, text);
  }
  constexpr std::string_view view() const { return {text, kSize - 1}; }
};

/// A constant without dimensions.
Tensor number_tensor(double value, DType dtype);

Result<std::vector<ir::TensorType>> infer_expression(std::string_view expression,
                                                     const ir::TypeArguments& arguments);
/// Puts the calls in the place of the node.
Result<void> decompose_expression(std::string_view expression, ir::Graph& graph, ir::NodeId id);

/// `rule` and `quantize` for an operator that XNNPACK has as it is.
template <FixedString kExpression>
constexpr ir::Operator expression(std::string_view schema, std::span<const ir::Sample> samples,
                                  ir::XnnpackRule rule = {}, ir::QuantRule quantize = {}) {
  return {.schema = schema,
          .infer =
              [](const ir::TypeArguments& arguments) {
                return infer_expression(kExpression.view(), arguments);
              },
          .decompose =
              [](ir::Graph& graph, ir::NodeId id) {
                return decompose_expression(kExpression.view(), graph, id);
              },
          .xnnpack = rule,
          .quantize = quantize,
          .samples = samples};
}

}  // namespace tessera::ops
