// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Which values of a graph of quantize and dequantize calls are int8 inside an XNNPACK delegate,
/// and which nodes compute with them:
///
///   dequantize(a) -> convolution -> relu -> quantize
///
/// is one int8 convolution if a is int8, the weight a dequantized constant and XNNPACK takes the
/// scales; else everything but a and the result is f32, with conversions.
class Int8Plan {
 public:
  explicit Int8Plan(const ir::Graph& graph);

  /// Whether the node computes on the integers of its operands.
  bool runs_in_int8(const ir::Node& node) const;
  /// Nothing if it does, else why not.
  std::optional<std::string> why_not(const ir::Node& node) const;

  /// Whether the value is the f32 form of integers.
  bool is_dequantized(ir::ValueId value) const { return sources_.contains(value); }
  /// The value that has the integers: of a dequantized one the operand, of a result that is
  /// quantized the quantized one, else the value itself.
  ir::ValueId holder(ir::ValueId value) const;
  /// Scale and zero point of a value that is int8 itself.
  const PerTensorQuant* quant_of(ir::ValueId value) const;

 private:
  void find_quantized();
  void find_targets(const std::vector<ir::NodeId>& nodes);
  std::optional<std::string> reason(const ir::Node& node) const;
  std::optional<PerTensorQuant> operand_quant(ir::ValueId value) const;
  std::optional<std::string> check_weight(const ir::Node& node, float input_scale,
                                          float output_scale) const;

  const ir::Graph& graph_;
  std::map<ir::ValueId, PerTensorQuant> quant_;  ///< of integers
  std::map<ir::ValueId, ir::ValueId> sources_;   ///< of dequantized values: the integers
  std::map<ir::ValueId, ir::ValueId> targets_;   ///< of f32 results: their integers
  std::map<ir::ValueId, ir::ValueId>
      follows_;  ///< of results that only clamps read: the last one's
  std::map<const ir::Node*, std::optional<std::string>> reasons_;  ///< why a node is not int8
};

}  // namespace tessera::xnnpack
