// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Computes the sizes of all of a payload's values from those of its inputs, by XNNPACK's rules but
/// with every check that XNNPACK leaves to its caller: channels against filters, windows against
/// images, sizes that do not fit. Sizes it accepts cannot make a node read or write out of bounds.
class ShapeInference {
 public:
  /// `payload` has been checked and must outlive this.
  explicit ShapeInference(const Payload& payload);

  /// `inputs` in the order of the external ids. Fails with InvalidArgument; the message names the
  /// node.
  Result<void> run(std::span<const Shape> inputs);

  /// Sizes of payload.values[value_index] after the last run that succeeded.
  const Shape& shape(std::size_t value_index) const { return shapes_[value_index]; }
  /// Indices into payload.values of the external inputs and outputs, by external id.
  std::span<const std::size_t> inputs() const { return inputs_; }
  std::span<const std::size_t> outputs() const { return outputs_; }
  /// Those of a node's operands, in the record's order. Only a bias, which comes last, can be
  /// absent; then it is left out.
  std::span<const std::size_t> node_inputs(std::size_t node) const {
    return operands_[node].inputs;
  }
  std::span<const std::size_t> node_outputs(std::size_t node) const {
    return operands_[node].outputs;
  }

 private:
  struct Operands {
    std::vector<std::size_t> inputs, outputs;
  };

  const Payload& payload_;
  std::vector<Operands> operands_;  ///< by node
  std::vector<std::size_t> inputs_, outputs_;
  std::vector<Shape> shapes_;
};

}  // namespace tessera::xnnpack
