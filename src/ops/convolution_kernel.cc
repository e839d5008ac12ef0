// SPDX-License-Identifier: MIT
#include "ops/convolution_kernel.h"

#include <algorithm>
#include <bit>

#include "ops/convolution_band.h"
#include "ops/product_tile.h"

namespace tessera::ops {

namespace {

/// Numbers of a band's inputs: they should stay in the second level cache.
constexpr std::int64_t kBandBytes = 256 * 1024;
constexpr std::int64_t kProductsPerThread = 200'000;
/// Columns of a band that is read where it lies.
constexpr std::int64_t kDirectColumns = 4 * kMaxTileColumns;

/// Scratch memory handed out piece by piece; with no memory it only counts.
class Pieces {
 public:
  explicit Pieces(std::byte* memory) : memory_(memory) {}
  template <class T>
  T* take(std::int64_t count) {
    T* piece = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + size_);
    size_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return piece;
  }
  std::size_t size() const { return size_; }

 private:
  std::byte* memory_;
  std::size_t size_ = 0;
};

/// One phase of a convolution with everything that its inner loops need.
template <class T>
class PhaseConvolution {
 public:
  using Product = ProductType<T>;

  PhaseConvolution(const ConvolutionGeometry& geometry, const WindowPhase& vertical,
                   const WindowPhase& horizontal, const T* input, const T* weight, const T* bias,
                   T* output)
      : geometry_(geometry),
        vertical_(vertical),
        horizontal_(horizontal),
        input_(input),
        weight_(weight),
        bias_(bias),
        output_(output),
        depth_(geometry.input_channels *
               static_cast<std::int64_t>(vertical.taps.size() * horizontal.taps.size())) {}

  void run(ir::KernelContext& context) {
    if (vertical_.num_outputs == 0 || horizontal_.num_outputs == 0) return;
    const ConvolutionGeometry& g = geometry_;
    is_direct_ = can_read_directly();
    layout_ = is_direct_ ? BandLayout{.row_stride = horizontal_.num_outputs,
                                      .plane_stride = horizontal_.num_outputs,
                                      .num_rows = 1,
                                      .num_columns = kDirectColumns}
                         : make_band_layout(vertical_, horizontal_, g.input_channels,
                                            kBandBytes / static_cast<int>(sizeof(Product)));
    offsets_ = tap_offsets(vertical_, horizontal_, g.input_channels, layout_);
    num_bands_down_ = (vertical_.num_outputs - 1) / layout_.num_rows + 1;
    num_bands_across_ = is_direct_
                            ? std::max(horizontal_.num_outputs / kDirectColumns, std::int64_t{1})
                            : (horizontal_.num_outputs - 1) / layout_.num_columns + 1;
    split_channels(context);
    allocate(context);
    const std::int64_t num_tasks =
        g.batch * g.groups * num_bands_down_ * num_bands_across_ * num_parts_;
    const std::int64_t num_workers = std::min(num_workers_, num_tasks);
    context.parallel_for(static_cast<std::size_t>(num_workers), 1,
                         [&](std::size_t begin, std::size_t end) {
                           for (auto worker = static_cast<std::int64_t>(begin);
                                worker < static_cast<std::int64_t>(end); ++worker) {
                             for (std::int64_t task = worker; task < num_tasks; task += num_workers)
                               run_task(task, worker);
                           }
                         });
  }

 private:
  static constexpr bool kIsConverted = !std::is_same_v<T, Product>;

  /// Few output channels do not pay for copying the inputs of a 1x1 convolution.
  bool can_read_directly() const {
    return !kIsConverted && vertical_.num_outputs == 1 && vertical_.input_size == 1 &&
           horizontal_.input_size == horizontal_.num_outputs && horizontal_.taps.size() == 1 &&
           vertical_.taps.size() == 1 && horizontal_.first_input == 0 &&
           vertical_.first_input == 0 && horizontal_.input_step == 1 &&
           geometry_.output_channels <= 2 * tiles_.max_rows &&
           horizontal_.num_outputs >= tiles_.columns;
  }

  /// How many parts of the output channels are tasks of their own, so that there is work for all.
  void split_channels(ir::KernelContext& context) {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t num_bands = g.batch * g.groups * num_bands_down_ * num_bands_across_;
    const std::int64_t products = g.batch * g.groups * g.output_channels * depth_ *
                                  vertical_.num_outputs * horizontal_.num_outputs;
    num_workers_ = std::clamp<std::int64_t>(products / kProductsPerThread, 1,
                                            static_cast<std::int64_t>(context.num_threads()));
    const std::int64_t wanted = num_workers_ == 1 ? 1 : 2 * num_workers_;
    const std::int64_t most = (g.output_channels - 1) / kMaxTileRows + 1;
    num_parts_ = std::clamp<std::int64_t>(wanted / num_bands, 1, most);
  }

  /// Scratch memory of all workers; weights and bias are converted or reordered where need be.
  void allocate(ir::KernelContext& context) {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t num_channels = g.groups * g.output_channels;
    const bool has_own_weights = kIsConverted || g.is_transposed;
    const bool has_own_bias = kIsConverted && bias_ != nullptr;
    slot_size_ = is_direct_ ? 0 : layout_.size(vertical_, horizontal_, g.input_channels);
    Product* own_weights = nullptr;
    Product* own_bias = nullptr;
    const auto take_all = [&](std::byte* memory) {
      Pieces pieces(memory);
      if (has_own_weights) own_weights = pieces.take<Product>(num_channels * depth_);
      if (has_own_bias) own_bias = pieces.take<Product>(num_channels);
      slots_ = pieces.take<Product>(slot_size_ * num_workers_);
      return pieces.size();
    };
    take_all(context.scratch(take_all(nullptr)));
    if constexpr (!kIsConverted) {
      factors_ = weight_;
      starts_ = bias_;
    }
    if (has_own_weights) {
      gather_weights(own_weights);
      factors_ = own_weights;
    }
    if (has_own_bias) {
      std::copy_n(bias_, num_channels, own_bias);
      starts_ = own_bias;
    }
  }

  /// Weights of the phase's taps, a row for each output channel.
  void gather_weights(Product* to) const {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t kernel_size = g.height.kernel * g.width.kernel;
    for (std::int64_t group = 0; group < g.groups; ++group) {
      for (std::int64_t out = 0; out < g.output_channels; ++out) {
        for (std::int64_t in = 0; in < g.input_channels; ++in) {
          const std::int64_t plane =
              g.is_transposed ? (group * g.input_channels + in) * g.output_channels + out
                              : (group * g.output_channels + out) * g.input_channels + in;
          for (const WindowPhase::Tap& row : vertical_.taps) {
            for (const WindowPhase::Tap& column : horizontal_.taps) {
              *to++ = static_cast<Product>(
                  weight_[plane * kernel_size + row.kernel_index * g.width.kernel +
                          column.kernel_index]);
            }
          }
        }
      }
    }
  }

  void run_task(std::int64_t task, std::int64_t worker) const {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t part = task % num_parts_;
    task /= num_parts_;
    Band band{.row = task / num_bands_across_ % num_bands_down_ * layout_.num_rows,
              .column = task % num_bands_across_ * layout_.num_columns};
    band.num_rows = std::min(layout_.num_rows, vertical_.num_outputs - band.row);
    band.num_columns = horizontal_.num_outputs - band.column;
    // A last band that is read directly takes what is left over, so that it has full tiles.
    if (!is_direct_) band.num_columns = std::min(layout_.num_columns, band.num_columns);
    if (is_direct_ && band.num_columns >= 2 * kDirectColumns) band.num_columns = kDirectColumns;
    const std::int64_t image = task / (num_bands_across_ * num_bands_down_);  // of batch * groups
    const T* input =
        input_ + image * g.input_channels * vertical_.input_size * horizontal_.input_size;
    const Product* band_inputs = slots_ + worker * slot_size_;
    if constexpr (!kIsConverted) {
      if (is_direct_) band_inputs = input + band.column;
    }
    if (!is_direct_) {
      copy_band(input, vertical_, horizontal_, g.input_channels, layout_, band,
                slots_ + worker * slot_size_);
    }
    const std::int64_t blocks = (g.output_channels - 1) / kMaxTileRows + 1;
    const std::int64_t end =
        std::min((part + 1) * blocks / num_parts_ * kMaxTileRows, g.output_channels);
    for (std::int64_t channel = part * blocks / num_parts_ * kMaxTileRows; channel < end;) {
      const auto log_rows = static_cast<std::size_t>(
          std::bit_width(static_cast<std::uint64_t>(std::min(end - channel, tiles_.max_rows))) - 1);
      run_channels(image, channel, log_rows, band, band_inputs);
      channel += std::int64_t{1} << log_rows;
    }
  }

  /// All outputs of the band in 2^log_rows channels.
  void run_channels(std::int64_t image, std::int64_t channel, std::size_t log_rows,
                    const Band& band, const Product* band_inputs) const {
    const std::int64_t channel_of_all =
        image % geometry_.groups * geometry_.output_channels + channel;
    ProductTile<Product> tile{.factors = factors_ + channel_of_all * depth_,
                              .factor_stride = depth_,
                              .offsets = offsets_.data(),
                              .depth = depth_,
                              .starts = starts_ == nullptr ? nullptr : starts_ + channel_of_all};
    const std::int64_t plane_size = geometry_.height.output * geometry_.width.output;
    T* planes = output_ + (image * geometry_.output_channels + channel) * plane_size;
    const std::int64_t count = (band.num_rows - 1) * layout_.row_stride + band.num_columns;
    for (std::int64_t position = 0; position < count;) {
      const std::int64_t column = position % layout_.row_stride;
      if (column >= band.num_columns) {  // between the rows
        position += layout_.row_stride - column;
        continue;
      }
      const std::int64_t rest = count - position;
      auto run = tiles_.full[log_rows];
      std::int64_t columns = tiles_.columns;
      if (log_rows == 0 && rest >= tiles_.long_columns / 2 && !is_direct_) {
        run = tiles_.long_row;
        columns = tiles_.long_columns;
      } else if (log_rows == 0 && rest >= tiles_.long_columns) {
        run = tiles_.long_row;
        columns = tiles_.long_columns;
      } else if (rest <= columns / 2) {
        run = tiles_.narrow[log_rows];
        columns /= 2;
      }
      // What is read directly must not be left: some sums are computed twice, to the same bits.
      if (is_direct_) position = std::min(position, count - columns);
      tile.inputs = band_inputs + position;
      run_tile(tile, run, columns, band, position, planes, std::int64_t{1} << log_rows);
      position += columns;
    }
  }

  /// Runs a tile and puts its sums where they belong.
  void run_tile(ProductTile<Product>& tile, typename ProductTiles<Product>::Function run,
                std::int64_t columns, const Band& band, std::int64_t position, T* planes,
                std::int64_t num_channels) const {
    const std::int64_t plane_size = geometry_.height.output * geometry_.width.output;
    const std::int64_t column = position % layout_.row_stride;
    if constexpr (!kIsConverted) {
      if (horizontal_.output_step == 1 && column + columns <= band.num_columns) {
        tile.sums = planes + output_offset(band, position);
        tile.sum_stride = plane_size;
        run(tile);
        return;
      }
    }
    Product sums[kMaxTileRows * kMaxTileColumns];
    tile.sums = sums;
    tile.sum_stride = columns;
    run(tile);
    const std::int64_t last = (band.num_rows - 1) * layout_.row_stride + band.num_columns;
    const std::int64_t end = std::min(position + columns, last);
    for (std::int64_t next = position; next < end;) {
      const std::int64_t at = next % layout_.row_stride;
      const std::int64_t row_end = next - at + band.num_columns;
      T* to = planes + output_offset(band, next);
      const std::int64_t length = std::min(end, row_end) - next;
      for (std::int64_t channel = 0; channel < num_channels && length > 0; ++channel) {
        const Product* from = sums + channel * columns + next - position;
        for (std::int64_t i = 0; i < length; ++i) {
          to[channel * plane_size + i * horizontal_.output_step] = static_cast<T>(from[i]);
        }
      }
      next += layout_.row_stride - at;
    }
  }

  std::int64_t output_offset(const Band& band, std::int64_t position) const {
    const std::int64_t row = band.row + position / layout_.row_stride;
    const std::int64_t column = band.column + position % layout_.row_stride;
    return (vertical_.first_output + row * vertical_.output_step) * geometry_.width.output +
           horizontal_.first_output + column * horizontal_.output_step;
  }

  const ProductTiles<Product>& tiles_ = product_tiles<Product>();
  const ConvolutionGeometry& geometry_;
  const WindowPhase& vertical_;
  const WindowPhase& horizontal_;
  const T* input_;
  const T* weight_;
  const T* bias_;
  T* output_;
  std::int64_t depth_;  ///< products of an output
  const Product* factors_ = nullptr;
  const Product* starts_ = nullptr;
  Product* slots_ = nullptr;
  std::int64_t slot_size_ = 0;
  BandLayout layout_;
  std::vector<std::int64_t> offsets_;
  std::int64_t num_bands_down_ = 0, num_bands_across_ = 0, num_parts_ = 1, num_workers_ = 1;
  bool is_direct_ = false;
};

/// A 1x1 convolution sees a whole image as one row.
ConvolutionGeometry flattened(ConvolutionGeometry g) {
  const auto is_unit = [](const WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.padding == 0 && axis.input == axis.output;
  };
  if (is_unit(g.height) && is_unit(g.width)) {
    const std::int64_t size = g.height.input * g.width.input;
    g.height = {};
    g.width = {.input = size, .output = size};
  }
  return g;
}

}  // namespace

template <class T>
void convolve(ir::KernelContext& context, const ConvolutionGeometry& geometry, const T* input,
              const T* weight, const T* bias, T* output) {
  const ConvolutionGeometry g = flattened(geometry);
  if (g.batch == 0 || g.groups == 0 || g.output_channels == 0) return;
  const auto phases = [&](const WindowAxis& axis) {
    return g.is_transposed ? transposed_phases(axis) : std::vector{convolution_phase(axis)};
  };
  const auto vertical = phases(g.height), horizontal = phases(g.width);
  for (const WindowPhase& down : vertical) {
    for (const WindowPhase& across : horizontal) {
      PhaseConvolution<T>(g, down, across, input, weight, bias, output).run(context);
    }
  }
}

#define TESSERA_CONVOLVE(T)                                                                  \
  template void convolve(ir::KernelContext&, const ConvolutionGeometry&, const T*, const T*, \
                         const T*, T*);
TESSERA_CONVOLVE(float)
TESSERA_CONVOLVE(double)
TESSERA_CONVOLVE(Half)
TESSERA_CONVOLVE(BFloat16)
TESSERA_CONVOLVE(std::uint8_t)
TESSERA_CONVOLVE(std::int8_t)
TESSERA_CONVOLVE(std::int16_t)
TESSERA_CONVOLVE(std::int32_t)
TESSERA_CONVOLVE(std::int64_t)
#undef TESSERA_CONVOLVE

}  // namespace tessera::ops
