// SPDX-License-Identifier: MIT
#include "runtime/staged_engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "base/check.h"
#include "base/place_blocks.h"
#include "base/try.h"
#include "xnnpack/find_or_pack.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/profile.h"

namespace tessera::runtime {
namespace {

using xnnpack::ConvolutionParams;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::ValueRecord;

constexpr std::size_t kCacheLine = 64;

/// What packing a convolution's weights reads. Another order of the packed numbers needs another
/// text: files keep them.
Description description_of(std::span<const float> filter, std::span<const float> bias,
                           const ConvolutionParams& params, bool is_depthwise, std::uint64_t seed) {
  Description text;
  text.add(std::span<const char>("Tessera's channels-last convolution"));
  text.add(is_depthwise);
  text.add(params.kernel_height * params.kernel_width * params.group_input_channels);
  text.add(params.group_output_channels);
  text.add(content_hash(std::as_bytes(filter), seed));
  text.add(content_hash(std::as_bytes(bias), seed));
  return text;
}

}  // namespace

std::vector<std::size_t> StagedEngine::Step::reads() const {
  return convolution ? convolution->plan.images : part->inputs;
}
std::vector<std::size_t> StagedEngine::Step::writes() const {
  return convolution ? std::vector{convolution->plan.output} : part->outputs;
}

StagedEngine::StagedEngine(const xnnpack::Payload& payload, ir::KernelContext& context,
                           const xnnpack::DelegateOptions& options)
    : payload_(payload),
      context_(context),
      keeps_profile_(options.profile),
      shapes_(payload),
      tensors_(payload.values.size()),
      workspace_(options.workspace) {
  workspace_->add_user(*this);
}

StagedEngine::~StagedEngine() { workspace_->remove_user(*this); }

bool StagedEngine::is_for(const xnnpack::Payload& payload) {
  return ops::is_channels_last_convolution_fast() && !plan_stages(payload).empty();
}

Result<std::unique_ptr<StagedEngine>> StagedEngine::create(
    const xnnpack::Payload& payload, const xnnpack::FindNamedData& find_named_data,
    ir::KernelContext& context, ThreadPool* pool, const xnnpack::DelegateOptions& options) {
  auto engine = std::unique_ptr<StagedEngine>(new StagedEngine(payload, context, options));
  for (const Stage& stage : plan_stages(payload)) {
    if (!stage.convolution) {
      TRY(engine->add_part(stage.nodes, find_named_data, pool, options));
      continue;
    }
    engine->steps_.push_back({.convolution = TRY(engine->make_convolution(
                                  *stage.convolution, find_named_data, options))});
  }
  return engine;
}

std::size_t StagedEngine::index_of(std::uint32_t id) const {
  const auto found = std::ranges::find(payload_.values, id, &ValueRecord::id);
  CHECK(found != payload_.values.end(), "payloads are checked when they are read");
  return static_cast<std::size_t>(found - payload_.values.begin());
}

Result<void> StagedEngine::add_part(const std::vector<std::size_t>& nodes,
                                    const xnnpack::FindNamedData& find_named_data, ThreadPool* pool,
                                    const xnnpack::DelegateOptions& options) {
  xnnpack::PayloadPart cut = xnnpack::part_of(payload_, nodes);
  Part part{.inputs = std::move(cut.inputs), .outputs = std::move(cut.outputs)};
  part.delegate =
      TRY(xnnpack::Delegate::create(std::move(cut.payload), find_named_data, pool, options));
  for (const std::size_t value : part.inputs) part.input_tensors.push_back(&tensors_[value]);
  for (const std::size_t value : part.outputs) part.output_tensors.push_back(&tensors_[value]);
  steps_.push_back({.part = std::move(part)});
  return {};
}

Result<std::span<const float>> StagedEngine::constant(std::uint32_t id,
                                                      const xnnpack::FindNamedData& find_named_data,
                                                      std::vector<float>& copy) const {
  const ValueRecord& value = payload_.values[index_of(id)];
  const auto bytes = TRY(xnnpack::constant_bytes(payload_, value.constant_index, find_named_data));
  const std::size_t count = xnnpack::num_bytes(value.datatype, value.dims) / sizeof(float);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) != 0) {
    copy.resize(count);
    std::memcpy(copy.data(), bytes.data(), count * sizeof(float));
    return copy;
  }
  return std::span(reinterpret_cast<const float*>(bytes.data()), count);
}

Result<StagedEngine::Convolution> StagedEngine::make_convolution(
    const DirectConvolution& plan, const xnnpack::FindNamedData& find_named_data,
    const xnnpack::DelegateOptions& options) const {
  const NodeRecord& node = payload_.nodes[plan.node];
  const auto& params = std::get<ConvolutionParams>(node.params);
  std::vector<float> filter_copy, bias_copy;
  const auto filter = TRY(constant(node.inputs[1], find_named_data, filter_copy));
  std::span<const float> bias;
  if (node.inputs[2] != xnnpack::kNoValue) {
    bias = TRY(constant(node.inputs[2], find_named_data, bias_copy));
  }
  const std::int64_t outputs = params.group_output_channels;
  const std::int64_t inputs =
      std::int64_t{params.kernel_height} * params.kernel_width * params.group_input_channels;
  // [output, height, width, input] or, of the depthwise kind with one input, [1, height, width,
  // output]
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  const std::uint64_t seed = options.packed_file != nullptr
                                 ? options.packed_file->hash_seed()
                                 : xnnpack::PackedWeights::of_process().hash_seed();
  const auto num_bytes =
      static_cast<std::size_t>(ops::packed_filter_size(inputs, outputs)) * sizeof(float);
  auto weights = TRY(xnnpack::find_or_pack(
      description_of(filter, bias, params, is_depthwise, seed), options.packed_file.get(),
      num_bytes, [&](std::byte* packed) {
        ops::pack_filter(inputs, outputs, filter.data(), is_depthwise ? 1 : inputs,
                         is_depthwise ? outputs : 1, bias.empty() ? nullptr : bias.data(),
                         reinterpret_cast<float*>(packed));
      }));
  if (options.give_back) options.give_back({std::as_bytes(filter), std::as_bytes(bias)});
  return Convolution{.plan = plan,
                     .weights = std::move(weights),
                     .images = std::vector<const float*>(
                         plan.reads_planes ? params.group_input_channels : plan.images.size())};
}

Result<std::span<const Shape>> StagedEngine::reshape(std::span<const Shape> inputs) {
  if (!output_shapes_.empty() && std::ranges::equal(inputs, input_shapes_)) return output_shapes_;
  output_shapes_.clear();
  TRY(shapes_.run(inputs));
  for (Step& step : steps_) {
    if (step.part) TRY(reshape(*step.part));
    if (step.convolution) reshape(*step.convolution);
  }
  plan_values();
  TRY(place_values());
  input_shapes_.assign(inputs.begin(), inputs.end());
  for (const std::size_t output : shapes_.outputs())
    output_shapes_.push_back(shapes_.shape(output));
  return output_shapes_;
}

Result<void> StagedEngine::reshape(Part& part) {
  std::vector<Shape> shapes;
  for (const std::size_t value : part.inputs) shapes.push_back(shapes_.shape(value));
  const auto found = TRY(part.delegate->reshape(shapes));
  const auto expected = [this](std::size_t value) { return shapes_.shape(value); };
  CHECK(std::ranges::equal(found, part.outputs, {}, {}, expected), "a part has the whole's sizes");
  return {};
}

void StagedEngine::reshape(Convolution& convolution) const {
  const DirectConvolution& plan = convolution.plan;
  const auto& params = std::get<ConvolutionParams>(payload_.nodes[plan.node].params);
  const Shape& image = shapes_.shape(plan.images[0]);
  const Shape input =  // N, H, W, C
      plan.reads_planes ? Shape{image[0], image[2], image[3], image[1]} : image;
  const Shape& output = shapes_.shape(plan.output);
  ops::ChannelsLastGeometry geometry{.batch = output[0],
                                     .output_channels = output[3],
                                     .height = {.input = input[1],
                                                .output = output[1],
                                                .kernel = params.kernel_height,
                                                .stride = params.subsampling_height,
                                                .padding = params.padding_top,
                                                .dilation = params.dilation_height},
                                     .width = {.input = input[2],
                                               .output = output[2],
                                               .kernel = params.kernel_width,
                                               .stride = params.subsampling_width,
                                               .padding = params.padding_left,
                                               .dilation = params.dilation_width}};
  for (const std::size_t value : plan.images) {
    if (!plan.reads_planes) geometry.input_channels.push_back(shapes_.shape(value)[3]);
  }
  if (plan.reads_planes) {
    geometry.input_channels.assign(static_cast<std::size_t>(input[3]), 1);
    geometry.image_pixels = input[3] * input[1] * input[2];
  }
  convolution.kernel.emplace(geometry,
                             reinterpret_cast<const float*>(convolution.weights->bytes().data()),
                             plan.low, plan.high);
}

/// Offsets of what one stage makes and another reads.
void StagedEngine::plan_values() {
  std::map<std::size_t, MemoryBlock> blocks;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const std::size_t value : steps_[i].writes()) {
      const Shape& shape = shapes_.shape(value);
      const auto bytes = static_cast<std::size_t>(shape.num_elements()) * sizeof(float);
      tensors_[value] = Tensor::view(DType::kF32, shape, nullptr);
      if (payload_.values[value].flags != 0) continue;
      // With what XNNPACK may read behind a tensor.
      const std::size_t padded = (bytes + kTensorPaddingBytes + kCacheLine - 1) / kCacheLine;
      blocks[value] = {.size_bytes = padded * kCacheLine, .first_step = i, .last_step = i};
    }
    for (const std::size_t value : steps_[i].reads()) {
      if (const auto block = blocks.find(value); block != blocks.end()) block->second.last_step = i;
    }
  }
  std::vector<MemoryBlock> in_order;
  for (const auto& [value, block] : blocks) in_order.push_back(block);
  const BlockLayout layout = place_blocks(in_order);
  offsets_.clear();
  for (const auto& [value, block] : blocks) {
    offsets_.emplace_back(value, layout.offsets[offsets_.size()]);
  }
  num_value_bytes_ = layout.size_bytes;
  has_memory_ = false;
}

Result<void> StagedEngine::place_values() {
  std::byte* memory = TRY(workspace_->values(*this, num_value_bytes_));
  for (const auto& [value, offset] : offsets_) tensors_[value].set_data(memory + offset);
  has_memory_ = true;
  return {};
}

Result<void> StagedEngine::run(std::span<const Tensor* const> inputs,
                               std::span<Tensor* const> outputs) {
  const auto bind = [this](std::size_t value, const Tensor& tensor) {
    tensors_[value] =
        Tensor::view(DType::kF32, shapes_.shape(value), const_cast<std::byte*>(tensor.bytes()));
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) bind(shapes_.inputs()[i], *inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) bind(shapes_.outputs()[i], *outputs[i]);
  if (!has_memory_) TRY(place_values());
  times_.clear();
  for (Step& step : steps_) {
    if (step.part) TRY(run(*step.part));
    if (step.convolution) run(*step.convolution);
  }
  return {};
}

Result<void> StagedEngine::run(Part& part) {
  TRY(part.delegate->run(part.input_tensors, part.output_tensors));
  if (!keeps_profile_) return {};
  const auto times = TRY(part.delegate->operator_times());
  times_.insert(times_.end(), times.begin(), times.end());
  return {};
}

void StagedEngine::run(Convolution& convolution) {
  const auto start = std::chrono::steady_clock::now();
  const DirectConvolution& plan = convolution.plan;
  const Tensor& first = tensors_[plan.images[0]];
  for (std::size_t i = 0; i < convolution.images.size(); ++i) {
    convolution.images[i] =
        plan.reads_planes
            ? first.data<float>() + static_cast<std::int64_t>(i) * first.size(2) * first.size(3)
            : tensors_[plan.images[i]].data<float>();
  }
  convolution.kernel->run(context_, convolution.images, tensors_[plan.output].data<float>());
  if (!keeps_profile_) return;
  const auto time = std::chrono::steady_clock::now() - start;
  times_.push_back(
      {"Convolution (NHWC, F32) direct", std::chrono::duration<double, std::micro>(time).count()});
}

xnnpack::DelegateMemory StagedEngine::memory() const {
  xnnpack::DelegateMemory memory;
  for (const Step& step : steps_) {
    if (step.part) {
      const xnnpack::DelegateMemory part = step.part->delegate->memory();
      memory.packed_weight_bytes += part.packed_weight_bytes;
      memory.mapped_weight_bytes += part.mapped_weight_bytes;
      memory.record_bytes += part.record_bytes;
      continue;
    }
    const xnnpack::PackedBlock& weights = *step.convolution->weights;
    memory.packed_weight_bytes += weights.bytes().size();
    if (weights.is_mapped()) memory.mapped_weight_bytes += weights.bytes().size();
  }
  return memory;
}

}  // namespace tessera::runtime
