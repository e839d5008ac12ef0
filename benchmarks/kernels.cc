// SPDX-License-Identifier: MIT
// Portable kernels on one thread, in GFLOP/s or GB/s of processor time: layers of MobileNetV2, of
// the demos and of super-resolution, and quantization.
#include <benchmark/benchmark.h>

#include <vector>

#include "ops/affine.h"
#include "ops/channels_last_convolution.h"
#include "ops/convolution_kernel.h"

namespace tessera::benchmarks {
namespace {

struct Layer {
  const char* name;
  std::int64_t input_channels, output_channels, groups;  ///< channels of a group
  std::int64_t size, kernel, stride;
  bool is_transposed = false;
};

constexpr Layer kLayers[] = {
    {"3x3 stride 2, 3 to 32 channels, 224", 3, 32, 1, 224, 3, 2},
    {"depthwise 3x3, 32 channels, 112", 1, 1, 32, 112, 3, 1},
    {"depthwise 3x3 stride 2, 96 channels, 112", 1, 1, 96, 112, 3, 2},
    {"1x1, 16 to 96 channels, 112", 16, 96, 1, 112, 1, 1},
    {"1x1, 64 to 384 channels, 14", 64, 384, 1, 14, 1, 1},
    {"depthwise 3x3, 960 channels, 7", 1, 1, 960, 7, 3, 1},
    {"1x1, 320 to 1280 channels, 7", 320, 1280, 1, 7, 1, 1},
    {"3x3, 1 to 1 channels, 1024", 1, 1, 1, 1024, 3, 1},
    {"3x3, 8 to 8 channels, 288", 8, 8, 1, 288, 3, 1},
    {"3x3, 64 to 64 channels, 64", 64, 64, 1, 64, 3, 1},
    {"transposed 2x2 stride 2, 32 to 16 channels, 64", 32, 16, 1, 64, 2, 2, true}};

void convolution(benchmark::State& state, const Layer& layer) {
  const std::int64_t padding = layer.is_transposed ? 0 : layer.kernel / 2;
  const std::int64_t output_size =
      layer.is_transposed ? (layer.size - 1) * layer.stride + layer.kernel
                          : (layer.size + 2 * padding - layer.kernel) / layer.stride + 1;
  const ops::WindowAxis axis{.input = layer.size,
                             .output = output_size,
                             .kernel = layer.kernel,
                             .stride = layer.stride,
                             .padding = padding};
  const ops::ConvolutionGeometry geometry{.groups = layer.groups,
                                          .input_channels = layer.input_channels,
                                          .output_channels = layer.output_channels,
                                          .height = axis,
                                          .width = axis,
                                          .is_transposed = layer.is_transposed};
  const auto numbers = [](std::int64_t count) {
    return std::vector<float>(static_cast<std::size_t>(count), 0.5f);
  };
  const std::int64_t filters = layer.groups * layer.input_channels * layer.output_channels;
  const auto input = numbers(layer.groups * layer.input_channels * layer.size * layer.size);
  const auto weight = numbers(filters * layer.kernel * layer.kernel);
  auto output = numbers(layer.groups * layer.output_channels * output_size * output_size);
  ir::KernelContext context;
  for (auto _ : state) {
    ops::convolve<float>(context, geometry, input.data(), weight.data(), nullptr, output.data());
    benchmark::DoNotOptimize(output.data());
  }
  // Every weight meets each position of the smaller side once.
  const std::int64_t positions = layer.is_transposed ? layer.size : output_size;
  const auto operations =
      static_cast<double>(2 * filters * layer.kernel * layer.kernel * positions * positions);
  state.counters["FLOP/s"] =
      benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

/// Layers of a U-Net and the first of MobileNets.
constexpr Layer kChannelsLastLayers[] = {
    {"channels last 3x3 stride 2, 3 to 32 channels, 224", 3, 32, 1, 224, 3, 2},
    {"channels last 1x1, 32 to 16 channels, 112", 32, 16, 1, 112, 1, 1},
    {"channels last 3x3, 48 to 16 channels, 256", 48, 16, 1, 256, 3, 1},
    {"channels last 3x3, 96 to 32 channels, 128", 96, 32, 1, 128, 3, 1},
    {"channels last 3x3, 64 to 64 channels, 64", 64, 64, 1, 64, 3, 1}};

void channels_last_convolution(benchmark::State& state, const Layer& layer) {
  const std::int64_t output_size = (layer.size - 1) / layer.stride + 1;
  const ops::WindowAxis axis{.input = layer.size,
                             .output = output_size,
                             .kernel = layer.kernel,
                             .stride = layer.stride,
                             .padding = layer.kernel / 2};
  const ops::ChannelsLastGeometry geometry{.input_channels = {layer.input_channels},
                                           .output_channels = layer.output_channels,
                                           .height = axis,
                                           .width = axis};
  const auto numbers = [](std::int64_t count) {
    return std::vector<float>(static_cast<std::size_t>(count), 0.5f);
  };
  const std::int64_t inputs = layer.kernel * layer.kernel * layer.input_channels;
  const auto input = numbers(layer.input_channels * layer.size * layer.size);
  const auto packed = numbers(ops::packed_filter_size(inputs, layer.output_channels));
  auto output = numbers(layer.output_channels * output_size * output_size);
  const ops::ChannelsLastConvolution kernel(geometry, packed.data(), 0, 6);
  const std::vector<const float*> images = {input.data()};
  ir::KernelContext context;
  for (auto _ : state) {
    kernel.run(context, images, output.data());
    benchmark::DoNotOptimize(output.data());
  }
  const auto operations =
      static_cast<double>(2 * inputs * layer.output_channels * output_size * output_size);
  state.counters["FLOP/s"] =
      benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

void quantize(benchmark::State& state) {
  const std::vector<float> input(1 << 16, 0.3f);
  std::vector<std::int8_t> output(input.size());
  for (auto _ : state) {
    ops::quantize_run(input.data(), output.data(), std::int64_t{1} << 16, {0.02f, 3}, {-128, 127});
    benchmark::DoNotOptimize(output.data());
  }
  state.SetBytesProcessed(state.iterations() * (std::int64_t{5} << 16));
}

void dequantize(benchmark::State& state) {
  const std::vector<std::int8_t> input(1 << 16, 3);
  std::vector<float> output(input.size());
  for (auto _ : state) {
    ops::dequantize_run(input.data(), output.data(), std::int64_t{1} << 16, {0.02f, 3});
    benchmark::DoNotOptimize(output.data());
  }
  state.SetBytesProcessed(state.iterations() * (std::int64_t{5} << 16));
}

BENCHMARK(quantize);
BENCHMARK(dequantize);

}  // namespace
}  // namespace tessera::benchmarks

int main(int argc, char** argv) {
  for (const auto& layer : tessera::benchmarks::kLayers) {
    benchmark::RegisterBenchmark(layer.name, tessera::benchmarks::convolution, layer);
  }
  for (const auto& layer : tessera::benchmarks::kChannelsLastLayers) {
    benchmark::RegisterBenchmark(layer.name, tessera::benchmarks::channels_last_convolution, layer);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
