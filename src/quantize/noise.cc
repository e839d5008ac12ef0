// SPDX-License-Identifier: MIT
#include "quantize/noise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/try.h"
#include "quantize/insert.h"
#include "quantize/interpreter.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

void Noise::add(const Tensor& expected, const Tensor& found) {
  CHECK(expected.shape() == found.shape(), "{}", found.type_string());
  const auto a = expected.elements<float>();
  const auto b = found.elements<float>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    signal += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    error += difference * difference;
  }
}

Noise& Noise::operator+=(const Noise& other) {
  signal += other.signal;
  error += other.error;
  return *this;
}

double Noise::decibels() const {
  if (error == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / error);
}

Result<ExactOutputs> ExactOutputs::make(const Graph& graph, const Samples& samples) {
  ExactOutputs result(graph);
  std::vector<Interpreter> interpreters;
  for (std::size_t i = 0; i < samples.num_workers(); ++i) interpreters.emplace_back(graph);
  std::vector<std::vector<Tensor>> outputs(samples.num_samples());
  std::atomic<std::size_t> num_bytes = 0;
  TRY(samples.for_each(
      [&](std::size_t worker, std::size_t sample, std::span<const Tensor> inputs) -> Result<void> {
        if (num_bytes > kMostBytes) return {};
        outputs[sample] = TRY(interpreters[worker].run(inputs));
        for (const Tensor& output : outputs[sample]) num_bytes += output.num_bytes();
        return {};
      }));
  if (num_bytes <= kMostBytes) result.by_sample_ = std::move(outputs);
  return result;
}

Result<Noise> ExactOutputs::noise_of(const Graph& quantized, const Samples& samples,
                                     std::size_t limit) const {
  struct Worker {
    Interpreter exact, rounded;
  };
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < samples.num_workers(); ++i) {
    workers.push_back({Interpreter(*graph_), Interpreter(quantized)});
  }
  std::vector<Noise> by_sample(samples.num_samples());
  TRY(samples.for_each(
      [&](std::size_t w, std::size_t sample, std::span<const Tensor> inputs) -> Result<void> {
        const auto found = TRY(workers[w].rounded.run(inputs));
        std::vector<Tensor> expected;
        if (by_sample_.empty()) {
          expected = TRY(workers[w].exact.run(inputs));
        } else {
          expected = by_sample_[sample];
        }
        for (std::size_t i = 0; i < expected.size(); ++i) {
          if (expected[i].dtype() == DType::kF32) by_sample[sample].add(expected[i], found[i]);
        }
        return {};
      },
      limit));
  Noise sum;
  for (const Noise& noise : by_sample) sum += noise;  // in one order, whatever the threads did
  return sum;
}

namespace {

/// The dimension of a layer's result that its weight's output channels are.
std::size_t channel_dim(const Node& node, std::size_t rank) {
  const bool is_convolution = node.op->quantize.transposed_flag >= 0;
  return is_convolution ? 1 : rank - 1;
}

/// Adds the differences of each channel and counts what one channel has.
void add_differences(const Tensor& expected, const Tensor& found, std::size_t dim,
                     std::vector<double>& sums, double& count) {
  std::int64_t inner = 1;
  for (std::size_t i = dim + 1; i < expected.rank(); ++i) inner *= expected.size(i);
  const std::int64_t channels = expected.size(dim);
  sums.resize(static_cast<std::size_t>(channels));
  const std::int64_t outer = expected.num_elements() / std::max<std::int64_t>(1, inner * channels);
  const float* a = expected.data<float>();
  const float* b = found.data<float>();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::int64_t i = 0; i < inner; ++i) {
        sum += static_cast<double>(*a++) - static_cast<double>(*b++);
      }
      sums[static_cast<std::size_t>(c)] += sum;
    }
  }
  count += static_cast<double>(outer * inner);
}

struct Sums {
  Noise noise;
  std::vector<double> differences;
  double count = 0;
};

/// Runs the layers of a quantized graph on exact inputs.
class LayerRunner {
 public:
  LayerRunner(const Graph& graph, const Graph& quantized)
      : exact_(graph), graph_(graph), quantized_(quantized), rounded_(quantized) {}

  Result<void> run(std::span<const Tensor> inputs, const Annotation& annotation,
                   std::map<NodeId, Sums>& sums) {
    TRY(rounded_.bind(inputs));
    TRY(exact_.run(inputs, [&](const Interpreter::Step& step) -> Result<void> {
      const Node& node = graph_.node(step.node);
      if (!annotation.is_quantized(step.node) || !xnnpack::is_weighted(node)) return {};
      const Tensor input = TRY(rounded_input(node, step));
      const Tensor& expected = step.results[0];
      const auto found = TRY(
          rounded_.run_node(step.node, [&](ValueId id) { return operand(step.node, id, input); }));
      Sums& layer = sums[step.node];
      layer.noise.add(expected, found[0]);
      add_differences(expected, found[0], channel_dim(node, expected.rank()), layer.differences,
                      layer.count);
      return {};
    }));
    return {};
  }

 private:
  /// What quantizing and dequantizing leave of the layer's input.
  Result<Tensor> rounded_input(const Node& node, const Interpreter::Step& step) {
    const ValueId value = xnnpack::activations(node)[0];
    const Node* quantize = quantize_call(quantized_, value);
    CHECK(quantize != nullptr, "'{}' is not quantized", graph_.value(value).name);
    const NodeId quantize_id = quantized_.value(quantize->results[0]).producer;
    auto integers = TRY(rounded_.run_node(quantize_id, step.tensor_of));
    const NodeId dequantize = quantized_.users(quantize->results[0])[0];
    auto real = TRY(rounded_.run_node(dequantize, [&](ValueId) { return &integers[0]; }));
    return std::move(real[0]);
  }

  Tensor* operand(NodeId node, ValueId id, const Tensor& input) {
    if (id == xnnpack::activations(quantized_.node(node))[0]) return &(operands_[id] = input);
    const auto known = operands_.find(id);
    if (known != operands_.end()) return &known->second;
    const ir::Value& value = quantized_.value(id);
    if (value.kind == ir::ValueKind::kConstant) return &(operands_[id] = value.data);
    const auto constant_of = [&](ValueId constant) {
      return &(operands_[constant] = quantized_.value(constant).data);
    };
    auto weight = rounded_.run_node(value.producer, constant_of);
    CHECK(weight.has_value(), "'{}' has been computed before", value.name);
    return &(operands_[id] = std::move((*weight)[0]));
  }

  Interpreter exact_;
  const Graph& graph_;
  const Graph& quantized_;
  Interpreter rounded_;
  std::map<ValueId, Tensor> operands_;  ///< of the quantized graph: weights
};

}  // namespace

Result<std::map<NodeId, LayerNoise>> layer_noise(const Graph& graph, const Graph& quantized,
                                                 const Annotation& annotation,
                                                 const Samples& samples) {
  std::vector<LayerRunner> workers;
  for (std::size_t i = 0; i < samples.num_workers(); ++i) workers.emplace_back(graph, quantized);
  std::vector<std::map<NodeId, Sums>> by_sample(samples.num_samples());
  TRY(samples.for_each([&](std::size_t worker, std::size_t sample, std::span<const Tensor> inputs) {
    return workers[worker].run(inputs, annotation, by_sample[sample]);
  }));
  std::map<NodeId, Sums> total;
  for (const auto& sample : by_sample) {
    for (const auto& [node, sums] : sample) {
      Sums& sum = total[node];
      sum.noise += sums.noise;
      sum.count += sums.count;
      sum.differences.resize(sums.differences.size());
      for (std::size_t c = 0; c < sums.differences.size(); ++c) {
        sum.differences[c] += sums.differences[c];
      }
    }
  }
  std::map<NodeId, LayerNoise> result;
  for (auto& [node, sums] : total) {
    for (double& difference : sums.differences) difference /= std::max(1.0, sums.count);
    result[node] = {sums.noise, std::move(sums.differences)};
  }
  return result;
}

Result<void> correct_biases(Graph& quantized, const std::map<NodeId, LayerNoise>& layers) {
  for (const auto& [id, layer] : layers) {
    const std::int8_t position = quantized.node(id).op->quantize.bias;
    if (position < 0) continue;
    ir::Argument& bias = quantized.node(id).arguments[static_cast<std::size_t>(position)];
    std::vector<float> elements(layer.mean_error.begin(), layer.mean_error.end());
    std::string name = "bias", qualified_name;
    if (const auto* old = std::get_if<ValueId>(&bias)) {
      const ir::Value& value = quantized.value(*old);
      if (value.data.num_elements() != static_cast<std::int64_t>(elements.size())) continue;
      for (std::size_t c = 0; c < elements.size(); ++c) elements[c] += value.data.data<float>()[c];
      name = value.name;
      qualified_name = value.fully_qualified_name;
    }
    const Shape shape{static_cast<std::int64_t>(elements.size())};
    bias = quantized.add_constant(name, Tensor::of<float>(shape, elements), qualified_name);
  }
  quantized.erase_dead();
  return {};
}

}  // namespace tessera::quantize
