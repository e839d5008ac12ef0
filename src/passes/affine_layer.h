// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include "ir/graph.h"
#include "ops/channel_affine.h"

/// Layers into whose constants a scale and a shift of each output channel can be folded.
namespace tessera::passes {

bool is_call(const ir::Node& node, std::string_view name);
bool is_none(const ir::Argument& argument);
/// A constant of floating point that can be computed with here.
bool is_real_constant(const ir::Graph& graph, const ir::Argument& argument);

/// A convolution or matrix product with constant weight and bias: where they are, and which output
/// channel a weight element counts for.
struct Layer {
  const ir::Node& node;
  std::size_t weight = 0;            ///< argument position
  std::optional<std::size_t> bias;   ///< likewise; of `none` too
  std::size_t num_channels = 0;      ///< of the output
  std::size_t elements_per_row = 1;  ///< successive weight elements of one channel

  std::size_t channel_of(std::size_t element) const {
    return element / elements_per_row % num_channels;
  }
};

/// The layer that the node is, if its weight and bias are constants.
std::optional<Layer> match_layer(const ir::Graph& graph, const ir::Node& node);

/// Adds the layer with the affine function done to its result, in front of the layer. A bias that
/// it did not have is named after `named_like` and has its dtype.
Result<ir::ValueId> add_folded_layer(ir::Graph& graph, ir::NodeId id, const Layer& layer,
                                     const ops::ChannelAffine& affine, ir::ValueId named_like);

}  // namespace tessera::passes
