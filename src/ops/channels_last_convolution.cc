// SPDX-License-Identifier: MIT
#include "ops/channels_last_convolution.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "ops/pixel_tile.h"

namespace tessera::ops {

namespace {

/// Inputs of a task: they and a block's weights should stay in the second level cache.
constexpr std::int64_t kTaskNumbers = 64 * 1024;
constexpr std::int64_t kProductsPerThread = 200'000;

/// Channels of the block that starts at `channel`.
std::int64_t block_width(std::int64_t channel, std::int64_t output_channels) {
  return output_channels - channel > kTileLanes ? kTileChannels : kTileLanes;
}

}  // namespace

ChannelsLastGeometry flattened(const ChannelsLastGeometry& geometry) {
  const auto is_single = [](const WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.padding == 0 && axis.input == axis.output;
  };
  ChannelsLastGeometry flat = geometry;
  const std::int64_t own_pixels = geometry.height.input * geometry.width.input;
  if (flat.image_pixels == 0) flat.image_pixels = own_pixels;
  if (geometry.batch > 1 && flat.image_pixels != own_pixels) return flat;
  if (!is_single(geometry.height) || !is_single(geometry.width)) return flat;
  const std::int64_t num_pixels = geometry.batch * own_pixels;
  flat.batch = 1;
  flat.height = {};
  flat.width = {.input = num_pixels, .output = num_pixels};
  return flat;
}

/// Output channels that are computed together.
struct ChannelsLastConvolution::Block {
  std::int64_t first = 0, width = 0;
  const float* weights = nullptr;
};

ChannelsLastConvolution::ChannelsLastConvolution(const ChannelsLastGeometry& geometry,
                                                 const float* packed, float low, float high)
    : geometry_(flattened(geometry)),
      packed_(packed),
      low_(low),
      high_(high),
      num_channels_(std::accumulate(geometry.input_channels.begin(), geometry.input_channels.end(),
                                    std::int64_t{0})) {
  CHECK(geometry.input_channels.size() <= kMaxConcatenated, "too many images");
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  for (std::int64_t row = 0; row < height.kernel; ++row) {
    for (std::int64_t column = 0; column < width.kernel; ++column) {
      const std::int64_t pixel = row * height.dilation * width.input + column * width.dilation;
      std::int64_t image = 0;
      for (const std::int64_t channels : geometry_.input_channels) {
        runs_.push_back({image++, pixel * channels, channels});
      }
      const std::int64_t window_pixel = row * window_columns() + column * width.dilation;
      window_runs_.push_back({0, window_pixel * num_channels_, num_channels_});
    }
  }
  for (const std::int64_t channels : geometry_.input_channels) {
    strides_.push_back(channels * width.stride);
  }
  window_stride_ = num_channels_ * width.stride;
}

/// Columns of what a tile reads.
std::int64_t ChannelsLastConvolution::window_columns() const {
  const WindowAxis& width = geometry_.width;
  return (kTilePixels - 1) * width.stride + (width.kernel - 1) * width.dilation + 1;
}

std::int64_t ChannelsLastConvolution::window_size() const {
  return geometry_.height.kernel * window_columns() * num_channels_;
}

/// Rows of images, or columns of one long row.
void ChannelsLastConvolution::choose_tasks(std::int64_t num_threads, std::int64_t& rows,
                                           std::int64_t& columns) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t parts = num_threads == 1 ? 1 : 4 * num_threads;
  const auto share = [parts](std::int64_t count) { return (count - 1) / parts + 1; };
  rows = 1;
  if (height.output == 1) {
    columns = std::min(kTaskNumbers / (num_channels_ * width.stride), share(width.output));
    columns = std::max(columns / kTilePixels * kTilePixels, 4 * kTilePixels);
    return;
  }
  columns = width.output;
  rows = std::clamp<std::int64_t>(kTaskNumbers / (height.stride * width.input * num_channels_), 1,
                                  share(height.output));
}

void ChannelsLastConvolution::run(ir::KernelContext& context, std::span<const float* const> images,
                                  float* output) const {
  CHECK(images.size() == geometry_.input_channels.size(), "{} images", images.size());
  const std::int64_t height = geometry_.height.output, width = geometry_.width.output;
  const std::int64_t num_outputs = geometry_.batch * height * width;
  if (num_outputs == 0) return;
  const std::int64_t products = num_outputs * geometry_.output_channels * num_channels_ *
                                geometry_.height.kernel * geometry_.width.kernel;
  const auto num_threads = static_cast<std::int64_t>(context.num_threads());
  const std::int64_t num_wanted =
      std::clamp<std::int64_t>(products / kProductsPerThread, 1, num_threads);
  std::int64_t task_rows = 1, task_columns = 1;
  choose_tasks(num_wanted, task_rows, task_columns);
  const std::int64_t num_rows = (height - 1) / task_rows + 1;
  const std::int64_t num_columns = (width - 1) / task_columns + 1;
  const std::int64_t num_tasks = geometry_.batch * num_rows * num_columns;
  const std::int64_t num_workers = std::min(num_wanted, num_tasks);
  const std::int64_t scratch_size = (window_size() / kTileLanes + 1) * kTileLanes;
  auto* scratch = reinterpret_cast<float*>(
      context.scratch(static_cast<std::size_t>(num_workers * scratch_size) * sizeof(float)));
  const auto run_worker = [&](std::int64_t worker) {
    for (std::int64_t task = worker; task < num_tasks; task += num_workers) {
      const std::int64_t row = task / num_columns % num_rows * task_rows;
      const std::int64_t column = task % num_columns * task_columns;
      const Task box{.image = task / (num_columns * num_rows),
                     .row = row,
                     .end_row = std::min(row + task_rows, height),
                     .column = column,
                     .end_column = std::min(column + task_columns, width)};
      run_task(box, images, scratch + worker * scratch_size, output);
    }
  };
  context.parallel_for(static_cast<std::size_t>(num_workers), 1,
                       [&](std::size_t begin, std::size_t end) {
                         for (std::size_t worker = begin; worker < end; ++worker) {
                           run_worker(static_cast<std::int64_t>(worker));
                         }
                       });
}

void ChannelsLastConvolution::run_task(const Task& task, std::span<const float* const> images,
                                       float* scratch, float* output) const {
  const std::int64_t num_inputs = geometry_.height.kernel * geometry_.width.kernel * num_channels_;
  Block block{.weights = packed_};
  while (block.first < geometry_.output_channels) {
    block.width = block_width(block.first, geometry_.output_channels);
    for (std::int64_t row = task.row; row < task.end_row; ++row) {
      for (std::int64_t column = task.column; column < task.end_column; column += kTilePixels) {
        // The last tile starts early rather than end late: some sums are made twice, all alike.
        const std::int64_t start =
            std::max(std::min(column, task.end_column - kTilePixels), task.column);
        run_tile(task, row, start, block, images, scratch, output);
      }
    }
    block.weights += block.width * (1 + num_inputs);
    block.first += block.width;
  }
}

void ChannelsLastConvolution::run_tile(const Task& task, std::int64_t row, std::int64_t column,
                                       const Block& block, std::span<const float* const> images,
                                       float* scratch, float* output) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t num_pixels = std::min(kTilePixels, task.end_column - column);
  const std::int64_t top = row * height.stride - height.padding;
  const std::int64_t left = column * width.stride - width.padding;
  output +=
      ((task.image * height.output + row) * width.output + column) * geometry_.output_channels +
      block.first;
  PixelTile tile{.weights = block.weights,
                 .num_channels = std::min(block.width, geometry_.output_channels - block.first),
                 .outputs = output,
                 .output_stride = geometry_.output_channels,
                 .low = low_,
                 .high = high_};
  const bool is_inside = top >= 0 && left >= 0 &&
                         top + (height.kernel - 1) * height.dilation < height.input &&
                         left + window_columns() <= width.input;
  const float* sources[kMaxConcatenated];
  if (is_inside && num_pixels == kTilePixels) {
    const std::int64_t pixel = task.image * geometry_.image_pixels + top * width.input + left;
    for (std::size_t i = 0; i < images.size(); ++i) {
      sources[i] = images[i] + pixel * geometry_.input_channels[i];
    }
    tile.runs = runs_;
    tile.pixel_strides = strides_.data();
  } else {
    copy_window(task.image, top, left, images, scratch);
    sources[0] = scratch;
    tile.runs = window_runs_;
    tile.pixel_strides = &window_stride_;
  }
  tile.images = sources;
  float sums[kTilePixels * kTileChannels];
  if (num_pixels < kTilePixels) {
    tile.outputs = sums;
    tile.output_stride = block.width;
  }
  const PixelTileFunctions& functions = pixel_tile_functions();
  (block.width == kTileLanes ? functions.narrow : functions.wide)(tile);
  if (num_pixels == kTilePixels) return;
  for (std::int64_t pixel = 0; pixel < num_pixels; ++pixel) {
    std::copy_n(sums + pixel * block.width, tile.num_channels,
                output + pixel * geometry_.output_channels);
  }
}

/// Copies what a tile reads, with zeros for what is outside.
void ChannelsLastConvolution::copy_window(std::int64_t image, std::int64_t top, std::int64_t left,
                                          std::span<const float* const> images, float* to) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t columns = window_columns();
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, columns);
  const std::int64_t end = std::clamp<std::int64_t>(width.input - left, begin, columns);
  std::fill_n(to, window_size(), 0.0f);
  for (std::int64_t kernel_row = 0; kernel_row < height.kernel; ++kernel_row) {
    const std::int64_t row = top + kernel_row * height.dilation;
    if (row < 0 || row >= height.input) continue;
    const std::int64_t first_pixel = image * geometry_.image_pixels + row * width.input + left;
    float* to_pixels = to + kernel_row * columns * num_channels_;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::int64_t channels = geometry_.input_channels[i];
      for (std::int64_t column = begin; column < end; ++column) {
        std::copy_n(images[i] + (first_pixel + column) * channels, channels,
                    to_pixels + column * num_channels_);
      }
      to_pixels += channels;
    }
  }
}

bool is_channels_last_convolution_fast() { return pixel_tile_functions().is_fast; }

std::int64_t packed_filter_size(std::int64_t inputs_per_output, std::int64_t output_channels) {
  const std::int64_t lanes = (output_channels + kTileLanes - 1) / kTileLanes * kTileLanes;
  return lanes * (1 + inputs_per_output);
}

void pack_filter(std::int64_t inputs_per_output, std::int64_t output_channels, const float* filter,
                 std::int64_t output_step, std::int64_t input_step, const float* bias,
                 float* packed) {
  for (std::int64_t channel = 0; channel < output_channels;) {
    const std::int64_t block = block_width(channel, output_channels);
    const std::int64_t count = std::min(block, output_channels - channel);
    std::fill_n(packed, block, 0.0f);
    if (bias != nullptr) std::copy_n(bias + channel, count, packed);
    packed += block;
    for (std::int64_t input = 0; input < inputs_per_output; ++input) {
      for (std::int64_t i = 0; i < block; ++i) {
        packed[i] = i < count ? filter[(channel + i) * output_step + input * input_step] : 0.0f;
      }
      packed += block;
    }
    channel += block;
  }
}

}  // namespace tessera::ops
