// SPDX-License-Identifier: MIT
#include <vector>

#include "base/try.h"
#include "ops/affine_runs.h"
#include "ops/composite.h"
#include "ops/families.h"
#include "ops/promotion.h"
#include "ops/rewriter.h"

/// How torchao quantizes activations to 8 bits, each row (token) by its own range. ExecuTorch has
/// kernels for the same under other names.
namespace tessera::ops {

namespace {

using ir::Argument;
using ir::Dim;
using ir::Dims;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::TensorType;
using ir::TypeArguments;
using ir::ValueId;
using Types = Result<std::vector<TensorType>>;

namespace choose {
enum : std::size_t {
  kInput,
  kMapping,
  kBlockSize,
  kTargetDtype,
  kQuantMin,
  kQuantMax,
  kEps,
  kScaleDtype,
  kZeroPointDtype,
  kKeepDim
};
}
/// Of quantize_affine, and the first four of dequantize_affine.
namespace quantize {
enum : std::size_t { kInput, kBlockSize, kScale, kZeroPoint, kDtype, kQuantMin, kQuantMax };
}
Dim number_of(DType dtype) { return static_cast<std::int64_t>(dtype); }

/// A block is one row of the last dimension.
bool is_row(const Dims& block, const Dims& sizes) {
  if (block.size() != sizes.size() || sizes.empty() || block.back() != sizes.back()) return false;
  return std::all_of(block.begin(), block.end() - 1,
                     [](const Dim& size) { return size == Dim(1); });
}

Result<void> expect_row(const TypeArguments& arguments, std::size_t block_size,
                        const TensorType& input) {
  if (is_row(arguments.dims(block_size), input.dims)) return {};
  return fail(ErrorCode::kNotSupported,
              "argument 'block_size' is not one row of the input's last dimension");
}

/// One scale for each row.
Dims row_dims(const TensorType& input) {
  Dims dims = input.dims;
  dims.back() = 1;
  return dims;
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_choose(const TypeArguments& arguments) {
  using namespace choose;
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_dtype(input, "input", {DType::kF32}));
  TRY(expect_row(arguments, kBlockSize, input));
  if (arguments.text(kMapping) != "ASYMMETRIC") {
    return fail(ErrorCode::kNotSupported, "argument 'mapping_type' is '{}', expected 'ASYMMETRIC'",
                arguments.text(kMapping));
  }
  const auto is = [&](std::size_t position, const Dim& value) {
    return arguments.is_none(position) || arguments.dim(position) == value;
  };
  if (!is(kTargetDtype, number_of(DType::kI8)) || !is(kQuantMin, -128) || !is(kQuantMax, 127)) {
    return fail(ErrorCode::kNotSupported, "the integers are not those of i8, -128 to 127");
  }
  const DType scale = TRY(dtype_argument(arguments, kScaleDtype, DType::kF32));
  const DType zero_point = TRY(dtype_argument(arguments, kZeroPointDtype, DType::kI32));
  Dims dims = row_dims(input);
  const bool is_reduced = input.dims.back() != Dim(1);  // torchao leaves a dimension of 1 as it is
  if (!arguments.boolean(kKeepDim) && is_reduced) dims.pop_back();
  return std::vector{TensorType{scale, dims}, TensorType{zero_point, dims}};
}

Types infer_quantize(const TypeArguments& arguments) {
  using namespace quantize;
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_dtype(input, "input", {DType::kF32}));
  TRY(expect_row(arguments, kBlockSize, input));
  const Dim num_rows = num_elements(row_dims(input));
  if (arguments.is_none(kZeroPoint)) {
    return fail(ErrorCode::kNotSupported, "argument 'zero_point' is none");
  }
  const TensorType &scale = arguments.tensor(kScale), &zero_point = arguments.tensor(kZeroPoint);
  TRY(expect_params(scale, &zero_point));
  if (num_elements(scale.dims) != num_rows || num_elements(zero_point.dims) != num_rows) {
    return fail(ErrorCode::kInvalidArgument,
                "arguments 'scale' and 'zero_point' have {} and {} elements, the input {} rows",
                num_elements(scale.dims).to_string(), num_elements(zero_point.dims).to_string(),
                num_rows.to_string());
  }
  const DType dtype = TRY(quantized_dtype_argument(arguments, kDtype));
  if (!arguments.is_none(kQuantMin) && !arguments.is_none(kQuantMax)) {
    TRY(quant_range_argument(arguments, kQuantMin, dtype));
  }
  return std::vector{TensorType{dtype, input.dims}};
}

// ---- decomposition -----------------------------------------------------------------------------

Argument bound_or(const Argument& given, std::int64_t bound) {
  return std::holds_alternative<std::monostate>(given) ? Argument(Dim(bound)) : given;
}

/// The arguments of quantize_per_token for those of a quantize_affine.
std::vector<Argument> per_token(const Node& node, ValueId scale, ValueId zero_point) {
  using namespace quantize;
  const auto dtype = static_cast<DType>(std::get<Dim>(node.arguments[kDtype]).constant());
  const QuantRange range = range_of(dtype);
  return {node.arguments[kInput],
          scale,
          zero_point,
          bound_or(node.arguments[kQuantMin], range.min),
          bound_or(node.arguments[kQuantMax], range.max),
          number_of(dtype)};
}

Result<void> decompose_quantize(Graph& graph, NodeId id) {
  using namespace quantize;
  Rewriter rewriter(graph, id);
  const Dims rows = row_dims(rewriter.type_of(rewriter.tensor(kInput)));
  const ValueId scale = TRY(rewriter.view(rewriter.tensor(kScale), rows));
  const ValueId zero_point = TRY(rewriter.view(rewriter.tensor(kZeroPoint), rows));
  return rewriter.finish("quantized_decomposed::quantize_per_token",
                         per_token(graph.node(id), scale, zero_point));
}

/// The user of a scale and zero point takes them as one row's: XNNPACK is told by the operators'
/// names that all belongs together. Whatever else it is stays as it is.
void take_params(Graph& graph, NodeId user, const std::vector<ValueId>& chosen,
                 const std::vector<ValueId>& params) {
  Node& node = graph.node(user);
  if (node.op == nullptr) return;
  const std::string& name = ir::schema_of(*node.op).name;
  const bool is_quantize = name == "torchao::quantize_affine";
  if (!is_quantize && name != "torchao::dequantize_affine") return;
  if (node.arguments[quantize::kScale] != Argument(chosen[0]) ||
      node.arguments[quantize::kZeroPoint] != Argument(chosen[1])) {
    return;
  }
  const TensorType& input = graph.value(std::get<ValueId>(node.arguments[quantize::kInput])).type;
  if (!is_row(std::get<Dims>(node.arguments[quantize::kBlockSize]), input.dims)) return;
  const DType result = graph.value(node.results[0]).type.dtype;
  if (is_quantize) {
    node.arguments = per_token(node, params[0], params[1]);
    node.op = find_operator("quantized_decomposed::quantize_per_token");
  } else if (input.dtype == DType::kI8) {
    node.arguments = {node.arguments[quantize::kInput],
                      params[0],
                      params[1],
                      Dim(-128),
                      Dim(127),
                      number_of(DType::kI8),
                      number_of(result)};
    node.op = find_operator("quantized_decomposed::dequantize_per_token");
  }
}

Result<void> decompose_choose(Graph& graph, NodeId id) {
  using namespace choose;
  const std::vector<ValueId> chosen = graph.node(id).results;
  const Argument input = graph.node(id).arguments[kInput];
  const ir::Operator& core =
      *find_operator("quantized_decomposed::choose_qparams_per_token_asymmetric");
  const NodeId made =
      TRY(graph.add_node(core, {input, number_of(DType::kI8)}, graph.node(id).origin, id));
  const std::vector<ValueId> params = graph.node(made).results;
  for (const NodeId user : graph.users(chosen[0])) take_params(graph, user, chosen, params);
  Rewriter rewriter(graph, id);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (graph.users(chosen[i]).empty() && !graph.is_output(chosen[i])) continue;
    const TensorType type = graph.value(chosen[i]).type;
    const ValueId converted = TRY(
        rewriter.call("aten::_to_copy", {params[i], number_of(type.dtype), {}, {}, {}, false, {}}));
    graph.replace_all_uses(chosen[i], TRY(rewriter.view(converted, type.dims)));
  }
  graph.erase_node(id);
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kChooseSamples[] = {
    {"(f32[3,40], \"ASYMMETRIC\", [1,40], 1, -128, 127, none, none, 1, false)"},
    {"(f32[2,3,5], \"ASYMMETRIC\", [1,1,5], 1, none, none, 1e-07, 6, none, true)"},
    {"(f32[3,1], \"ASYMMETRIC\", [1,1], 1, -128, 127, none, none, 4, false)"}};
constexpr ir::Sample kQuantizeSamples[] = {
    {"(f32[3,40], [1,40], f32[3], i8[3], 1, -128, 127)"},
    {"(f32[2,3,5], [1,1,5], f32[2,3,1], i32[6], 0, none, none)", 9}};

constexpr ir::Operator kOperators[] = {
    {.schema = "torchao::choose_qparams_affine(Tensor input, str mapping_type, SymInt[] "
               "block_size, ScalarType target_dtype, SymInt? quant_min=None, SymInt? "
               "quant_max=None, float? eps=None, ScalarType? scale_dtype=None, ScalarType? "
               "zero_point_dtype=None, bool keepdim=False) -> (Tensor, Tensor)",
     .infer = infer_choose,
     .decompose = decompose_choose,
     .samples = kChooseSamples},
    {.schema = "torchao::quantize_affine(Tensor input, SymInt[] block_size, Tensor scale, Tensor? "
               "zero_point, ScalarType output_dtype, SymInt? quant_min=None, SymInt? "
               "quant_max=None) -> Tensor",
     .infer = infer_quantize,
     .decompose = decompose_quantize,
     .samples = kQuantizeSamples},
};

}  // namespace

std::span<const ir::Operator> composite_quantize_rows_operators() { return kOperators; }

}  // namespace tessera::ops
