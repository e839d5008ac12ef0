// SPDX-License-Identifier: MIT
#include "ops/quantized_depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <span>
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
  DepthwiseGeometry geometry;
  Bytes image;
  Bytes filter;  ///< channel, kernel row, kernel column
  std::vector<std::int32_t> bias;
  std::vector<float> scales;
  std::int32_t input_zero_point = 0;
  QuantizedOutput range;

  std::int64_t num_taps() const { return geometry.height.kernel * geometry.width.kernel; }
  std::int64_t num_outputs() const {
    return geometry.batch * geometry.height.output * geometry.width.output * geometry.channels;
  }

  std::int8_t plain_output(std::int64_t pixel, std::int64_t channel) const {
    const WindowAxis &h = geometry.height, &w = geometry.width;
    const std::int64_t image_index = pixel / (h.output * w.output);
    std::int64_t sum = bias[index(channel)];
    for (std::int64_t tap = 0; tap < num_taps(); ++tap) {
      const std::int64_t y = pixel / w.output % h.output * h.stride - h.padding + tap / w.kernel;
      const std::int64_t x = pixel % w.output * w.stride - w.padding + tap % w.kernel;
      if (y < 0 || y >= h.input || x < 0 || x >= w.input) continue;
      const std::int64_t at = (image_index * h.input + y) * w.input + x;
      sum += (image[index(at * geometry.channels + channel)] - input_zero_point) *
             filter[index(channel * num_taps() + tap)];
    }
    return requantize_saturating(static_cast<std::int32_t>(sum), scales[index(channel)], range);
  }

  Bytes plain_outputs() const {
    Bytes outputs;
    for (std::int64_t i = 0; i < num_outputs(); ++i) {
      outputs.push_back(plain_output(i / geometry.channels, i % geometry.channels));
    }
    return outputs;
  }

  Bytes outputs(ir::KernelContext& context) const {
    const DepthwiseFilter shape(geometry.height.kernel, geometry.width.kernel, geometry.channels);
    std::vector<std::byte> packed(index(shape.packed_bytes()));
    shape.pack({.weights = filter.data(),
                .output_step = num_taps(),
                .bias = bias.data(),
                .scales = scales.data(),
                .input_zero_point = input_zero_point},
               packed.data());
    constexpr std::int8_t kGuard = 77;
    Bytes result(index(num_outputs() + 64), kGuard);
    QuantizedDepthwise(geometry, packed.data(), input_zero_point, range)
        .run(context, image.data(), result.data());
    EXPECT_EQ(std::count(result.end() - 64, result.end(), kGuard), 64);
    result.resize(index(num_outputs()));
    return result;
  }
};

WindowAxis random_axis(Random& random, std::int64_t max_size) {
  WindowAxis axis{.kernel = pick(random, 1, 7), .stride = pick(random, 1, 4)};
  axis.padding = pick(random, 0, axis.kernel);
  axis.input = axis.kernel + pick(random, 0, max_size);
  axis.output = (axis.input + 2 * axis.padding - axis.kernel) / axis.stride + 1;
  return axis;
}

Example random_example(Random& random, std::int64_t max_width) {
  Example example{.geometry = {.batch = pick(random, 1, 2),
                               .channels = pick(random, 1, 150),
                               .height = random_axis(random, 20),
                               .width = random_axis(random, max_width)}};
  const DepthwiseGeometry& g = example.geometry;
  example.image = random_bytes(random, g.batch * g.height.input * g.width.input * g.channels);
  example.filter = random_bytes(random, g.channels * example.num_taps());
  for (std::int64_t i = 0; i < g.channels; ++i) {
    example.scales.push_back(static_cast<float>(pick(random, 1, 3000)) * 1e-6f);
    example.bias.push_back(static_cast<std::int32_t>(pick(random, -20000, 20000)));
  }
  example.input_zero_point = static_cast<std::int32_t>(pick(random, -128, 127));
  example.range.zero_point = static_cast<std::int32_t>(pick(random, -128, 127));
  if (pick(random, 0, 1) == 0) {
    example.range.low = static_cast<std::int32_t>(pick(random, -128, 0));
    example.range.high = static_cast<std::int32_t>(pick(random, 0, 127));
  }
  return example;
}

TEST(QuantizedDepthwise, HasTheExactSumsOnAnyNumberOfThreads) {
  Random random(1);
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (int i = 0; i < 120; ++i) {
    const Example example = random_example(random, i % 10 == 0 ? 1200 : 40);
    const Bytes expected = example.plain_outputs();
    ASSERT_EQ(example.outputs(one_thread), expected) << i;
    ASSERT_EQ(example.outputs(three_threads), expected) << i;
  }
}

TEST(DepthwiseTile, FastFunctionsHaveTheBitsOfPlainOnes) {
  const DepthwiseFunctions plain = plain_depthwise_functions(), &fast = depthwise_functions();
  Random random(2);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t num_parts = 1 << pick(random, 0, 2);
    const std::int64_t part_lanes = kDepthwiseChannels / num_parts;
    const std::int64_t channels = pick(random, 1, part_lanes);
    const Bytes pixels = random_bytes(random, 30 * channels);
    std::vector<std::uint8_t> quads[2];
    for (auto& to : quads) to.assign(6 * kQuadBytes, 0);
    const std::int8_t* first = pixels.data();
    QuadRow row{.pixels = {first, first + 3, nullptr, first + channels},
                .num_parts = num_parts,
                .pixel_stride = channels,
                .begin = pick(random, 0, 8),
                .end = pick(random, 8, 24),
                .num_channels = channels,
                .padding = 9,
                .num_quads = 6,
                .quads = quads[0].data()};
    plain.interleave(row);
    row.quads = quads[1].data();
    fast.interleave(row);
    for (std::int64_t i = 0; i < channels * num_parts; ++i) {
      const std::int64_t place = i / channels * part_lanes + i % channels;
      for (std::int64_t at = depthwise_lane(place) * kStepInputs; at < 6 * kQuadBytes;
           at += kQuadBytes) {
        ASSERT_TRUE(std::equal(&quads[0][index(at)], &quads[0][index(at)] + kStepInputs,
                               &quads[1][index(at)]));
      }
    }
    const Bytes weights = random_bytes(random, 4 * kQuadBytes);
    // Sums and scales as large as they can be.
    std::vector<std::int32_t> numbers;
    for (std::int64_t k = 0; k < kDepthwiseChannels; ++k) {
      const std::int64_t most = pick(random, 0, 1) == 0 ? 0x7fffffff : 99;
      numbers.push_back(static_cast<std::int32_t>(pick(random, -most, most)));
    }
    for (std::int64_t k = 0; k < kDepthwiseChannels; ++k) {
      numbers.push_back(std::bit_cast<std::int32_t>(pick(random, 0, 1) == 0 ? 255.0f : 0.001f));
    }
    Bytes found(index(4 * 4 * channels)), expected = found;
    DepthwiseTile tile{.inputs = quads[0].data(),
                       .pixel_distance = kQuadBytes,
                       .row_distance = kQuadBytes,
                       .num_rows = 2,
                       .num_quads = 2,
                       .num_pixels = pick(random, 1, kMaxDepthwisePixels),
                       .starts_and_scales = std::as_bytes(std::span(numbers)).data(),
                       .weights = std::as_bytes(std::span(weights)).data(),
                       .num_channels = channels,
                       .num_parts = num_parts,
                       .num_stored = pick(random, 1, num_parts),
                       .outputs = found.data(),
                       .part_distance = 4 * channels,
                       .output_stride = channels,
                       .range = {.zero_point = static_cast<std::int32_t>(pick(random, -128, 127)),
                                 .low = -100,
                                 .high = 100}};
    fast.run(tile);
    tile.outputs = expected.data();
    plain.run(tile);
    ASSERT_EQ(found, expected) << i;
  }
}

}  // namespace
}  // namespace tessera::ops
