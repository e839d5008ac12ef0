// SPDX-License-Identifier: MIT
#include "ops/channels_last_convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace tessera::ops {
namespace {

using Random = std::mt19937;
using Numbers = std::vector<float>;

std::int64_t pick(Random& random, std::int64_t from, std::int64_t to) {
  return std::uniform_int_distribution<std::int64_t>(from, to)(random);
}

Numbers random_numbers(Random& random, std::int64_t count) {
  Numbers numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<float>(pick(random, -1000, 1000)) / 997);
  }
  return numbers;
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t total(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

struct Example {
  ChannelsLastGeometry geometry;
  std::vector<Numbers> images;
  Numbers filter;  ///< output channel, kernel row, kernel column, input channel
  Numbers bias;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();

  std::int64_t inputs_per_output() const {
    return geometry.height.kernel * geometry.width.kernel * total(geometry.input_channels);
  }
  std::int64_t num_outputs() const {
    return geometry.batch * geometry.height.output * geometry.width.output *
           geometry.output_channels;
  }

  /// Every fused product in the order that the kernel promises.
  float plain_output(std::int64_t image, std::int64_t row, std::int64_t column,
                     std::int64_t channel) const {
    const WindowAxis &h = geometry.height, &w = geometry.width;
    float sum = bias.empty() ? 0 : bias[index(channel)];
    const float* factor = filter.data() + channel * inputs_per_output();
    for (std::int64_t tap = 0; tap < h.kernel * w.kernel; ++tap) {
      const std::int64_t y = row * h.stride - h.padding + tap / w.kernel * h.dilation;
      const std::int64_t x = column * w.stride - w.padding + tap % w.kernel * w.dilation;
      const bool is_inside = y >= 0 && y < h.input && x >= 0 && x < w.input;
      for (std::size_t i = 0; i < images.size(); ++i) {
        const std::int64_t channels = geometry.input_channels[i];
        for (std::int64_t in = 0; in < channels; ++in) {
          const std::int64_t at = ((image * h.input + y) * w.input + x) * channels + in;
          sum = std::fma(is_inside ? images[i][index(at)] : 0.0f, *factor++, sum);
        }
      }
    }
    return std::min(std::max(sum, low), high);
  }

  Numbers plain_outputs() const {
    Numbers outputs;
    const std::int64_t height = geometry.height.output, width = geometry.width.output;
    for (std::int64_t pixel = 0; pixel < geometry.batch * height * width; ++pixel) {
      for (std::int64_t channel = 0; channel < geometry.output_channels; ++channel) {
        outputs.push_back(
            plain_output(pixel / (height * width), pixel / width % height, pixel % width, channel));
      }
    }
    return outputs;
  }

  Numbers outputs(ir::KernelContext& context) const {
    Numbers packed(index(packed_filter_size(inputs_per_output(), geometry.output_channels)));
    pack_filter(inputs_per_output(), geometry.output_channels, filter.data(), inputs_per_output(),
                1, bias.empty() ? nullptr : bias.data(), packed.data());
    std::vector<const float*> pointers;
    for (const Numbers& image : images) pointers.push_back(image.data());
    constexpr float kGuard = 12345;
    Numbers result(index(num_outputs() + 1), kGuard);
    const ChannelsLastConvolution convolution(geometry, packed.data(), low, high);
    convolution.run(context, pointers, result.data());
    EXPECT_EQ(result.back(), kGuard);
    result.pop_back();
    return result;
  }
};

WindowAxis random_axis(Random& random) {
  WindowAxis axis{
      .kernel = pick(random, 1, 4), .stride = pick(random, 1, 3), .dilation = pick(random, 1, 3)};
  axis.padding = pick(random, 0, axis.kernel * axis.dilation / 2);
  const std::int64_t reach = axis.dilation * (axis.kernel - 1);
  axis.input = reach + pick(random, 1, 40);
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
  g.output_channels = pick(random, 1, 70);
  for (std::int64_t i = pick(random, 1, 3); i > 0; --i) {
    g.input_channels.push_back(pick(random, 1, 20));
  }
  for (const std::int64_t channels : g.input_channels) {
    example.images.push_back(
        random_numbers(random, g.batch * g.height.input * g.width.input * channels));
  }
  example.filter = random_numbers(random, g.output_channels * example.inputs_per_output());
  if (pick(random, 0, 1) == 0) example.bias = random_numbers(random, g.output_channels);
  if (pick(random, 0, 1) == 0) example.low = 0, example.high = 2;
  return example;
}

bool has_same_bits(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(ChannelsLastConvolution, HasTheBitsOfThePlainSumsOnAnyNumberOfThreads) {
  Random random(1);
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (int i = 0; i < 60; ++i) {
    const Example example = random_example(random);
    const Numbers expected = example.plain_outputs();
    EXPECT_TRUE(has_same_bits(example.outputs(one_thread), expected)) << i;
    EXPECT_TRUE(has_same_bits(example.outputs(three_threads), expected)) << i;
  }
}

TEST(ChannelsLastConvolution, KeepsNotANumber) {
  Random random(2);
  Example example = random_example(random);
  example.low = 0;
  example.high = 6;
  for (Numbers& image : example.images) std::ranges::fill(image, std::nanf(""));
  ir::KernelContext context;
  EXPECT_TRUE(std::ranges::all_of(example.outputs(context), [](float x) { return std::isnan(x); }));
}

}  // namespace
}  // namespace tessera::ops
