// SPDX-License-Identifier: MIT
#include "runtime/staged_engine.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "base/check.h"
#include "base/place_blocks.h"
#include "base/try.h"
#include "xnnpack/profile.h"

namespace tessera::runtime {
namespace {

constexpr std::size_t kCacheLine = 64;

DType dtype_of(const xnnpack::ValueRecord& value) {
  switch (value.datatype) {
    case xnnpack::Datatype::kQInt8:
      return DType::kI8;
    case xnnpack::Datatype::kQUInt8:
      return DType::kU8;
    default:
      return DType::kF32;
  }
}

}  // namespace

std::vector<std::size_t> StagedEngine::Step::reads() const {
  return convolution ? convolution->plan().images : part->inputs;
}
std::vector<std::size_t> StagedEngine::Step::writes() const {
  return convolution ? std::vector{convolution->plan().output} : part->outputs;
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
  return !plan_stages(payload, fast_kernels()).empty();
}

Result<std::unique_ptr<StagedEngine>> StagedEngine::create(
    const xnnpack::Payload& payload, const xnnpack::FindNamedData& find_named_data,
    ir::KernelContext& context, ThreadPool* pool, const xnnpack::DelegateOptions& options,
    const FastKernels& fast) {
  auto engine = std::unique_ptr<StagedEngine>(new StagedEngine(payload, context, options));
  for (const Stage& stage : plan_stages(payload, fast)) {
    if (!stage.convolution) {
      TRY(engine->add_part(stage.nodes, find_named_data, pool, options));
      continue;
    }
    engine->steps_.push_back({.convolution = TRY(make_convolution_stage(
                                  payload, *stage.convolution, find_named_data, options))});
  }
  return engine;
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

Result<std::span<const Shape>> StagedEngine::reshape(std::span<const Shape> inputs) {
  if (!output_shapes_.empty() && std::ranges::equal(inputs, input_shapes_)) return output_shapes_;
  output_shapes_.clear();
  TRY(shapes_.run(inputs));
  for (Step& step : steps_) {
    if (step.part) TRY(reshape(*step.part));
    if (step.convolution) step.convolution->reshape(shapes_);
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

/// Offsets of what one stage makes and another reads.
void StagedEngine::plan_values() {
  std::map<std::size_t, MemoryBlock> blocks;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const std::size_t value : steps_[i].writes()) {
      const Shape& shape = shapes_.shape(value);
      tensors_[value] = Tensor::view(dtype_of(payload_.values[value]), shape, nullptr);
      const std::size_t bytes = tensors_[value].num_bytes();
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
    tensors_[value] = Tensor::view(dtype_of(payload_.values[value]), shapes_.shape(value),
                                   const_cast<std::byte*>(tensor.bytes()));
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

void StagedEngine::run(ConvolutionStage& convolution) {
  const auto start = std::chrono::steady_clock::now();
  convolution.run(context_, tensors_);
  if (!keeps_profile_) return;
  const auto time = std::chrono::steady_clock::now() - start;
  times_.push_back(
      {std::string(convolution.name()), std::chrono::duration<double, std::micro>(time).count()});
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
    const xnnpack::PackedBlock& weights = step.convolution->weights();
    memory.packed_weight_bytes += weights.bytes().size();
    if (weights.is_mapped()) memory.mapped_weight_bytes += weights.bytes().size();
  }
  return memory;
}

}  // namespace tessera::runtime
