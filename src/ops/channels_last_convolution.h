// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/kernel_context.h"
#include "ops/pixel_tile.h"
#include "ops/window_phase.h"

namespace tessera::ops {

inline constexpr std::size_t kMaxConcatenated = 8;

/// Sizes of a 2-D convolution in one group over channels-last memory. Its input may lie in several
/// images (kMaxConcatenated at most) of the same height and width, as if their channels were
/// concatenated. `padding` of the axes is the one above and left; what an output reads beyond the
/// images is zero.
struct ChannelsLastGeometry {
  std::int64_t batch = 1;
  std::vector<std::int64_t> input_channels;  ///< by image
  /// Pixels from one image of the batch to the next; 0: they follow each other.
  std::int64_t image_pixels = 0;
  std::int64_t output_channels = 1;
  WindowAxis height, width;
};

/// A convolution of single pixels sees all of them as one row. Fills in image_pixels.
ChannelsLastGeometry flattened(const ChannelsLastGeometry& geometry);

/// Whether ChannelsLastConvolution is fast on this processor (AVX-512).
bool is_channels_last_convolution_fast();

/// Numbers that pack_filter writes.
std::int64_t packed_filter_size(std::int64_t inputs_per_output, std::int64_t output_channels);

/// The order in which the kernel reads a filter. filter[output * output_step + input * input_step]
/// for the inputs in the order kernel row, kernel column, channel. `bias` may be null.
void pack_filter(std::int64_t inputs_per_output, std::int64_t output_channels, const float* filter,
                 std::int64_t output_step, std::int64_t input_step, const float* bias,
                 float* packed);

/// A convolution of these sizes, ready to run: running it allocates nothing but `context`'s scratch
/// memory. Every output is the bias plus the products in the order kernel row, kernel column,
/// channel, each fused into the sum and clamped at the end, wherever it lies and however many
/// threads there are. One thread at a time.
class ChannelsLastConvolution {
 public:
  ChannelsLastConvolution(const ChannelsLastGeometry& geometry, const float* packed, float low,
                          float high);

  /// `images` as in the geometry.
  void run(ir::KernelContext& context, std::span<const float* const> images, float* output) const;

 private:
  /// Outputs of one image of the batch.
  struct Task {
    std::int64_t image = 0, row = 0, end_row = 0, column = 0, end_column = 0;
  };
  struct Block;

  std::int64_t window_columns() const;
  std::int64_t window_size() const;
  void choose_tasks(std::int64_t num_threads, std::int64_t& rows, std::int64_t& columns) const;
  void run_task(const Task& task, std::span<const float* const> images, float* scratch,
                float* output) const;
  void run_tile(const Task& task, std::int64_t row, std::int64_t column, const Block& block,
                std::span<const float* const> images, float* scratch, float* output) const;
  void copy_window(std::int64_t image, std::int64_t top, std::int64_t left,
                   std::span<const float* const> images, float* to) const;

  ChannelsLastGeometry geometry_;
  const float* packed_;
  float low_, high_;
  std::int64_t num_channels_;          ///< of all images
  std::vector<PixelRun> runs_;         ///< of tiles whose inputs are all inside the images
  std::vector<PixelRun> window_runs_;  ///< of tiles that read a copy with zeros
  std::vector<std::int64_t> strides_;  ///< by image
  std::int64_t window_stride_ = 0;
};

}  // namespace tessera::ops
