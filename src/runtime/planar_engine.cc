// SPDX-License-Identifier: MIT
#include "runtime/planar_engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "xnnpack/channels_last.h"

namespace tessera::runtime {
namespace {

using xnnpack::ConvolutionParams;
using xnnpack::Datatype;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::ValueRecord;

/// Up to here Tessera's kernel, whose vectors lie along rows, is faster than XNNPACK's, whose lie
/// along channels and stay partly empty (benchmarks/kernels measures both).
constexpr std::uint32_t kMaxChannels = 8;

bool has_few_channels(const NodeRecord& node) {
  const auto* conv = std::get_if<ConvolutionParams>(&node.params);
  if (conv == nullptr) return false;
  const bool is_symmetric =
      conv->padding_top == conv->padding_bottom && conv->padding_left == conv->padding_right;
  const auto below = [](std::uint32_t a, std::uint32_t b) {
    return a <= kMaxChannels && b <= kMaxChannels && a * b <= kMaxChannels;
  };
  return is_symmetric && node.flags == 0 && below(conv->groups, conv->group_output_channels) &&
         below(conv->groups, conv->group_input_channels);
}

/// Filters are [output channels, height, width, input channels] or, depthwise, [1, height, width,
/// channels]; kernels take [output channels, input channels per group, height, width].
Tensor planar_filter(const Tensor& filter, bool is_depthwise) {
  const std::int64_t height = filter.size(1), width = filter.size(2);
  const std::int64_t outputs = is_depthwise ? filter.size(3) : filter.size(0);
  const std::int64_t inputs = is_depthwise ? 1 : filter.size(3);
  const std::int64_t output_step = is_depthwise ? 1 : height * width * inputs;
  const std::int64_t pixel_step = is_depthwise ? outputs : inputs;
  Tensor planar = Tensor::empty(DType::kF32, {outputs, inputs, height, width}).value();
  float* to = planar.data<float>();
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int64_t pixel = 0; pixel < height * width; ++pixel) {
        *to++ = filter.data<float>()[o * output_step + pixel * pixel_step + i];
      }
    }
  }
  return planar;
}

ir::Dims pair_of(std::uint32_t height, std::uint32_t width) {
  return {ir::Dim(std::int64_t{height}), ir::Dim(std::int64_t{width})};
}

}  // namespace

PlanarEngine::PlanarEngine(const xnnpack::Payload& payload, ir::KernelContext& context,
                           bool profile)
    : payload_(payload),
      context_(context),
      convolution_(ops::find_operator("aten::convolution")),
      profile_(profile),
      shapes_(payload),
      same_as_(payload.values.size()),
      is_planar_(payload.values.size()),
      tensors_(payload.values.size()) {
  std::iota(same_as_.begin(), same_as_.end(), std::size_t{0});
}

std::size_t PlanarEngine::index_of(std::uint32_t id) const {
  const auto found = std::ranges::find(payload_.values, id, &ValueRecord::id);
  CHECK(found != payload_.values.end(), "payloads are checked when they are read");
  return static_cast<std::size_t>(found - payload_.values.begin());
}

Result<std::unique_ptr<PlanarEngine>> PlanarEngine::create(
    const xnnpack::Payload& payload, const xnnpack::FindNamedData& find_named_data,
    ir::KernelContext& context, bool profile) {
  auto engine = std::unique_ptr<PlanarEngine>(new PlanarEngine(payload, context, profile));
  const bool is_f32 = std::ranges::all_of(
      payload.values, [](const ValueRecord& value) { return value.datatype == Datatype::kF32; });
  if (!is_f32 || engine->shapes_.outputs().size() != 1) return nullptr;
  for (const NodeRecord& node : payload.nodes) {
    if (!TRY(engine->add(node, find_named_data))) return nullptr;
  }
  if (engine->steps_.empty()) return nullptr;
  // Callers' memory must be planes, so a transpose must lie between it and the convolutions.
  for (const Step& step : engine->steps_) {
    for (const std::size_t value : {step.input, step.output}) {
      if (payload.values[value].flags != 0 && !engine->is_planar_[value]) return nullptr;
    }
  }
  return engine;
}

Result<bool> PlanarEngine::add(const NodeRecord& node,
                               const xnnpack::FindNamedData& find_named_data) {
  if (node.kind == NodeKind::kStaticTranspose) return skip_transpose(node);
  if (node.kind == NodeKind::kClamp) return fuse_clamp(node);
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  if ((node.kind != NodeKind::kConv2d && !is_depthwise) || !has_few_channels(node)) return false;
  const bool has_bias = node.inputs[2] != xnnpack::kNoValue;
  if (payload_.values[index_of(node.inputs[1])].constant_index == 0) return false;
  if (has_bias && payload_.values[index_of(node.inputs[2])].constant_index == 0) return false;
  Step step{.node = &node,
            .input = same_as_[index_of(node.inputs[0])],
            .output = index_of(node.outputs[0]),
            .low = node.output_min,
            .high = node.output_max};
  step.weight = planar_filter(TRY(constant(node.inputs[1], find_named_data)), is_depthwise);
  if (has_bias) step.bias = TRY(constant(node.inputs[2], find_named_data));
  steps_.push_back(std::move(step));
  return true;
}

/// A transpose between planes and channels-last memory does nothing here.
bool PlanarEngine::skip_transpose(const NodeRecord& node) {
  const auto& permutation = std::get<xnnpack::TransposeParams>(node.params).permutation;
  const std::size_t input = index_of(node.inputs[0]), output = index_of(node.outputs[0]);
  const ValueRecord& from = payload_.values[input];
  const ValueRecord& to = payload_.values[output];
  const bool enters = from.flags == ValueRecord::kExternalInput && to.flags == 0 &&
                      std::ranges::equal(permutation, xnnpack::kToChannelsLast);
  if (enters) {
    same_as_[output] = input;
    is_planar_[input] = true;
    return true;
  }
  const bool leaves = to.flags == ValueRecord::kExternalOutput &&
                      std::ranges::equal(permutation, xnnpack::kToChannelsFirst);
  if (!leaves || take_over(node) == nullptr) return false;
  is_planar_[output] = true;
  return true;
}

bool PlanarEngine::fuse_clamp(const NodeRecord& node) {
  Step* step = take_over(node);
  if (step == nullptr) return false;
  step->low = std::max(step->low, node.output_min);
  step->high = std::min(step->high, node.output_max);
  return step->low <= step->high;
}

PlanarEngine::Step* PlanarEngine::take_over(const NodeRecord& node) {
  const std::size_t input = index_of(node.inputs[0]);
  if (payload_.values[input].flags != 0) return nullptr;
  for (const NodeRecord& other : payload_.nodes) {
    if (&other != &node && std::ranges::contains(other.inputs, node.inputs[0])) return nullptr;
  }
  const auto step = std::ranges::find(steps_, input, &Step::output);
  if (step == steps_.end()) return nullptr;
  step->output = index_of(node.outputs[0]);
  return &*step;
}

Result<Tensor> PlanarEngine::constant(std::uint32_t id,
                                      const xnnpack::FindNamedData& find_named_data) const {
  const ValueRecord& value = payload_.values[index_of(id)];
  Shape shape;
  for (const std::uint32_t size : value.dims) shape.push_back(size);
  Tensor tensor = TRY(Tensor::empty(DType::kF32, shape));
  const auto bytes = TRY(xnnpack::constant_bytes(payload_, value.constant_index, find_named_data));
  CHECK(bytes.size() >= tensor.num_bytes(), "payloads are checked when they are read");
  std::memcpy(tensor.bytes(), bytes.data(), tensor.num_bytes());
  return tensor;
}

Result<std::span<const Shape>> PlanarEngine::reshape(std::span<const Shape> inputs) {
  if (!output_shapes_.empty() && std::ranges::equal(inputs, input_shapes_)) return output_shapes_;
  output_shapes_.clear();
  TRY(shapes_.run(inputs));
  for (Step& step : steps_) {
    const auto& conv = std::get<ConvolutionParams>(step.node->params);
    const std::size_t made = index_of(step.node->outputs[0]);
    const Shape& last = shapes_.shape(made);  // N, H, W, C
    const Shape planes{last[0], last[3], last[1], last[2]};
    if (payload_.values[step.output].flags == 0) {
      tensors_[step.output] = TRY(Tensor::empty(DType::kF32, planes));
    }
    const std::uint32_t groups = conv.groups;
    step.arguments = {&tensors_[step.input],
                      &step.weight,
                      std::monostate(),
                      pair_of(conv.subsampling_height, conv.subsampling_width),
                      pair_of(conv.padding_top, conv.padding_left),
                      pair_of(conv.dilation_height, conv.dilation_width),
                      false,
                      pair_of(0, 0),
                      ir::Dim(std::int64_t{groups})};
    if (step.bias.has_data()) step.arguments[2] = &step.bias;
  }
  input_shapes_.assign(inputs.begin(), inputs.end());
  for (const std::size_t output : shapes_.outputs())
    output_shapes_.push_back(shapes_.shape(output));
  return output_shapes_;
}

Result<void> PlanarEngine::run(std::span<const Tensor* const> inputs,
                               std::span<Tensor* const> outputs) {
  const auto bind = [this](std::size_t value, const Tensor& tensor) {
    tensors_[value] =
        Tensor::view(DType::kF32, shapes_.shape(value), const_cast<std::byte*>(tensor.bytes()));
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) bind(shapes_.inputs()[i], *inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) bind(shapes_.outputs()[i], *outputs[i]);
  times_.clear();
  for (Step& step : steps_) {
    const auto start = std::chrono::steady_clock::now();
    TRY(run(step));
    if (!profile_) continue;
    const auto time = std::chrono::steady_clock::now() - start;
    times_.push_back({"Convolution (NCHW, F32) planes",
                      std::chrono::duration<double, std::micro>(time).count()});
  }
  return {};
}

std::size_t PlanarEngine::num_bytes() const {
  std::size_t bytes = 0;
  for (const Step& step : steps_) {
    bytes += step.weight.num_bytes();
    const bool is_inner = payload_.values[step.output].flags == 0;
    if (is_inner && tensors_[step.output].has_data()) bytes += tensors_[step.output].num_bytes();
  }
  return bytes;
}

Result<void> PlanarEngine::run(Step& step) {
  Tensor& output = tensors_[step.output];
  TRY(convolution_->kernel(context_, ir::KernelArguments(step.arguments), std::span(&output, 1)));
  const float low = step.low, high = step.high;
  if (low == -NodeRecord::kInfinity && high == NodeRecord::kInfinity) return {};
  ops::map_elements(context_, output.data<float>(), output.data<float>(), output.num_elements(),
                    [low, high](float x) { return std::min(std::max(x, low), high); });
  return {};
}

}  // namespace tessera::runtime
