// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "ir/dim.h"
#include "tensor/region.h"
#include "tessera/tensor.h"

namespace tessera::xnnpack {
class Builder;
}

namespace tessera::ir {

class Graph;
struct Node;
struct NodeId;

/// Element type and (possibly symbolic) sizes of a tensor, outermost first.
struct TensorType {
  DType dtype = DType::kF32;
  Dims dims;
  std::size_t rank() const { return dims.size(); }
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

/// The type with constant sizes of this tensor.
TensorType type_of(const Tensor& tensor);
/// The sizes as numbers; fails if one is symbolic.
Result<Shape> constant_shape(const TensorType& type);

/// One argument of a call, in schema order. T is what stands for a tensor: `Tensor` when a kernel
/// runs, `const TensorType` when types are inferred, regions computed or a node is examined.
template <class T>
using BasicArgument = std::variant<std::monostate, T*, std::vector<T*>, Dim, double, bool,
                                   std::string, Dims, std::vector<double>, std::vector<bool>>;

/// The arguments of one call with accessors by position. The call has been checked against the
/// operator's schema, so a wrong kind is a bug in Tessera and aborts. Pointers are not owned.
template <class T>
class BasicArguments {
 public:
  using Argument = BasicArgument<T>;
  explicit BasicArguments(std::span<const Argument> arguments) : arguments_(arguments) {}

  std::size_t size() const { return arguments_.size(); }
  const Argument& operator[](std::size_t i) const { return arguments_[i]; }
  bool is_none(std::size_t i) const { return holds<std::monostate>(i); }

  T& tensor(std::size_t i) const { return *get<T*>(i); }
  T* optional_tensor(std::size_t i) const { return is_none(i) ? nullptr : get<T*>(i); }
  std::span<T* const> tensors(std::size_t i) const { return get<std::vector<T*>>(i); }
  const Dim& dim(std::size_t i) const { return get<Dim>(i); }
  std::int64_t integer(std::size_t i) const { return dim(i).constant(); }
  bool boolean(std::size_t i) const { return get<bool>(i); }
  const std::string& text(std::size_t i) const { return get<std::string>(i); }
  const Dims& dims(std::size_t i) const { return get<Dims>(i); }
  std::int64_t integer(std::size_t i, std::size_t element) const {
    return dims(i)[element].constant();
  }
  const std::vector<double>& reals(std::size_t i) const { return get<std::vector<double>>(i); }
  /// A Scalar or float argument: floating point, integer or bool.
  double real(std::size_t i) const {
    if (holds<double>(i)) return get<double>(i);
    if (holds<bool>(i)) return get<bool>(i) ? 1.0 : 0.0;
    return static_cast<double>(integer(i));
  }
  std::optional<double> optional_real(std::size_t i) const {
    return is_none(i) ? std::nullopt : std::optional(real(i));
  }

 private:
  template <class U>
  bool holds(std::size_t i) const {
    return std::holds_alternative<U>(arguments_[i]);
  }
  template <class U>
  const U& get(std::size_t i) const {
    CHECK(i < arguments_.size() && holds<U>(i), "argument {}", i);
    return std::get<U>(arguments_[i]);
  }

  std::span<const Argument> arguments_;
};

using TypeArguments = BasicArguments<const TensorType>;
using KernelArguments = BasicArguments<Tensor>;

/// Argument types -> result types, or what is wrong with the arguments. Sizes may be symbolic; with
/// constant sizes this is what the runtime uses to size outputs before a kernel runs. Values of all
/// non-tensor arguments must be checked here (ranges, lengths): a kernel trusts them.
using InferFn = Result<std::vector<TensorType>> (*)(const TypeArguments& arguments);

/// How many threads a kernel may use and what it may allocate from.
class KernelContext;

/// Computes `outputs`, whose dtypes and sizes are those that `infer` gave and whose memory does not
/// overlap the arguments' (but see in_place_name and ops::may_run_in_place). All are contiguous.
using KernelFn = Result<void> (*)(KernelContext& context, const KernelArguments& arguments,
                                  std::span<Tensor> outputs);

/// One question to an operator's region rule, all in coordinates of the whole tensors.
struct RegionQuery {
  const TypeArguments& arguments;       ///< types with constant sizes of the whole tensors
  std::span<const TensorType> results;  ///< likewise
  std::size_t output = 0;               ///< which result
  Region output_region;                 ///< the box of it that is wanted
  std::size_t argument = 0;             ///< position of the tensor (or tensor list) argument
  std::size_t element = 0;              ///< which tensor of a list
};

/// The box of the input that the wanted output box depends on, clipped to the input. A box that
/// sticks out into padding is clipped away: padding belongs to the real border.
using RegionFn = Region (*)(const RegionQuery& query);

/// Rewrites the node into core ATen nodes in place; only for operators outside core ATen.
using DecomposeFn = Result<void> (*)(Graph& graph, NodeId node);

/// A node of a graph as a rule sees it.
struct NodeView {
  const Graph& graph;
  const Node& node;
  const TypeArguments& arguments;
  std::span<const TensorType> results;
};

/// How an operator becomes XNNPACK nodes.
struct XnnpackRule {
  /// Nothing if XNNPACK can run the node, else why not, as a phrase: "stride 3 is above pooling 2".
  std::optional<std::string> (*check)(const NodeView& node) = nullptr;
  /// Adds the node to the payload. Called only if `check` gave nothing.
  Result<void> (*lower)(const NodeView& node, xnnpack::Builder& builder) = nullptr;
};

/// What an operator does with quantized values.
enum class QuantKind : std::uint8_t {
  kFloat,                 ///< computes in floating point only
  kWeighted,              ///< sums products with a constant weight: convolution, linear
  kArithmetic,            ///< the result has a scale of its own: sum, product, mean
  kLookup,                ///< the same for one operand, element by element: a table of 256 results
  kClamp,                 ///< a range, which the node before can keep to
  kMove,                  ///< result elements are operand elements: all share scale and zero point
  kQuantize,              ///< (input, scale, zero_point, quant_min, quant_max, dtype)
  kDequantize,            ///< the same arguments
  kDequantizePerChannel,  ///< (input, scales, zero_points, axis, ...)
  kDequantizeGroups,      ///< (input, block_size, scale, zero_point, ...)
  kChooseParams,          ///< scale and zero point of what is about to be quantized
  kQuantizeDynamic,       ///< (input, scales, zero_points, ...), computed by kChooseParams
  kDequantizeDynamic,     ///< the same arguments
};

/// How an operator is quantized, read by the quantizer and by XNNPACK's lowering. Positions are
/// those of arguments; -1: there is none.
struct QuantRule {
  QuantKind kind = QuantKind::kFloat;
  std::int8_t input = 0;    ///< activation, or a list of them
  std::int8_t second = -1;  ///< second activation
  std::int8_t weight = -1;
  std::int8_t bias = -1;
  std::int8_t weight_axis = 0;       ///< the weight's output channels
  std::int8_t transposed_flag = -1;  ///< where true, the output channels are axis 1
  /// Nothing if XNNPACK has the node in int8 with these scales, those of the activations and of the
  /// result, else why not. Null: always. Called if XnnpackRule::check gave nothing.
  std::optional<std::string> (*check)(const NodeView& node, std::span<const float> operand_scales,
                                      float result_scale) = nullptr;
};

/// One call on which all properties of an operator are tested: its arguments in the text form of
/// ir/parse.h with tensors as types, for example "(f32[1,3,8,9], f32[4,3,3,3], none, [1,1], ...)".
/// Tensor elements follow from the position by the rule in tests/operators/sample_data.h.
struct Sample {
  std::string_view arguments;
  /// Above 0: elements of integer tensors are from 0 to this, exclusive (indices).
  std::int64_t index_limit = 0;
};

/// Everything Tessera knows about one operator. Empty members mean "not supported there", and every
/// tool says so.
struct Operator {
  std::string_view schema;    ///< ATen schema: "aten::relu(Tensor self) -> Tensor"
  std::string_view out_name;  ///< out-variant in .pte files: "aten::relu.out"; empty: none
  /// In-place variant in .pte files, "aten::copy_": the result is the first argument's memory,
  /// which the kernel must allow.
  std::string_view in_place_name = {};
  InferFn infer = nullptr;
  KernelFn kernel = nullptr;        ///< portable implementation; also constant folding and oracle
  RegionFn input_region = nullptr;  ///< null: the whole input is needed
  DecomposeFn decompose = nullptr;  ///< set exactly for operators outside core ATen
  XnnpackRule xnnpack = {};
  QuantRule quantize = {};
  std::span<const Sample> samples = {};
  /// The sizes of results depend on elements (nonzero): infer gives upper bounds, the kernel sets
  /// the shapes of `outputs`.
  bool sizes_from_elements = false;
  /// Results differ from run to run or are unspecified (randn, empty).
  bool is_random = false;
};

}  // namespace tessera::ir
