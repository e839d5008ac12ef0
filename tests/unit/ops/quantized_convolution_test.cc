// SPDX-License-Identifier: MIT
#include "ops/quantized_convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace tessera::ops {
namespace {

using Random = std::mt19937;
using Bytes = std::vector<std::int8_t>;

std::int64_t pick(Random& random, std::int64_t from, std::int64_t to) {
  return std::uniform_int_distribution<std::int64_t>(from, to)(random);
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

Bytes random_bytes(Random& random, std::int64_t count) {
  Bytes bytes(index(count));
  for (std::int8_t& byte : bytes) byte = static_cast<std::int8_t>(pick(random, -128, 127));
  return bytes;
}

struct Example {
  ChannelsLastGeometry geometry;
  std::vector<Bytes> images;
  Bytes filter;  ///< output channel, kernel row, kernel column, input channel
  std::vector<std::int32_t> bias;
  std::vector<float> scales;
  std::int32_t input_zero_point = 0;
  QuantizedOutput range;

  std::int64_t num_channels() const {
    return std::accumulate(geometry.input_channels.begin(), geometry.input_channels.end(),
                           std::int64_t{0});
  }
  std::int64_t inputs_per_output() const {
    return geometry.height.kernel * geometry.width.kernel * num_channels();
  }
  std::int64_t num_outputs() const {
    return geometry.batch * geometry.height.output * geometry.width.output *
           geometry.output_channels;
  }

  std::int8_t plain_output(std::int64_t image, std::int64_t row, std::int64_t column,
                           std::int64_t channel) const {
    const WindowAxis &h = geometry.height, &w = geometry.width;
    std::int64_t sum = bias.empty() ? 0 : bias[index(channel)];
    const std::int8_t* factor = filter.data() + channel * inputs_per_output();
    for (std::int64_t tap = 0; tap < h.kernel * w.kernel; ++tap) {
      const std::int64_t y = row * h.stride - h.padding + tap / w.kernel * h.dilation;
      const std::int64_t x = column * w.stride - w.padding + tap % w.kernel * w.dilation;
      const bool is_inside = y >= 0 && y < h.input && x >= 0 && x < w.input;
      for (std::size_t i = 0; i < images.size(); ++i) {
        const std::int64_t channels = geometry.input_channels[i];
        for (std::int64_t in = 0; in < channels; ++in, ++factor) {
          if (!is_inside) continue;
          const std::int64_t at = ((image * h.input + y) * w.input + x) * channels + in;
          sum += (images[i][index(at)] - input_zero_point) * *factor;
        }
      }
    }
    return requantize(static_cast<std::int32_t>(sum), scales[index(channel)], range);
  }

  Bytes plain_outputs() const {
    Bytes outputs;
    const std::int64_t height = geometry.height.output, width = geometry.width.output;
    for (std::int64_t pixel = 0; pixel < geometry.batch * height * width; ++pixel) {
      for (std::int64_t channel = 0; channel < geometry.output_channels; ++channel) {
        outputs.push_back(
            plain_output(pixel / (height * width), pixel / width % height, pixel % width, channel));
      }
    }
    return outputs;
  }

  std::vector<std::byte> packed() const {
    const QuantizedFilter shape =
        quantized_filter(geometry.height.kernel, geometry.width.kernel, geometry.width.dilation,
                         num_channels(), geometry.output_channels);
    std::vector<std::byte> bytes(index(shape.packed_bytes()));
    pack_quantized_filter(shape,
                          {.weights = filter.data(),
                           .output_step = inputs_per_output(),
                           .bias = bias.empty() ? nullptr : bias.data(),
                           .scales = scales.data(),
                           .input_zero_point = input_zero_point},
                          bytes.data());
    return bytes;
  }

  Bytes outputs(ir::KernelContext& context) const {
    const std::vector<std::byte> block = packed();
    std::vector<const std::int8_t*> pointers;
    for (const Bytes& image : images) pointers.push_back(image.data());
    constexpr std::int8_t kGuard = 77;
    Bytes result(index(num_outputs() + 64), kGuard);
    const QuantizedConvolution convolution(geometry, block.data(), input_zero_point, range);
    convolution.run(context, pointers, result.data());
    EXPECT_EQ(std::count(result.end() - 64, result.end(), kGuard), 64);
    result.resize(index(num_outputs()));
    return result;
  }
};

WindowAxis random_axis(Random& random) {
  WindowAxis axis{
      .kernel = pick(random, 1, 4), .stride = pick(random, 1, 3), .dilation = pick(random, 1, 3)};
  if (pick(random, 0, 1) == 0) axis.stride = axis.dilation = 1;
  axis.padding = pick(random, 0, axis.kernel * axis.dilation / 2);
  const std::int64_t reach = axis.dilation * (axis.kernel - 1);
  axis.input = reach + pick(random, 1, 70);
  axis.output = (axis.input + 2 * axis.padding - reach - 1) / axis.stride + 1;
  return axis;
}

Example random_example(Random& random) {
  Example example;
  ChannelsLastGeometry& g = example.geometry;
  g.batch = pick(random, 1, 2);
  g.height = random_axis(random);
  g.width = random_axis(random);
  if (pick(random, 0, 3) == 0) {  // single pixels
    const std::int64_t height = pick(random, 1, 9), width = pick(random, 1, 90);
    g.height = {.input = height, .output = height};
    g.width = {.input = width, .output = width};
  }
  g.output_channels = pick(random, 0, 1) == 0 ? pick(random, 1, 8) : pick(random, 9, 140);
  for (std::int64_t i = pick(random, 0, 1) == 0 ? 1 : pick(random, 2, 3); i > 0; --i) {
    g.input_channels.push_back(pick(random, 0, 1) == 0 ? 4 * pick(random, 1, 4)
                                                       : pick(random, 1, 13));
  }
  for (const std::int64_t channels : g.input_channels) {
    example.images.push_back(
        random_bytes(random, g.batch * g.height.input * g.width.input * channels));
  }
  example.filter = random_bytes(random, g.output_channels * example.inputs_per_output());
  for (std::int64_t i = 0; i < g.output_channels; ++i) {
    // Most outputs should lie between the bounds.
    example.scales.push_back(static_cast<float>(pick(random, 1, 3000)) /
                             (1e6f * std::sqrt(static_cast<float>(example.inputs_per_output()))));
  }
  if (pick(random, 0, 1) == 0) {
    for (std::int64_t i = 0; i < g.output_channels; ++i) {
      example.bias.push_back(static_cast<std::int32_t>(pick(random, -20000, 20000)));
    }
  }
  example.input_zero_point = static_cast<std::int32_t>(pick(random, -128, 127));
  example.range.zero_point = static_cast<std::int32_t>(pick(random, -128, 127));
  if (pick(random, 0, 1) == 0) {
    example.range.low = static_cast<std::int32_t>(pick(random, -128, 0));
    example.range.high = static_cast<std::int32_t>(pick(random, 0, 127));
  }
  return example;
}

TEST(QuantizedConvolution, HasTheExactSumsOnAnyNumberOfThreads) {
  Random random(1);
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (int i = 0; i < 150; ++i) {
    const Example example = random_example(random);
    const Bytes expected = example.plain_outputs();
    ASSERT_EQ(example.outputs(one_thread), expected) << i;
    ASSERT_EQ(example.outputs(three_threads), expected) << i;
  }
}

TEST(QuantizedConvolution, SplitsLargeImagesIntoTasks) {
  Random random(2);
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (const std::int64_t channels : {3, 20}) {
    Example example = random_example(random);
    ChannelsLastGeometry& g = example.geometry;
    g = {.batch = 1,
         .input_channels = {24},
         .output_channels = channels,
         .height = {.input = 9, .output = 9, .kernel = 3, .padding = 1},
         .width = {.input = 3000, .output = 3000, .kernel = 3, .padding = 1}};
    example.images = {random_bytes(random, 9 * 3000 * 24)};
    example.filter = random_bytes(random, channels * 9 * 24);
    example.scales.assign(index(channels), 2e-4f);
    example.bias.clear();
    const Bytes expected = example.plain_outputs();
    EXPECT_EQ(example.outputs(one_thread), expected);
    EXPECT_EQ(example.outputs(three_threads), expected);
  }
}

TEST(QuantizedTile, FastFunctionsHaveTheBitsOfPlainOnes) {
  const QuantizedTileFunctions plain = plain_quantized_tile_functions();
  const QuantizedTileFunctions& fast = quantized_tile_functions();
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const bool is_narrow = pick(random, 0, 1) == 0;
    const std::int64_t channels = is_narrow
                                      ? pick(random, 1, kMaxNarrowChannels)
                                      : pick(random, kMaxNarrowChannels + 1, kMaxWideChannels);
    const QuantizedFilter shape{
        .num_segments = 2, .segment_inputs = 12, .output_channels = channels};
    const Bytes weights = random_bytes(random, 64 * 24);
    // Sums and scales as large as they can be: results must wrap and saturate alike.
    std::vector<std::int32_t> bias;
    std::vector<float> scales;
    for (int k = 0; k < 64; ++k) {
      const std::int64_t most = std::numeric_limits<std::int32_t>::max();
      bias.push_back(static_cast<std::int32_t>(pick(random, 0, 1) == 0 ? pick(random, -most, most)
                                                                       : pick(random, -99, 99)));
      scales.push_back(pick(random, 0, 1) == 0 ? 255.0f : 0.01f);
    }
    std::vector<std::byte> block(index(shape.packed_bytes()));
    pack_quantized_filter(shape,
                          {.weights = weights.data(),
                           .output_step = 24,
                           .bias = bias.data(),
                           .scales = scales.data()},
                          block.data());
    const Bytes inputs = random_bytes(random, 2048);
    const QuantizedRun runs[] = {{0, 3}, {700, 3}};
    const std::int64_t pixels = pick(random, 1, is_narrow ? kMaxNarrowPixels : kMaxWidePixels);
    Bytes found(index(pixels * channels)), expected = found;
    QuantizedTile tile{.runs = runs,
                       .inputs = reinterpret_cast<const std::uint8_t*>(inputs.data()),
                       .step_distance = is_narrow ? 208 : kStepInputs,
                       .pixel_stride = is_narrow ? kStepInputs : 17,
                       .num_pixels = pixels,
                       .block = block.data(),
                       .num_lanes = shape.block_lanes(0),
                       .num_channels = channels,
                       .outputs = found.data(),
                       .output_stride = channels,
                       .range = {.zero_point = static_cast<std::int32_t>(pick(random, -128, 127)),
                                 .low = -100,
                                 .high = 100}};
    (is_narrow ? fast.narrow : fast.wide)(tile);
    tile.outputs = expected.data();
    (is_narrow ? plain.narrow : plain.wide)(tile);
    ASSERT_EQ(found, expected) << i;
  }
}

}  // namespace
}  // namespace tessera::ops
