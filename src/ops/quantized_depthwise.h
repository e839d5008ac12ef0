// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ir/kernel_context.h"
#include "ops/depthwise_tile.h"
#include "ops/quantized_filter.h"
#include "ops/window_phase.h"

namespace tessera::ops {

/// Sizes of a depthwise convolution over channels-last memory: output channel c reads input channel
/// c. The axes have no dilation; `padding` is the one above and left.
struct DepthwiseGeometry {
  std::int64_t batch = 1, channels = 1;
  WindowAxis height, width;
};

/// How a depthwise filter is packed: blocks of kDepthwiseChannels (the last may have the rest of
/// the channels several times, for as many parts of the image) with starts, scales and, for each
/// column of a quad at which a window may start, the weights of all quads of all rows.
class DepthwiseFilter {
 public:
  DepthwiseFilter(std::int64_t kernel_height, std::int64_t kernel_width, std::int64_t channels)
      : height_(kernel_height), width_(kernel_width), channels_(channels) {}

  /// Quads that a row of a window reads which starts at `column` of the first.
  std::int64_t num_quads(std::int64_t column) const {
    return (column + width_ + kStepInputs - 1) / kStepInputs;
  }
  /// Of the block that starts at a channel.
  std::int64_t num_parts(std::int64_t first_channel) const;
  /// Bytes from a block's start.
  std::int64_t weights_offset(std::int64_t column) const;
  std::int64_t block_bytes() const { return weights_offset(kStepInputs); }
  std::int64_t packed_bytes() const {
    return (channels_ + kDepthwiseChannels - 1) / kDepthwiseChannels * block_bytes();
  }
  /// Writes packed_bytes. The inputs of the filter's order are kernel row, kernel column.
  void pack(const QuantizedWeights& weights, std::byte* packed) const;

 private:
  void pack_block(const QuantizedWeights& weights, std::int64_t first_channel,
                  std::byte* block) const;

  std::int64_t height_, width_, channels_;
};

/// A depthwise convolution of signed 8-bit numbers, ready to run: running it allocates nothing but
/// `context`'s scratch memory. What an output reads beyond the image is the input's zero point. The
/// bits are XNNPACK's. One thread at a time.
class QuantizedDepthwise {
 public:
  /// Whether the windows are as small as any real network's.
  static bool is_for(const WindowAxis& height, const WindowAxis& width);

  /// `packed` outlives it.
  QuantizedDepthwise(const DepthwiseGeometry& geometry, const std::byte* packed,
                     std::int32_t input_zero_point, const QuantizedOutput& range);

  void run(ir::KernelContext& context, const std::int8_t* image, std::int8_t* output) const;

 private:
  /// Outputs of a block of channels of one image of the batch. Its rows are divided between the
  /// block's parts.
  struct Task {
    std::int64_t image = 0, block = 0, row = 0, end_row = 0, column = 0, end_column = 0;
    std::int64_t num_parts = 1, rows_of_part = 0;
    std::int64_t first_channel() const { return block * kDepthwiseChannels; }
    std::int64_t row_of(std::int64_t part, std::int64_t i) const {
      return row + part * rows_of_part + i;
    }
  };

  std::int64_t num_input_rows(std::int64_t output_rows) const;
  std::int64_t num_quads(std::int64_t output_columns) const;
  void copy_inputs(const Task& task, std::int64_t row_quads, const std::int8_t* image,
                   std::uint8_t* scratch) const;
  void run_row(const Task& task, std::int64_t row_of_part, const std::uint8_t* inputs,
               std::int64_t row_quads, std::int8_t* output) const;

  DepthwiseGeometry geometry_;
  DepthwiseFilter filter_;
  const std::byte* packed_;
  std::int32_t input_zero_point_;
  QuantizedOutput range_;
};

}  // namespace tessera::ops
