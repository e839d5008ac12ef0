// SPDX-License-Identifier: MIT
#include "ops/convolution_kernel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "ops/product_tile.h"

namespace tessera::ops {
namespace {

using Random = std::mt19937;

std::int64_t pick(Random& random, std::int64_t from, std::int64_t to) {
  return std::uniform_int_distribution<std::int64_t>(from, to)(random);
}

template <class T>
std::vector<T> random_numbers(Random& random, std::int64_t count) {
  std::vector<T> numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<T>(pick(random, -1000, 1000)) / 997);
  }
  return numbers;
}

/// Every product in the order that convolve promises.
std::vector<float> convolve_plainly(const ConvolutionGeometry& g, const std::vector<float>& input,
                                    const std::vector<float>& weight,
                                    const std::vector<float>& bias) {
  const WindowAxis &h = g.height, &w = g.width;
  /// Position that a tap reads, or -1.
  const auto source = [&](const WindowAxis& axis, std::int64_t output, std::int64_t tap) {
    std::int64_t at = output * axis.stride - axis.padding + tap * axis.dilation;
    if (g.is_transposed) {
      at = output + axis.padding - tap * axis.dilation;
      if (at % axis.stride != 0) return std::int64_t{-1};
      at /= axis.stride;
    }
    return at < axis.input ? at : -1;
  };
  std::vector<float> result;
  for (std::int64_t plane = 0; plane < g.batch * g.groups * g.output_channels; ++plane) {
    const std::int64_t out = plane % g.output_channels, image = plane / g.output_channels;
    const std::int64_t group = image % g.groups;
    for (std::int64_t i = 0; i < h.output * w.output; ++i) {
      float sum =
          bias.empty() ? 0 : bias[static_cast<std::size_t>(group * g.output_channels + out)];
      for (std::int64_t in = 0; in < g.input_channels; ++in) {
        for (std::int64_t tap = 0; tap < h.kernel * w.kernel; ++tap) {
          const std::int64_t y = source(h, i / w.output, tap / w.kernel);
          const std::int64_t x = source(w, i % w.output, tap % w.kernel);
          if (y < 0 || x < 0) continue;
          const std::int64_t filter =
              g.is_transposed ? (group * g.input_channels + in) * g.output_channels + out
                              : (group * g.output_channels + out) * g.input_channels + in;
          const std::int64_t at = ((image * g.input_channels + in) * h.input + y) * w.input + x;
          sum += weight[static_cast<std::size_t>(filter * h.kernel * w.kernel + tap)] *
                 input[static_cast<std::size_t>(at)];
        }
      }
      result.push_back(sum);
    }
  }
  return result;
}

WindowAxis random_axis(Random& random, bool is_transposed) {
  WindowAxis axis{.kernel = pick(random, 1, 4),
                  .stride = pick(random, 1, 3),
                  .dilation = pick(random, 0, 5) == 0 ? 11 : pick(random, 1, 3)};
  axis.padding = pick(random, 0, axis.kernel * axis.dilation / 2);
  const std::int64_t reach = axis.dilation * (axis.kernel - 1);
  axis.input = reach + pick(random, 1, pick(random, 0, 4) == 0 ? 150 : 20);
  axis.output = is_transposed ? (axis.input - 1) * axis.stride - 2 * axis.padding + reach + 1
                              : (axis.input + 2 * axis.padding - reach - 1) / axis.stride + 1;
  return axis;
}

ConvolutionGeometry random_geometry(Random& random) {
  ConvolutionGeometry g{.batch = pick(random, 1, 2),
                        .groups = pick(random, 1, 3),
                        .input_channels = pick(random, 0, 5) == 0 ? 90 : pick(random, 1, 5),
                        .output_channels = pick(random, 1, 20),
                        .is_transposed = pick(random, 0, 2) == 0};
  g.height = random_axis(random, g.is_transposed);
  g.width = random_axis(random, g.is_transposed);
  if (pick(random, 0, 3) == 0) {
    g.height = {.input = pick(random, 1, 9)};
    g.width = {.input = pick(random, 1, 200)};
    g.height.output = g.height.input;
    g.width.output = g.width.input;
  }
  return g;
}

bool has_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Convolution, HasTheBitsOfThePlainSumsOnAnyNumberOfThreads) {
  Random random(1);
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  int num_tried = 0;
  for (int i = 0; i < 40; ++i) {
    const ConvolutionGeometry g = random_geometry(random);
    if (g.height.output < 1 || g.width.output < 1) continue;
    const auto input = random_numbers<float>(
        random, g.batch * g.groups * g.input_channels * g.height.input * g.width.input);
    const auto weight = random_numbers<float>(
        random, g.groups * g.input_channels * g.output_channels * g.height.kernel * g.width.kernel);
    const auto bias = random_numbers<float>(random, i % 2 * g.groups * g.output_channels);
    const auto expected = convolve_plainly(g, input, weight, bias);
    for (ir::KernelContext* context : {&one_thread, &three_threads}) {
      std::vector<float> found(expected.size(), -1);
      convolve<float>(*context, g, input.data(), weight.data(),
                      bias.empty() ? nullptr : bias.data(), found.data());
      EXPECT_TRUE(has_same_bits(found, expected)) << "case " << i;
    }
    ++num_tried;
  }
  EXPECT_GT(num_tried, 25);
}

/// All tiles of all instruction sets against the same sums one by one.
template <class T>
void expect_plain_sums(Random& random) {
  constexpr std::int64_t kDepth = 37;
  const auto factors = random_numbers<T>(random, kMaxTileRows * kDepth);
  const auto inputs = random_numbers<T>(random, kDepth * 3 + kMaxTileColumns);
  const auto starts = random_numbers<T>(random, kMaxTileRows);
  std::vector<std::int64_t> offsets;
  for (std::int64_t k = 0; k < kDepth; ++k) offsets.push_back(k * 3);
  const auto check = [&](auto run, std::int64_t rows, std::int64_t columns) {
    std::vector<T> sums(static_cast<std::size_t>(rows * columns));
    run(ProductTile<T>{factors.data(), kDepth, inputs.data(), offsets.data(), kDepth, starts.data(),
                       sums.data(), columns});
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const std::int64_t row = i / columns, column = i % columns;
      T sum = starts[static_cast<std::size_t>(row)];
      for (std::int64_t k = 0; k < kDepth; ++k) {
        sum += factors[static_cast<std::size_t>(row * kDepth + k)] *
               inputs[static_cast<std::size_t>(k * 3 + column)];
      }
      ASSERT_EQ(sums[static_cast<std::size_t>(i)], sum) << rows << "x" << columns << " at " << i;
    }
  };
  for (const ProductTiles<T>& tiles : supported_product_tiles<T>()) {
    ASSERT_LE(tiles.max_rows, kMaxTileRows);
    ASSERT_LE(tiles.long_columns, kMaxTileColumns);
    for (std::size_t i = 0; std::int64_t{1} << i <= tiles.max_rows; ++i) {
      check(tiles.full[i], std::int64_t{1} << i, tiles.columns);
      check(tiles.narrow[i], std::int64_t{1} << i, tiles.columns / 2);
    }
    check(tiles.long_row, 1, tiles.long_columns);
  }
}

TEST(ProductTiles, GiveTheSameBitsWithEveryInstructionSet) {
  Random random(2);
  expect_plain_sums<float>(random);
  expect_plain_sums<double>(random);
  expect_plain_sums<std::uint64_t>(random);
}

}  // namespace
}  // namespace tessera::ops
