// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <vector>

#include "quantize/annotation.h"
#include "quantize/ranges.h"

namespace tessera::quantize {

/// Sums of squares of numbers and of what is wrong with them.
struct Noise {
  double signal = 0, error = 0;
  void add(const Tensor& expected, const Tensor& found);
  Noise& operator+=(const Noise& other);
  /// Signal-to-quantization-noise ratio; infinite without an error.
  double decibels() const;
};

/// That of the outputs that are f32: the quantized graph against the float one, on the first
/// `limit` samples.
Result<Noise> output_noise(const ir::Graph& graph, const ir::Graph& quantized,
                           const Samples& samples, std::size_t limit = SIZE_MAX);

/// What one layer with a weight does to its result, given the exact input.
struct LayerNoise {
  Noise noise;
  /// Mean of expected minus found, by output channel.
  std::vector<double> mean_error;
};

/// By node, of the layers with weights.
Result<std::map<ir::NodeId, LayerNoise>> layer_noise(const ir::Graph& graph,
                                                     const ir::Graph& quantized,
                                                     const Annotation& annotation,
                                                     const Samples& samples);

/// Adds each channel's mean error to the biases of the quantized graph.
Result<void> correct_biases(ir::Graph& quantized, const std::map<ir::NodeId, LayerNoise>& layers);

}  // namespace tessera::quantize
