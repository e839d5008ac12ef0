// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "xnnpack/builder.h"

namespace tessera::xnnpack {

/// Nodes without values of the graph in between: what an operator becomes that XNNPACK has in parts
/// only. Every function adds one node and gives what it makes.
class Wiring {
 public:
  /// A value of the payload and the upper bounds of its sizes.
  struct Wire {
    std::uint32_t id = kNoValue;
    std::vector<std::uint32_t> dims;
  };

  explicit Wiring(Builder& builder) : builder_(builder) {}

  Wire input(ir::ValueId value, Layout layout);
  /// A constant in the datatype of `like`, f32 or f16.
  Wire constant(const Tensor& tensor, const Wire& like);
  Wire number(float value, const Wire& like);

  Wire unary(NodeKind kind, const Wire& input);
  Wire binary(NodeKind kind, const Wire& a, const Wire& b);
  /// Mean over dimensions 1 and 2 of 4, which become 1.
  Wire mean(const Wire& input);
  /// In these sizes. A size of 0 is what the others leave, `input.dims` being upper bounds.
  Wire reshape(const Wire& input, std::vector<std::uint32_t> dims);
  Wire transpose(const Wire& input, std::vector<std::uint32_t> permutation);
  /// `size` elements of a dimension from `offset` on; the other dimensions stay whole.
  Wire slice(const Wire& input, std::size_t axis, std::uint32_t offset, std::uint32_t size);
  /// Any number of inputs, in as many nodes as that takes.
  Wire concatenate(std::vector<Wire> inputs, std::size_t axis);
  /// A node with one input and parameters of its own, which gives these sizes.
  Wire node(NodeRecord record, std::vector<std::uint32_t> dims);

  /// The wire is the graph's result, in this layout.
  void output(ir::ValueId result, Layout layout, const Wire& wire) {
    builder_.alias(result, layout, wire.id);
  }

 private:
  Wire concatenate_few(const std::vector<Wire>& inputs, std::size_t axis);

  Builder& builder_;
};

}  // namespace tessera::xnnpack
