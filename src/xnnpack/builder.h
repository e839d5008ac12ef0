// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "xnnpack/int8_plan.h"
#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// The order of a 4-D activation's sizes inside the delegate.
enum class Layout { kNchw, kNhwc };

/// What lowering a delegate's body makes.
struct Lowered {
  std::vector<std::byte> blob;
  std::vector<std::pair<std::string, Tensor>> named_data;
};

/// The tensor with its f32 or f16 elements in the other of the two; itself if it is that already.
Tensor converted_to(const Tensor& tensor, DType dtype);

/// Makes a payload from a graph, node by node. Operators' `lower` functions call it; it decides
/// where transposes go: a value is kept in the layout in which it was made, is transposed at most
/// once to the other, and graph outputs are NCHW.
///
/// Nodes that the Int8Plan lets run on integers are lowered by the same functions: `input` and
/// `output` then give the integers that stand for the f32 values. Others get f32 values, converted
/// where they are first asked for.
class Builder {
 public:
  explicit Builder(const ir::Graph& body) : body_(body), plan_(body) {}

  /// The id of the value in this layout, transposed first if need be. Values that are not 4-D have
  /// one layout only.
  std::uint32_t input(ir::ValueId value, Layout layout);
  /// The layout in which the value exists already (NHWC if both), so that elementwise operators can
  /// follow it. A graph input that nobody has asked for in NHWC is kNchw.
  Layout layout_of(ir::ValueId value) const;
  /// Defines the result in this layout and returns its id. Dims are the upper bounds.
  std::uint32_t output(ir::ValueId value, Layout layout);
  /// Says that the result is the value `id` in this layout, without a node in between.
  void alias(ir::ValueId result, Layout layout, std::uint32_t id);
  /// Whether the value exists in this layout already.
  bool has(ir::ValueId value, Layout layout) const;
  /// A value that the graph does not know, with these upper bounds, as a node of this kind makes it
  /// from an operand.
  std::uint32_t intermediate(NodeKind kind, std::uint32_t operand, std::vector<std::uint32_t> dims);
  Datatype datatype_of(std::uint32_t id) const;
  /// Upper bounds of the value's sizes in this layout.
  std::vector<std::uint32_t> dims_of(ir::ValueId value, Layout layout);
  /// A constant of the graph that broadcasts against 4-D values in this layout.
  std::uint32_t broadcast_constant(ir::ValueId value, Layout layout);
  /// A static operand. `tensor` has the sizes and element order that XNNPACK wants (OHWI filters).
  std::uint32_t constant(const Tensor& tensor);
  /// The same for a weight of the graph, whose integers have the scales of its output channels:
  /// dimension `channel_dim` of `filter`.
  std::uint32_t weight(ir::ValueId value, const Tensor& filter, std::uint32_t channel_dim);
  /// A bias in f32, or as integers in units of the sums of input times weight; null: kNoValue.
  std::uint32_t bias(const Tensor* bias, ir::ValueId input, ir::ValueId weight,
                     std::uint32_t channel_dim = 0);
  /// Makes the integers of a value that no int8 node has made.
  void quantize(ir::ValueId value, ir::ValueId quantized);
  void add_node(NodeRecord node);
  /// Narrows the output range of the node that makes `input` and lets it make `output` instead, if
  /// that node can clamp and nobody else reads `input`. False: add a Clamp node.
  bool fuse_clamp(ir::ValueId input, ir::ValueId output, float min, float max);

 private:
  friend Result<Lowered> lower(ir::Graph& body);

  Result<Lowered> finish();
  void begin(const ir::Node& node);
  /// What stands for the value where the node that is being lowered reads or writes it.
  ir::ValueId resolved(ir::ValueId value) const;
  std::uint32_t plain_input(ir::ValueId value, Layout layout);
  std::uint32_t dynamic_input(ir::ValueId value);
  std::uint32_t with_output_quant(std::uint32_t id);
  const ValueRecord& record_of(std::uint32_t id) const;
  std::uint32_t add_value(ValueRecord record);
  void define_inputs();
  void write_outputs();
  /// Adds a value with these dims and remembers the first thing that went wrong.
  std::uint32_t define(ir::ValueId id, std::vector<std::uint32_t> dims);
  std::uint32_t define_result(ir::ValueId value, Layout layout);
  bool make_output(std::uint32_t id, std::size_t position);
  /// Sizes of a constant; a number without dimensions is written as [1].
  static std::vector<std::uint32_t> constant_dims(const Shape& shape);
  std::vector<std::uint32_t> upper_bounds(const ir::Value& value);
  std::uint32_t constant_index(const Tensor& tensor, std::string_view prefix = "");
  ValueRecord group_weight(const struct GroupScales& scales);
  QuantParams channel_quant(const std::vector<float>& scales, std::uint32_t channel_dim);
  std::uint32_t define_constant(ir::ValueId id, const Tensor& tensor);
  Layout only_layout(ir::ValueId value, Layout layout) const;
  std::optional<std::uint32_t> find(ir::ValueId value, Layout layout) const;

  const ir::Graph& body_;
  Int8Plan plan_;
  bool is_int8_ = false;                        ///< the node that is being lowered
  bool moves_ = false;                          ///< and its result has its operands' scale
  std::optional<PerTensorQuant> output_quant_;  ///< of that node
  Payload payload_;
  std::vector<std::pair<std::string, Tensor>> named_data_;
  std::map<std::pair<ir::ValueId, Layout>, std::uint32_t> ids_;
  std::map<ir::ValueId, std::uint32_t> dynamic_ids_;  ///< rows quantized by their own range
  std::vector<bool> is_written_;                      ///< by position among the body's outputs
  std::uint32_t next_id_ = 0;
  std::optional<Error> error_;
};

/// Lowers a delegate's body: every node's operator has an XnnpackRule whose check passed. Weights
/// of the body that are integers but run in f32 become f32.
Result<Lowered> lower(ir::Graph& body);

}  // namespace tessera::xnnpack
