// SPDX-License-Identifier: MIT
#include "ops/convolution_kernel.h"

#include <algorithm>
#include <cstring>

namespace tessera::ops {

namespace {

constexpr std::int64_t kLanes = 8;          ///< output columns computed at once
constexpr std::int64_t kChannelBlock = 4;   ///< output channels computed at once
constexpr std::int64_t kSegmentWidth = 64;  ///< output columns of one task

/// kLanes numbers as vectors of the 16 bytes that every processor has, so that sums stay in
/// registers.
template <class T>
struct Lanes {
  static constexpr std::size_t kVectorBytes = 16;
  static constexpr std::size_t kNumVectors = kLanes * sizeof(T) / kVectorBytes;
  typedef T Vector __attribute__((vector_size(kVectorBytes)));

  Vector vectors[kNumVectors];

  [[gnu::always_inline]] static Lanes all(T value) {
    Lanes lanes;
#pragma GCC unroll 4
    for (Vector& vector : lanes.vectors) vector = Vector{} + value;
    return lanes;
  }
  [[gnu::always_inline]] static Lanes load(const T* from) {
    Lanes lanes;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kNumVectors; ++i) {
      std::memcpy(&lanes.vectors[i], from + i * (kVectorBytes / sizeof(T)), kVectorBytes);
    }
    return lanes;
  }
  [[gnu::always_inline]] void store(T* to) const {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kNumVectors; ++i) {
      std::memcpy(to + i * (kVectorBytes / sizeof(T)), &vectors[i], kVectorBytes);
    }
  }
  [[gnu::always_inline]] void add_product(T factor, const Lanes& other) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kNumVectors; ++i) vectors[i] += factor * other.vectors[i];
  }
};

/// One convolution with everything that its inner loops need.
template <class T>
class Convolution {
 public:
  Convolution(const ConvolutionGeometry& geometry, const T* input, const T* weight, const T* bias,
              T* output)
      : geometry_(geometry), input_(input), weight_(weight), bias_(bias), output_(output) {}

  /// The last segment takes what is left over, so that it holds a full block wherever the row does.
  std::int64_t num_segments() const {
    return std::max<std::int64_t>(geometry_.output_width / kSegmentWidth, 1);
  }
  /// A task is a segment of an output row, in all output channels of a group.
  std::int64_t num_tasks() const {
    return geometry_.batch * geometry_.groups * geometry_.output_height * num_segments();
  }

  void run_task(std::int64_t task) const {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t segment = task % num_segments();
    task /= num_segments();
    const std::int64_t row = task % g.output_height;
    const std::int64_t plane = task / g.output_height;  // of batch * groups
    const std::int64_t begin = segment * kSegmentWidth;
    const std::int64_t end = segment + 1 == num_segments() ? g.output_width : begin + kSegmentWidth;
    for (std::int64_t next = begin; next < end; next += kLanes) {
      // The last block moves back to be full: some columns are computed twice, to the same bits.
      const std::int64_t column = std::max(begin, std::min(next, end - kLanes));
      std::int64_t channel = 0;
      for (; channel + kChannelBlock <= g.output_channels; channel += kChannelBlock) {
        run_block<kChannelBlock>(plane, channel, row, column);
      }
      for (; channel < g.output_channels; ++channel) run_block<1>(plane, channel, row, column);
    }
  }

 private:
  template <std::int64_t kChannels>
  void run_block(std::int64_t plane, std::int64_t channel, std::int64_t row,
                 std::int64_t column) const {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t first = column * g.stride_width - g.padding_width;
    const std::int64_t last =
        first + (kLanes - 1) * g.stride_width + (g.kernel_width - 1) * g.dilation_width;
    const bool is_inside = first >= 0 && last < g.input_width;
    if (is_inside && g.stride_width == 1) {
      accumulate<kChannels>(plane, channel, row, column,
                            [](const T* in, std::int64_t x) { return Lanes<T>::load(in + x); });
    } else if (is_inside) {
      accumulate<kChannels>(plane, channel, row, column, [&g](const T* in, std::int64_t x) {
        T lanes[kLanes];
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
          lanes[lane] = in[x + lane * g.stride_width];
        return Lanes<T>::load(lanes);
      });
    } else if (g.stride_width == 1) {
      accumulate<kChannels>(plane, channel, row, column, [&g](const T* in, std::int64_t x) {
        T lanes[kLanes] = {};
        const std::int64_t low = std::clamp<std::int64_t>(-x, 0, kLanes);
        const std::int64_t high = std::clamp<std::int64_t>(g.input_width - x, low, kLanes);
        std::copy(in + x + low, in + x + high, lanes + low);
        return Lanes<T>::load(lanes);
      });
    } else {
      accumulate<kChannels>(plane, channel, row, column, [&g](const T* in, std::int64_t x) {
        T lanes[kLanes];
        for (std::int64_t lane = 0; lane < kLanes; ++lane, x += g.stride_width) {
          lanes[lane] = x >= 0 && x < g.input_width ? in[x] : T(0);
        }
        return Lanes<T>::load(lanes);
      });
    }
  }

  /// `load(row, x)` gives the inputs of kLanes output columns, the first of them at x.
  template <std::int64_t kChannels, class Load>
  [[gnu::always_inline]] void accumulate(std::int64_t plane, std::int64_t channel, std::int64_t row,
                                         std::int64_t column, const Load& load) const {
    const ConvolutionGeometry& g = geometry_;
    const std::int64_t group = plane % g.groups;
    const std::int64_t kernel_size = g.kernel_height * g.kernel_width;
    const std::int64_t filter_size = g.input_channels * kernel_size;
    const T* filter = weight_ + (group * g.output_channels + channel) * filter_size;
    Lanes<T> sums[kChannels];
#pragma GCC unroll 4
    for (std::int64_t i = 0; i < kChannels; ++i) {
      sums[i] = Lanes<T>::all(bias_ ? bias_[group * g.output_channels + channel + i] : T(0));
    }
    const std::int64_t top = row * g.stride_height - g.padding_height;
    const std::int64_t left = column * g.stride_width - g.padding_width;
    for (std::int64_t c = 0; c < g.input_channels; ++c) {
      const T* image = input_ + (plane * g.input_channels + c) * g.input_height * g.input_width;
      for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
        const std::int64_t y = top + ky * g.dilation_height;
        if (y < 0 || y >= g.input_height) continue;
        const T* taps = filter + c * kernel_size + ky * g.kernel_width;
        for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
          const Lanes<T> in = load(image + y * g.input_width, left + kx * g.dilation_width);
#pragma GCC unroll 4
          for (std::int64_t i = 0; i < kChannels; ++i) {
            sums[i].add_product(taps[i * filter_size + kx], in);
          }
        }
      }
    }
    const std::int64_t plane_size = g.output_height * g.output_width;
    T* out = output_ + (plane * g.output_channels + channel) * plane_size + row * g.output_width;
    const std::int64_t count = std::min(kLanes, g.output_width - column);
#pragma GCC unroll 4
    for (std::int64_t i = 0; i < kChannels; ++i) {
      T* to = out + i * plane_size + column;
      if (count == kLanes) {
        sums[i].store(to);
      } else {
        T lanes[kLanes];
        sums[i].store(lanes);
        std::copy_n(lanes, count, to);
      }
    }
  }

  const ConvolutionGeometry& geometry_;
  const T* input_;
  const T* weight_;
  const T* bias_;
  T* output_;
};

/// A 1x1 convolution sees a whole image as one row, so that blocks of columns are full.
ConvolutionGeometry flattened(ConvolutionGeometry g) {
  if (g.kernel_height == 1 && g.kernel_width == 1 && g.stride_height == 1 && g.stride_width == 1 &&
      g.padding_height == 0 && g.padding_width == 0) {
    g.input_width = g.output_width = g.input_height * g.input_width;
    g.input_height = g.output_height = 1;
  }
  return g;
}

}  // namespace

template <class T>
void convolve(ir::KernelContext& context, const ConvolutionGeometry& geometry, const T* input,
              const T* weight, const T* bias, T* output) {
  const ConvolutionGeometry g = flattened(geometry);
  const Convolution<T> convolution(g, input, weight, bias, output);
  const std::int64_t products_per_task = std::min(kSegmentWidth, g.output_width) *
                                         g.output_channels * g.input_channels * g.kernel_height *
                                         g.kernel_width;
  constexpr std::int64_t kProductsPerThread = 100'000;
  const std::int64_t grain = kProductsPerThread / std::max<std::int64_t>(products_per_task, 1) + 1;
  context.parallel_for(static_cast<std::size_t>(convolution.num_tasks()),
                       static_cast<std::size_t>(grain), [&](std::size_t begin, std::size_t end) {
                         for (std::size_t task = begin; task < end; ++task) {
                           convolution.run_task(static_cast<std::int64_t>(task));
                         }
                       });
}

template void convolve(ir::KernelContext&, const ConvolutionGeometry&, const float*, const float*,
                       const float*, float*);
template void convolve(ir::KernelContext&, const ConvolutionGeometry&, const double*, const double*,
                       const double*, double*);

}  // namespace tessera::ops
