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

/// The outputs of a float graph for all samples. Kept if they are small enough together, else
/// computed anew each time.
class ExactOutputs {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 30;

  /// The graph has to outlive what is made.
  static Result<ExactOutputs> make(const ir::Graph& graph, const Samples& samples);

  /// That of the outputs that are f32, of a quantized graph on the first `limit` samples.
  Result<Noise> noise_of(const ir::Graph& quantized, const Samples& samples,
                         std::size_t limit = SIZE_MAX) const;

 private:
  explicit ExactOutputs(const ir::Graph& graph) : graph_(&graph) {}

  const ir::Graph* graph_;
  std::vector<std::vector<Tensor>> by_sample_;  ///< empty: not kept
};

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
