// SPDX-License-Identifier: MIT
#include "ops/quantized_convolution.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "ops/vectorize.h"
#include "ops/vnni.h"

namespace tessera::ops {
namespace {

/// Inputs of a task: they and a block's weights should stay in the second level cache.
constexpr std::int64_t kTaskBytes = 96 * 1024;
constexpr std::int64_t kMinTaskColumns = 2 * kMaxNarrowPixels;
constexpr std::int64_t kProductsPerThread = 800'000;
constexpr std::int64_t kCacheLine = 64;

std::int64_t rounded_up(std::int64_t count, std::int64_t unit) {
  return (count + unit - 1) / unit * unit;
}

std::int64_t extent_of(const WindowAxis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

/// A type of its own, so that it is inlined.
constexpr auto kToUnsigned = [](std::int8_t number) { return to_unsigned(number); };

template <std::int64_t kPiece>
void copy_pieces(const std::int8_t* from, std::int64_t channels, std::int64_t num_pixels,
                 std::int8_t* to, std::int64_t to_stride) {
  for (std::int64_t pixel = 0; pixel < num_pixels; ++pixel, from += channels, to += to_stride) {
    for (std::int64_t i = 0; i < channels; i += kPiece) std::memcpy(to + i, from + i, kPiece);
  }
}

/// The channels of pixels that lie `to_stride` apart there. A call of memcpy for each pixel would
/// take longer than its few bytes.
void copy_channels(const std::int8_t* from, std::int64_t channels, std::int64_t num_pixels,
                   std::int8_t* to, std::int64_t to_stride) {
  const auto copy = channels % 16 == 0  ? copy_pieces<16>
                    : channels % 8 == 0 ? copy_pieces<8>
                    : channels % 4 == 0 ? copy_pieces<4>
                                        : copy_pieces<1>;
  copy(from, channels, num_pixels, to, to_stride);
}

}  // namespace

bool is_quantized_convolution_fast() { return quantized_tile_functions().is_fast; }

bool has_small_quantized_window(const WindowAxis& height, const WindowAxis& width,
                                std::int64_t input_channels) {
  constexpr double kMaxBytes = 1 << 24;
  const auto rows = static_cast<double>(extent_of(height));
  const double columns = static_cast<double>(kMinTaskColumns) * static_cast<double>(width.stride) +
                         static_cast<double>(extent_of(width));
  const double planes = static_cast<double>(kMinTaskColumns) * static_cast<double>(width.kernel);
  return rows * (columns + planes) * static_cast<double>(input_channels + kStepInputs) <= kMaxBytes;
}

QuantizedConvolution::QuantizedConvolution(const ChannelsLastGeometry& geometry,
                                           const std::byte* packed, std::int32_t input_zero_point,
                                           const QuantizedOutput& range)
    : geometry_(flattened(geometry)),
      packed_(packed),
      padding_(to_unsigned(static_cast<std::int8_t>(input_zero_point))),
      range_(range),
      num_channels_(std::accumulate(geometry.input_channels.begin(), geometry.input_channels.end(),
                                    std::int64_t{0})),
      filter_(quantized_filter(geometry.height.kernel, geometry.width.kernel,
                               geometry.width.dilation, num_channels_, geometry.output_channels)),
      shares_planes_(geometry.width.stride == 1 && num_channels_ % kStepInputs == 0) {
  CHECK(geometry.input_channels.size() <= kMaxConcatenated, "too many images");
}

/// Rows of images that rows of outputs read.
std::int64_t QuantizedConvolution::num_input_rows(std::int64_t output_rows) const {
  return (output_rows - 1) * geometry_.height.stride + extent_of(geometry_.height);
}

QuantizedConvolution::Layout QuantizedConvolution::layout(std::int64_t output_columns) const {
  const WindowAxis& width = geometry_.width;
  Layout layout{.output_columns = output_columns,
                .columns = (output_columns - 1) * width.stride + extent_of(width)};
  // A step reads whole kStepInputs.
  layout.image_bytes = rounded_up(layout.columns * num_channels_ + kStepInputs, kCacheLine);
  layout.row_bytes = layout.image_bytes;
  if (!is_narrow()) return layout;
  const std::int64_t pixels = shares_planes_ ? layout.columns : output_columns;
  const std::int64_t num_planes =
      shares_planes_ ? num_channels_ / kStepInputs : filter_.num_steps() / geometry_.height.kernel;
  layout.plane_bytes = rounded_up(pixels * kStepInputs, kCacheLine);
  layout.row_bytes = num_planes * layout.plane_bytes;
  return layout;
}

/// With a row of the image, from which planes are made.
std::int64_t QuantizedConvolution::scratch_bytes(std::int64_t rows, std::int64_t columns) const {
  const Layout task = layout(columns);
  return task.image_bytes + num_input_rows(rows) * task.row_bytes + kNarrowReadBytes;
}

/// Rows of images, or columns of one long row.
void QuantizedConvolution::choose_tasks(std::int64_t num_threads, std::int64_t& rows,
                                        std::int64_t& columns) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t parts = num_threads == 1 ? 1 : 4 * num_threads;
  const auto share = [parts](std::int64_t count) { return (count - 1) / parts + 1; };
  const auto even = [](std::int64_t whole, std::int64_t part) {
    const std::int64_t count = (whole - 1) / part + 1;
    return (whole - 1) / count + 1;
  };
  columns = width.output;
  const std::int64_t wanted = height.output == 1 ? share(columns) : columns;
  const std::int64_t bytes_per_column =
      std::max<std::int64_t>(scratch_bytes(1, columns) / columns, 1);
  const std::int64_t most = std::max(kTaskBytes / bytes_per_column, kMinTaskColumns);
  columns = std::min(columns, rounded_up(std::min(wanted, most), kMaxNarrowPixels));
  const std::int64_t bytes_per_row = height.stride * layout(columns).row_bytes;
  const std::int64_t first_row = scratch_bytes(1, columns);
  rows = std::clamp<std::int64_t>(1 + (kTaskBytes - first_row) / bytes_per_row, 1,
                                  share(height.output));
  rows = even(height.output, rows);
}

void QuantizedConvolution::run(ir::KernelContext& context,
                               std::span<const std::int8_t* const> images,
                               std::int8_t* output) const {
  CHECK(images.size() == geometry_.input_channels.size(), "{} images", images.size());
  const std::int64_t height = geometry_.height.output, width = geometry_.width.output;
  const std::int64_t num_outputs = geometry_.batch * height * width;
  if (num_outputs == 0) return;
  const std::int64_t products =
      num_outputs * geometry_.output_channels * filter_.num_segments * filter_.segment_inputs;
  const auto num_threads = static_cast<std::int64_t>(context.num_threads());
  const std::int64_t num_wanted =
      std::clamp<std::int64_t>(products / kProductsPerThread, 1, num_threads);
  std::int64_t task_rows = 1, task_columns = 1;
  choose_tasks(num_wanted, task_rows, task_columns);
  const std::int64_t num_rows = (height - 1) / task_rows + 1;
  const std::int64_t num_columns = (width - 1) / task_columns + 1;
  const std::int64_t num_tasks = geometry_.batch * num_rows * num_columns;
  const std::int64_t num_workers = std::min(num_wanted, num_tasks);
  const std::int64_t num_runs = geometry_.height.kernel * geometry_.width.kernel;
  const std::int64_t run_bytes =
      rounded_up(num_runs * static_cast<std::int64_t>(sizeof(QuantizedRun)), kCacheLine);
  const std::int64_t worker_bytes = rounded_up(scratch_bytes(task_rows, task_columns), kCacheLine);
  std::byte* scratch =
      context.scratch(static_cast<std::size_t>(run_bytes + num_workers * worker_bytes));
  const Layout task_layout = layout(task_columns);
  const auto runs = find_runs(task_layout, reinterpret_cast<QuantizedRun*>(scratch));
  const auto run_worker = [&](std::int64_t worker) {
    auto* const own = reinterpret_cast<std::uint8_t*>(scratch + run_bytes + worker * worker_bytes);
    for (std::int64_t task = worker; task < num_tasks; task += num_workers) {
      const std::int64_t row = task / num_columns % num_rows * task_rows;
      const std::int64_t column = task % num_columns * task_columns;
      const Task box{.image = task / (num_columns * num_rows),
                     .row = row,
                     .end_row = std::min(row + task_rows, height),
                     .column = column,
                     .end_column = std::min(column + task_columns, width)};
      copy_inputs(box, task_layout, images, own);
      run_tiles(box, task_layout, runs, own + task_layout.image_bytes, output);
    }
  };
  context.parallel_for(static_cast<std::size_t>(num_workers), 1,
                       [&](std::size_t begin, std::size_t end) {
                         for (std::size_t worker = begin; worker < end; ++worker) {
                           run_worker(static_cast<std::int64_t>(worker));
                         }
                       });
}

/// Where the steps of a pixel's sum read, from the first row of its window.
std::span<const QuantizedRun> QuantizedConvolution::find_runs(const Layout& layout,
                                                              QuantizedRun* runs) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t segments_per_row = filter_.num_segments / height.kernel;
  QuantizedRun* next = runs;
  for (std::int64_t row = 0; row < height.kernel; ++row) {
    const std::int64_t row_offset = row * height.dilation * layout.row_bytes;
    if (is_narrow() && !shares_planes_) {
      *next++ = {row_offset, segments_per_row * filter_.steps_per_segment()};
    } else if (is_narrow()) {
      for (std::int64_t column = 0; column < width.kernel; ++column) {
        *next++ = {row_offset + column * width.dilation * kStepInputs, num_channels_ / kStepInputs};
      }
    } else {
      for (std::int64_t segment = 0; segment < segments_per_row; ++segment) {
        *next++ = {row_offset + segment * width.dilation * num_channels_,
                   filter_.steps_per_segment()};
      }
    }
  }
  return {runs, next};
}

void QuantizedConvolution::copy_inputs(const Task& task, const Layout& layout,
                                       std::span<const std::int8_t* const> images,
                                       std::uint8_t* scratch) const {
  const std::int64_t num_rows = num_input_rows(task.end_row - task.row);
  std::uint8_t* rows = scratch + layout.image_bytes;
  for (std::int64_t row = 0; row < num_rows; ++row, rows += layout.row_bytes) {
    if (!is_read(row, task.end_row - task.row)) continue;
    if (!is_narrow()) {
      copy_row(task, layout, row, images, rows);
    } else {
      copy_row(task, layout, row, images, scratch);
      make_planes(layout, scratch, rows);
    }
  }
}

/// Whether any of a task's windows has this row of those that the task reads.
bool QuantizedConvolution::is_read(std::int64_t input_row, std::int64_t output_rows) const {
  const WindowAxis& height = geometry_.height;
  for (std::int64_t k = 0; k < height.kernel; ++k) {
    const std::int64_t top = input_row - k * height.dilation;
    if (top >= 0 && top % height.stride == 0 && top / height.stride < output_rows) return true;
  }
  return false;
}

void QuantizedConvolution::copy_row(const Task& task, const Layout& layout, std::int64_t row,
                                    std::span<const std::int8_t* const> images,
                                    std::uint8_t* to) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t y = task.row * height.stride - height.padding + row;
  const std::int64_t left = task.column * width.stride - width.padding;
  const bool is_inside = y >= 0 && y < height.input;
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, is_inside ? layout.columns : 0);
  const std::int64_t end =
      std::clamp<std::int64_t>(width.input - left, begin, is_inside ? layout.columns : 0);
  std::memset(to, padding_, static_cast<std::size_t>(begin * num_channels_));
  std::memset(to + end * num_channels_, padding_,
              static_cast<std::size_t>((layout.columns - end) * num_channels_));
  const std::int64_t first_pixel = task.image * geometry_.image_pixels + y * width.input + left;
  std::uint8_t* const pixels = to + begin * num_channels_;
  const auto num_bytes = static_cast<std::size_t>((end - begin) * num_channels_);
  if (images.size() == 1) {
    map_vectorized(kToUnsigned, pixels, num_bytes,
                   images[0] + (first_pixel + begin) * num_channels_);
    return;
  }
  auto* const joined = reinterpret_cast<std::int8_t*>(pixels);
  std::int64_t first_channel = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::int64_t channels = geometry_.input_channels[i];
    copy_channels(images[i] + (first_pixel + begin) * channels, channels, end - begin,
                  joined + first_channel, num_channels_);
    first_channel += channels;
  }
  map_vectorized(kToUnsigned, pixels, num_bytes, joined);
}

void QuantizedConvolution::make_planes(const Layout& layout, const std::uint8_t* row,
                                       std::uint8_t* planes) const {
  const WindowAxis& width = geometry_.width;
  const std::int64_t distance = width.stride * num_channels_;
  const std::int64_t segments = shares_planes_ ? 1 : filter_.num_segments / geometry_.height.kernel;
  const std::int64_t steps =
      shares_planes_ ? num_channels_ / kStepInputs : filter_.steps_per_segment();
  const std::int64_t count = shares_planes_ ? layout.columns : layout.output_columns;
  for (std::int64_t segment = 0; segment < segments; ++segment) {
    const std::uint8_t* from = row + segment * width.dilation * num_channels_;
    for (std::int64_t step = 0; step < steps; ++step, from += kStepInputs) {
      quantized_tile_functions().gather(from, distance, count, planes);
      planes += layout.plane_bytes;
    }
  }
}

void QuantizedConvolution::run_tiles(const Task& task, const Layout& layout,
                                     std::span<const QuantizedRun> runs, const std::uint8_t* inputs,
                                     std::int8_t* output) const {
  const WindowAxis &height = geometry_.height, &width = geometry_.width;
  const std::int64_t channels = geometry_.output_channels;
  QuantizedTile tile{.runs = runs,
                     .step_distance = is_narrow() ? layout.plane_bytes : kStepInputs,
                     .pixel_stride = is_narrow() ? kStepInputs : width.stride * num_channels_,
                     .block = packed_,
                     .output_stride = channels,
                     .range = range_};
  const auto& functions = quantized_tile_functions();
  const auto function = is_narrow() ? functions.narrow : functions.wide;
  const std::int64_t columns = task.end_column - task.column;
  const std::int64_t num_tiles =
      (columns - 1) / (is_narrow() ? kMaxNarrowPixels : kMaxWidePixels) + 1;
  for (std::int64_t first = 0; first < channels; first += tile.num_channels) {
    tile.num_channels = std::min(channels - first, kMaxWideChannels);
    tile.num_lanes = filter_.block_lanes(first);
    for (std::int64_t row = task.row; row < task.end_row; ++row) {
      const std::uint8_t* row_inputs = inputs + (row - task.row) * height.stride * layout.row_bytes;
      std::int8_t* row_outputs =
          output + (task.image * height.output + row) * width.output * channels + first;
      std::int64_t column = 0;
      for (std::int64_t i = 0; i < num_tiles; ++i) {
        const std::int64_t end = is_narrow() ? std::min(column + kMaxNarrowPixels, columns)
                                             : (i + 1) * columns / num_tiles;
        tile.num_pixels = end - column;
        tile.inputs = row_inputs + column * tile.pixel_stride;
        tile.outputs = row_outputs + (task.column + column) * channels;
        function(tile);
        column = end;
      }
    }
    tile.block += filter_.block_bytes(tile.num_lanes);
  }
}

}  // namespace tessera::ops
