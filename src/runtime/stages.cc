// SPDX-License-Identifier: MIT
#include "runtime/stages.h"

#include <algorithm>
#include <unordered_map>

#include "ops/quantized_convolution.h"
#include "runtime/quantized_stage.h"
#include "xnnpack/channels_last.h"
#include "xnnpack/node_kinds.h"

namespace tessera::runtime {
namespace {

using xnnpack::ConvolutionParams;
using xnnpack::Datatype;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::ValueRecord;

/// XNNPACK's tiles on processors with AVX-512 have 32 columns (7x32, src/configs/gemm-config.c),
/// ours multiples of 16.
constexpr std::uint32_t kTheirColumns = 32, kOurColumns = 16;
/// Direct convolutions do at least this part of a delegate's products, or it stays in one piece.
constexpr double kMinShare = 1.0 / 50;

std::uint32_t rounded_up(std::uint32_t count, std::uint32_t unit) {
  return (count + unit - 1) / unit * unit;
}

/// Whether what 8 neighbouring outputs read is as little as in any real network: it is copied at
/// the edges of images.
bool has_small_window(const ConvolutionParams& params) {
  constexpr double kMaxNumbers = 1 << 22;
  const double rows = params.kernel_height;
  const double columns = 8.0 * params.subsampling_width +
                         static_cast<double>(params.kernel_width) * params.dilation_width;
  return rows * columns * params.group_input_channels <= kMaxNumbers;
}

/// XNNPACK's 8-bit kernels (7x16c8) and ours come near the processor's limit where every output has
/// many inputs; ours spends less on each output and each pixel, and needs no tables of pointers for
/// windows. Depthwise, ours multiplies four inputs at once. See
/// docs/decisions/0005-own-8-bit-convolutions.md.
bool is_better_than_xnnpack(const ConvolutionParams& params) {
  constexpr std::uint32_t kFewInputs = 128;
  return params.groups > 1 || params.kernel_height * params.kernel_width > 1 ||
         params.group_input_channels <= kFewInputs;
}

class StagePlanner {
 public:
  StagePlanner(const xnnpack::Payload& payload, const FastKernels& fast)
      : payload_(payload),
        fast_(fast),
        readers_(payload.values.size()),
        is_skipped_(payload.nodes.size()) {
    for (std::size_t i = 0; i < payload.values.size(); ++i) index_[payload.values[i].id] = i;
    for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
      for (const std::uint32_t id : payload.nodes[i].inputs) {
        if (id != xnnpack::kNoValue) readers_[index_.at(id)].push_back(i);
      }
    }
  }

  std::vector<Stage> plan() {
    const bool can_be_cut = std::ranges::all_of(payload_.values, [](const ValueRecord& value) {
      return value.datatype == Datatype::kF32 || value.datatype == Datatype::kQInt8 ||
             value.datatype == Datatype::kQUInt8 || value.constant_index != 0;
    });
    if (!can_be_cut) return {};
    find_planes();
    find_concatenations();
    for (std::size_t node = 0; node < payload_.nodes.size(); ++node) {
      if (is_skipped_[node]) continue;
      if (is_direct(node)) {
        stages_.push_back({.convolution = convolution(node)});
        continue;
      }
      if (stages_.empty() || stages_.back().convolution) stages_.emplace_back();
      stages_.back().nodes.push_back(node);
    }
    return is_worth_it() ? std::move(stages_) : std::vector<Stage>();
  }

 private:
  const ValueRecord& value(std::uint32_t id) const { return payload_.values[index_.at(id)]; }
  bool is_inner(std::uint32_t id) const {
    return value(id).flags == 0 && value(id).constant_index == 0;
  }
  bool is_f32_constant(std::uint32_t id) const {
    return value(id).constant_index != 0 && value(id).datatype == Datatype::kF32;
  }

  bool can_be_direct(const NodeRecord& node) const {
    const bool is_convolution =
        node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
    if (!is_convolution || node.flags != 0) return false;
    const auto& params = std::get<ConvolutionParams>(node.params);
    if (value(node.inputs[0]).constant_index != 0) return false;
    if (is_quantized(node)) {
      const ValueRecord* bias =
          node.inputs[2] == xnnpack::kNoValue ? nullptr : &value(node.inputs[2]);
      return fast_.int8 &&
             is_quantized_convolution(node, value(node.inputs[0]), value(node.inputs[1]), bias,
                                      value(node.outputs[0]));
    }
    return fast_.f32 && params.groups == 1 && has_small_window(params) &&
           is_f32_constant(node.inputs[1]) &&
           (node.inputs[2] == xnnpack::kNoValue || is_f32_constant(node.inputs[2]));
  }

  bool is_quantized(const NodeRecord& node) const {
    return value(node.inputs[0]).datatype == Datatype::kQInt8;
  }

  bool is_direct(std::size_t index) const {
    const NodeRecord& node = payload_.nodes[index];
    if (!can_be_direct(node)) return false;
    const auto& params = std::get<ConvolutionParams>(node.params);
    if (is_quantized(node)) {
      return is_better_than_xnnpack(params) || images_.contains(node.inputs[0]);
    }
    const std::uint32_t channels = params.group_output_channels;
    const bool has_window = params.kernel_height * params.kernel_width > 1;
    const bool wastes_columns =
        rounded_up(channels, kTheirColumns) * 3 >= rounded_up(channels, kOurColumns) * 4;
    return has_window || wastes_columns || images_.contains(node.inputs[0]) ||
           planes_.contains(node.inputs[0]);
  }

  /// And the same numbers for it: XNNPACK refuses to concatenate others.
  bool has_same_type(std::uint32_t a, std::uint32_t b) const {
    if (value(a).datatype != value(b).datatype) return false;
    const auto* quant_a = std::get_if<xnnpack::PerTensorQuant>(&value(a).quant);
    const auto* quant_b = std::get_if<xnnpack::PerTensorQuant>(&value(b).quant);
    return quant_a == nullptr || quant_b == nullptr ||
           (quant_a->scale == quant_b->scale && quant_a->zero_point == quant_b->zero_point);
  }

  /// By convolutions that may read it in another form.
  bool is_only_convolved(std::uint32_t id) const {
    const auto& readers = readers_[index_.at(id)];
    return is_inner(id) && !readers.empty() &&
           std::ranges::all_of(readers, [&](std::size_t reader) {
             const NodeRecord& node = payload_.nodes[reader];
             return can_be_direct(node) && std::get<ConvolutionParams>(node.params).groups == 1;
           });
  }

  /// A few planes are as good as channels side by side: as many images of one channel.
  void find_planes() {
    for (std::size_t i = 0; i < payload_.nodes.size(); ++i) {
      const NodeRecord& node = payload_.nodes[i];
      const auto* params = std::get_if<xnnpack::TransposeParams>(&node.params);
      if (params == nullptr || node.flags != 0 ||
          !std::ranges::equal(params->permutation, xnnpack::kToChannelsLast))
        continue;
      const std::uint32_t output = node.outputs[0];
      if (value(node.inputs[0]).constant_index != 0 || !is_only_convolved(output) ||
          value(output).datatype != Datatype::kF32)
        continue;
      const auto& reader = payload_.nodes[readers_[index_.at(output)][0]];
      const auto& convolution = std::get<ConvolutionParams>(reader.params);
      if (convolution.group_input_channels > ops::kMaxConcatenated) continue;
      is_skipped_[i] = true;
      planes_[output] = index_.at(node.inputs[0]);
    }
  }

  /// Concatenations of channels that only convolutions read need not happen.
  void find_concatenations() {
    for (std::size_t i = 0; i < payload_.nodes.size(); ++i) {
      const NodeRecord& node = payload_.nodes[i];
      const auto* params = std::get_if<xnnpack::ConcatenateParams>(&node.params);
      if (params == nullptr || params->axis != 3 || node.flags != 0) continue;
      const std::uint32_t output = node.outputs[0];
      const auto is_constant = [&](std::uint32_t id) { return value(id).constant_index != 0; };
      const auto is_alike = [&](std::uint32_t id) { return has_same_type(id, output); };
      if (value(output).dims.size() != 4 || !is_only_convolved(output) ||
          node.inputs.size() > ops::kMaxConcatenated ||
          std::ranges::any_of(node.inputs, is_constant) ||
          !std::ranges::all_of(node.inputs, is_alike))
        continue;
      is_skipped_[i] = true;
      for (const std::uint32_t id : node.inputs) images_[output].push_back(index_.at(id));
    }
  }

  DirectConvolution convolution(std::size_t index) {
    const NodeRecord& node = payload_.nodes[index];
    DirectConvolution result{.node = index,
                             .is_quantized = is_quantized(node),
                             .low = node.output_min,
                             .high = node.output_max};
    if (const auto joined = images_.find(node.inputs[0]); joined != images_.end()) {
      result.images = joined->second;
    } else if (const auto planes = planes_.find(node.inputs[0]); planes != planes_.end()) {
      result.images = {planes->second};
      result.reads_planes = true;
    } else {
      result.images = {index_.at(node.inputs[0])};
    }
    std::uint32_t output = node.outputs[0];
    const auto& readers = readers_[index_.at(output)];
    if (!result.is_quantized && is_inner(output) && readers.size() == 1) {
      const NodeRecord& reader = payload_.nodes[readers[0]];
      const float low = std::max(result.low, reader.output_min);
      const float high = std::min(result.high, reader.output_max);
      if (reader.kind == NodeKind::kClamp && low <= high) {
        result.low = low;
        result.high = high;
        output = reader.outputs[0];
        is_skipped_[readers[0]] = true;
      }
    }
    result.output = index_.at(output);
    return result;
  }

  /// Products at the upper bound of the sizes.
  double num_products(const NodeRecord& node) const {
    const bool has_filter = std::holds_alternative<ConvolutionParams>(node.params) ||
                            node.kind == NodeKind::kFullyConnected;
    if (!has_filter) return 0;
    const auto product_of = [](std::span<const std::uint32_t> sizes) {
      double product = 1;
      for (const std::uint32_t size : sizes) product *= size;
      return product;
    };
    const ValueRecord& output = value(node.outputs[0]);
    const double channels = output.dims.empty() ? 1 : output.dims.back();
    return product_of(output.dims) / channels * product_of(value(node.inputs[1]).dims);
  }

  bool is_worth_it() const {
    double all = 0, direct = 0;
    for (const NodeRecord& node : payload_.nodes) all += num_products(node);
    for (const Stage& stage : stages_) {
      if (!stage.convolution) continue;
      direct += num_products(payload_.nodes[stage.convolution->node]);
    }
    return direct > 0 && direct >= kMinShare * all;
  }

  const xnnpack::Payload& payload_;
  FastKernels fast_;
  std::unordered_map<std::uint32_t, std::size_t> index_;  ///< of values by id
  std::vector<std::vector<std::size_t>> readers_;         ///< nodes by value
  std::vector<bool> is_skipped_;                          ///< nodes that need not run
  /// By the id of what is not concatenated.
  std::unordered_map<std::uint32_t, std::vector<std::size_t>> images_;
  std::unordered_map<std::uint32_t, std::size_t> planes_;  ///< by the id of what is not transposed
  std::vector<Stage> stages_;
};

}  // namespace

FastKernels fast_kernels() {
  return {.f32 = ops::is_channels_last_convolution_fast(),
          .int8 = ops::is_quantized_convolution_fast()};
}

std::vector<Stage> plan_stages(const xnnpack::Payload& payload, const FastKernels& fast) {
  return StagePlanner(payload, fast).plan();
}

}  // namespace tessera::runtime
