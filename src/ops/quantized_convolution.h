// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ir/kernel_context.h"
#include "ops/channels_last_convolution.h"
#include "ops/quantized_filter.h"

namespace tessera::ops {

/// Whether QuantizedConvolution is fast on this processor: with AVX-512 VNNI, but without AMX, for
/// which XNNPACK has kernels.
bool is_quantized_convolution_fast();

/// Whether the scratch memory for a convolution with this window is as little as any real network's
/// needs.
bool has_small_quantized_window(const WindowAxis& height, const WindowAxis& width,
                                std::int64_t input_channels);

/// A convolution of signed 8-bit numbers, ready to run: running it allocates nothing but
/// `context`'s scratch memory. What an output reads beyond the images is the input's zero point.
/// Sums are exact (modulo 2^32) and requantized as XNNPACK does it, so that the bits are its.
/// One thread at a time.
class QuantizedConvolution {
 public:
  /// `packed` outlives it.
  QuantizedConvolution(const ChannelsLastGeometry& geometry, const std::byte* packed,
                       std::int32_t input_zero_point, const QuantizedOutput& range);

  /// `images` as in the geometry.
  void run(ir::KernelContext& context, std::span<const std::int8_t* const> images,
           std::int8_t* output) const;

 private:
  /// Outputs of one image of the batch.
  struct Task {
    std::int64_t image = 0, row = 0, end_row = 0, column = 0, end_column = 0;
  };
  /// What a task copies its inputs to: rows of unsigned numbers with the zero point outside of the
  /// image. Wide tiles read them, narrow ones planes made from them: numbers of kStepInputs inputs,
  /// for neighbouring pixels side by side.
  struct Layout {
    std::int64_t output_columns = 0;
    std::int64_t columns = 0;      ///< of the image
    std::int64_t image_bytes = 0;  ///< of a row of it
    std::int64_t plane_bytes = 0;
    std::int64_t row_bytes = 0;  ///< of what tiles read
  };

  bool is_narrow() const { return filter_.is_narrow(); }
  Layout layout(std::int64_t output_columns) const;
  std::int64_t num_input_rows(std::int64_t output_rows) const;
  std::int64_t scratch_bytes(std::int64_t rows, std::int64_t columns) const;
  void choose_tasks(std::int64_t num_threads, std::int64_t& rows, std::int64_t& columns) const;
  std::span<const QuantizedRun> find_runs(const Layout& layout, QuantizedRun* runs) const;
  void copy_inputs(const Task& task, const Layout& layout,
                   std::span<const std::int8_t* const> images, std::uint8_t* scratch) const;
  bool is_read(std::int64_t input_row, std::int64_t output_rows) const;
  void copy_row(const Task& task, const Layout& layout, std::int64_t row,
                std::span<const std::int8_t* const> images, std::uint8_t* to) const;
  void make_planes(const Layout& layout, const std::uint8_t* row, std::uint8_t* planes) const;
  void run_tiles(const Task& task, const Layout& layout, std::span<const QuantizedRun> runs,
                 const std::uint8_t* inputs, std::int8_t* output) const;

  ChannelsLastGeometry geometry_;
  const std::byte* packed_;
  std::uint8_t padding_;
  QuantizedOutput range_;
  std::int64_t num_channels_;  ///< of all images
  QuantizedFilter filter_;
  bool shares_planes_;  ///< columns of the window read the same planes
};

}  // namespace tessera::ops
