// SPDX-License-Identifier: MIT
#include "ops/quantized_depthwise.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/vnni.h"

namespace tessera::ops {
namespace {

/// Inputs of a task, which should stay in the second level cache, and the columns of wide images.
constexpr std::int64_t kTaskBytes = 96 * 1024;
constexpr std::int64_t kMaxTaskColumns = 256;
constexpr std::int64_t kMaxWindow = 16, kMaxStride = 4;
constexpr std::int64_t kProductsPerThread = 200'000;

template <class T>
void store(T value, std::byte* to, std::int64_t index) {
  std::memcpy(to + index * static_cast<std::int64_t>(sizeof value), &value, sizeof value);
}

}  // namespace

std::int64_t DepthwiseFilter::weights_offset(std::int64_t column) const {
  std::int64_t quads = 0;
  for (std::int64_t i = 0; i < column; ++i) quads += num_quads(i);
  return kDepthwiseChannels * 2 * static_cast<std::int64_t>(sizeof(float)) +
         quads * height_ * kQuadBytes;
}

std::int64_t DepthwiseFilter::num_parts(std::int64_t first_channel) const {
  std::int64_t parts = 1;
  while (parts < kMaxImageParts && (channels_ - first_channel) * 2 * parts <= kDepthwiseChannels) {
    parts *= 2;
  }
  return parts;
}

void DepthwiseFilter::pack(const QuantizedWeights& weights, std::byte* packed) const {
  std::memset(packed, 0, static_cast<std::size_t>(packed_bytes()));
  for (std::int64_t first = 0; first < channels_; first += kDepthwiseChannels) {
    pack_block(weights, first, packed);
    packed += block_bytes();
  }
}

void DepthwiseFilter::pack_block(const QuantizedWeights& weights, std::int64_t first_channel,
                                 std::byte* block) const {
  const std::int64_t part_lanes = kDepthwiseChannels / num_parts(first_channel);
  for (std::int64_t i = 0; i < kDepthwiseChannels; ++i) {
    const std::int64_t channel = first_channel + i % part_lanes, lane = depthwise_lane(i);
    if (channel >= channels_) continue;
    const auto weight = [&](std::int64_t input) {
      return weights.weights[channel * weights.output_step + input * weights.input_step];
    };
    std::uint32_t sum = 0;
    for (std::int64_t input = 0; input < height_ * width_; ++input) {
      sum += static_cast<std::uint32_t>(weight(input));
      for (std::int64_t start = 0; start < kStepInputs; ++start) {
        const std::int64_t column = start + input % width_;
        const std::int64_t quad = input / width_ * num_quads(start) + column / kStepInputs;
        store(
            weight(input), block,
            weights_offset(start) + quad * kQuadBytes + lane * kStepInputs + column % kStepInputs);
      }
    }
    // An input of the zero point adds nothing to a sum that starts here.
    const std::uint32_t bias =
        weights.bias == nullptr ? 0 : static_cast<std::uint32_t>(weights.bias[channel]);
    store(bias - sum * static_cast<std::uint32_t>(weights.input_zero_point + kUnsignedOffset),
          block, lane);
    store(weights.scales[channel], block, kDepthwiseChannels + lane);
  }
}

bool QuantizedDepthwise::is_for(const WindowAxis& height, const WindowAxis& width) {
  const auto is_small = [](const WindowAxis& axis) {
    return axis.kernel <= kMaxWindow && axis.stride <= kMaxStride && axis.dilation == 1;
  };
  return is_small(height) && is_small(width);
}

QuantizedDepthwise::QuantizedDepthwise(const DepthwiseGeometry& geometry, const std::byte* packed,
                                       std::int32_t input_zero_point, const QuantizedOutput& range)
    : geometry_(geometry),
      filter_(geometry.height.kernel, geometry.width.kernel, geometry.channels),
      packed_(packed),
      input_zero_point_(input_zero_point),
      range_(range) {}

/// Rows of the image that rows of outputs read.
std::int64_t QuantizedDepthwise::num_input_rows(std::int64_t output_rows) const {
  return (output_rows - 1) * geometry_.height.stride + geometry_.height.kernel;
}

std::int64_t QuantizedDepthwise::num_quads(std::int64_t output_columns) const {
  const WindowAxis& width = geometry_.width;
  return ((output_columns - 1) * width.stride + width.kernel + kStepInputs - 1) / kStepInputs;
}

void QuantizedDepthwise::run(ir::KernelContext& context, const std::int8_t* image,
                             std::int8_t* output) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t num_outputs =
      geometry_.batch * height.output * width.output * geometry_.channels;
  if (num_outputs == 0) return;
  const auto num_workers =
      std::clamp<std::int64_t>(num_outputs * height.kernel * width.kernel / kProductsPerThread, 1,
                               static_cast<std::int64_t>(context.num_threads()));
  const std::int64_t num_blocks = (geometry_.channels - 1) / kDepthwiseChannels + 1;
  const std::int64_t task_columns = std::min(width.output, kMaxTaskColumns);
  const std::int64_t row_quads = num_quads(task_columns);
  const std::int64_t spare_rows = kTaskBytes / (row_quads * kQuadBytes) - height.kernel;
  const std::int64_t share = (height.output - 1) / (num_workers == 1 ? 1 : 4 * num_workers) + 1;
  const std::int64_t task_rows = std::clamp<std::int64_t>(spare_rows / height.stride + 1, 1, share);
  const std::int64_t num_rows = (height.output - 1) / task_rows + 1;
  const std::int64_t num_columns = (width.output - 1) / task_columns + 1;
  const std::int64_t num_tasks = geometry_.batch * num_rows * num_columns * num_blocks;
  const std::int64_t worker_bytes = num_input_rows(task_rows) * row_quads * kQuadBytes;
  auto* scratch = reinterpret_cast<std::uint8_t*>(
      context.scratch(static_cast<std::size_t>(num_workers * worker_bytes)));
  const auto run_worker = [&](std::int64_t worker) {
    std::uint8_t* const own = scratch + worker * worker_bytes;
    for (std::int64_t i = worker; i < num_tasks; i += num_workers) {
      const std::int64_t box = i / num_blocks;
      const std::int64_t row = box / num_columns % num_rows * task_rows;
      const std::int64_t column = box % num_columns * task_columns;
      Task task{.image = box / (num_columns * num_rows),
                .block = i % num_blocks,
                .row = row,
                .end_row = std::min(row + task_rows, height.output),
                .column = column,
                .end_column = std::min(column + task_columns, width.output)};
      task.num_parts = filter_.num_parts(task.first_channel());
      task.rows_of_part = (task.end_row - task.row - 1) / task.num_parts + 1;
      copy_inputs(task, row_quads, image, own);
      for (std::int64_t y = 0; y < task.rows_of_part; ++y) {
        run_row(task, y, own + y * height.stride * row_quads * kQuadBytes, row_quads, output);
      }
    }
  };
  context.parallel_for(static_cast<std::size_t>(num_workers), 1,
                       [&](std::size_t begin, std::size_t end) {
                         for (std::size_t worker = begin; worker < end; ++worker) {
                           run_worker(static_cast<std::int64_t>(worker));
                         }
                       });
}

void QuantizedDepthwise::copy_inputs(const Task& task, std::int64_t row_quads,
                                     const std::int8_t* image, std::uint8_t* scratch) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t channels = geometry_.channels, first = task.first_channel();
  const std::int64_t left = task.column * width.stride - width.padding;
  const std::int64_t num_rows = num_input_rows(task.rows_of_part);
  for (std::int64_t i = 0; i < num_rows; ++i, scratch += row_quads * kQuadBytes) {
    QuadRow row{.num_parts = task.num_parts,
                .pixel_stride = channels,
                .begin = -left,
                .end = width.input - left,
                .num_channels = std::min(channels - first, kDepthwiseChannels),
                .padding = static_cast<std::int8_t>(input_zero_point_),
                .num_quads = row_quads,
                .quads = scratch};
    for (std::int64_t part = 0; part < task.num_parts; ++part) {
      const std::int64_t y = task.row_of(part, 0) * height.stride - height.padding + i;
      if (y < 0 || y >= height.input) continue;
      const std::int64_t first_pixel = (task.image * height.input + y) * width.input;
      row.pixels[static_cast<std::size_t>(part)] = image + (first_pixel + left) * channels + first;
    }
    depthwise_functions().interleave(row);
  }
}

void QuantizedDepthwise::run_row(const Task& task, std::int64_t row_of_part,
                                 const std::uint8_t* inputs, std::int64_t row_quads,
                                 std::int8_t* output) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t channels = geometry_.channels, first = task.first_channel();
  const std::int64_t row = task.row_of(0, row_of_part);
  output += ((task.image * height.output + row) * width.output + task.column) * channels + first;
  const std::byte* block = packed_ + task.block * filter_.block_bytes();
  const std::int64_t columns = task.end_column - task.column;
  // After as many pixels windows start at the same column of a quad again.
  const std::int64_t period = kStepInputs / std::gcd(width.stride, kStepInputs);
  DepthwiseTile tile{.pixel_distance = period * width.stride / kStepInputs * kQuadBytes,
                     .row_distance = row_quads * kQuadBytes,
                     .num_rows = height.kernel,
                     .starts_and_scales = block,
                     .num_channels = std::min(channels - first, kDepthwiseChannels),
                     .num_parts = task.num_parts,
                     .num_stored = (task.end_row - row - 1) / task.rows_of_part + 1,
                     .part_distance = task.rows_of_part * width.output * channels,
                     .output_stride = period * channels,
                     .range = range_};
  for (std::int64_t phase = 0; phase < std::min(period, columns); ++phase) {
    const std::int64_t start = phase * width.stride;
    tile.num_quads = filter_.num_quads(start % kStepInputs);
    tile.weights = block + filter_.weights_offset(start % kStepInputs);
    tile.inputs = inputs + start / kStepInputs * kQuadBytes;
    tile.outputs = output + phase * channels;
    std::int64_t rest = (columns - phase - 1) / period + 1;
    for (; rest > 0; rest -= tile.num_pixels) {
      tile.num_pixels = std::min(rest, kMaxDepthwisePixels);
      depthwise_functions().run(tile);
      tile.inputs += tile.num_pixels * tile.pixel_distance;
      tile.outputs += tile.num_pixels * tile.output_stride;
    }
  }
}

}  // namespace tessera::ops
