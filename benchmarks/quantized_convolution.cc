// SPDX-License-Identifier: MIT
// 8-bit convolutions on one thread, by XNNPACK and by Tessera's own kernel in turn. The fastest run
// of each counts. A product and its addition are two operations.
#include <algorithm>
#include <print>
#include <vector>

#include "benchmarks/pairs.h"
#include "runtime/convolution_stage.h"
#include "tests/unit/xnnpack/payload_maker.h"

namespace tessera::benchmarks {
namespace {

struct Layer {
  std::uint32_t input_channels, output_channels, size, kernel, stride = 1;
  bool is_depthwise = false;

  std::uint32_t groups() const { return is_depthwise ? input_channels : 1; }
  std::uint32_t inputs_per_output() const { return kernel * kernel * input_channels / groups(); }
};

/// A convolution that keeps its image's size if it has no stride, from input 0 to output 1.
xnnpack::PayloadMaker make_payload(const Layer& layer) {
  using xnnpack::Datatype;
  xnnpack::PayloadMaker maker;
  const std::uint32_t padding = layer.kernel / 2;
  const std::uint32_t output_size = (layer.size + 2 * padding - layer.kernel) / layer.stride + 1;
  const auto in = maker.input({1, layer.size, layer.size, layer.input_channels}, Datatype::kQInt8,
                              xnnpack::PerTensorQuant{0.01f, 3});
  const auto out = maker.output({1, output_size, output_size, layer.output_channels},
                                Datatype::kQInt8, xnnpack::PerTensorQuant{0.02f, -4});
  const std::uint32_t group_inputs = layer.input_channels / layer.groups();
  const auto filter = maker.constant(
      {layer.output_channels, layer.kernel, layer.kernel, group_inputs},
      std::vector<std::int8_t>(layer.output_channels * layer.inputs_per_output(), 3),
      Datatype::kQCInt8,
      xnnpack::PerChannelQuant{.scales = std::vector<float>(layer.output_channels, 0.003f)});
  maker.node(
      xnnpack::NodeKind::kConv2d, {in, filter, xnnpack::kNoValue}, out,
      xnnpack::ConvolutionParams{.padding_top = padding,
                                 .padding_right = padding,
                                 .padding_bottom = padding,
                                 .padding_left = padding,
                                 .kernel_height = layer.kernel,
                                 .kernel_width = layer.kernel,
                                 .subsampling_height = layer.stride,
                                 .subsampling_width = layer.stride,
                                 .group_input_channels = group_inputs,
                                 .group_output_channels = layer.output_channels / layer.groups(),
                                 .groups = layer.groups()});
  return maker;
}

void compare(const Layer& layer) {
  xnnpack::PayloadMaker maker = make_payload(layer);
  xnnpack::ShapeInference shapes(maker.payload);
  const Shape image{1, layer.size, layer.size, layer.input_channels};
  CHECK(shapes.run({&image, 1}).has_value());
  Tensor tensors[] = {Tensor::zeros(DType::kI8, image).value(),
                      Tensor::zeros(DType::kI8, shapes.shape(1)).value()};
  const auto delegate = maker.create().value();
  CHECK(delegate->reshape({&image, 1}).has_value());
  const auto own = runtime::make_convolution_stage(
                       maker.payload, {.node = 0, .is_quantized = true, .images = {0}, .output = 1},
                       maker.finder(), {})
                       .value();
  own->reshape(shapes);
  ir::KernelContext context;
  const Tensor* const inputs[] = {&tensors[0]};
  Tensor* const outputs[] = {&tensors[1]};
  const auto run_own = [&] { own->run(context, tensors); };
  const auto run_theirs = [&] { CHECK(delegate->run(inputs, outputs).has_value()); };
  const double operations =
      2.0 * static_cast<double>(tensors[1].num_elements()) * layer.inputs_per_output();
  constexpr int kRounds = 200;
  double own_ms = 1e9, their_ms = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    their_ms = std::min(their_ms, time_ms(run_theirs));
    own_ms = std::min(own_ms, time_ms(run_own));
  }
  std::println(
      "{8}{0}x{0} stride {1} {2:5} to {3:4} channels {4:4} pixels: {5:6.1f} {6:6.1f}  {7:5.2f}",
      layer.kernel, layer.stride, layer.input_channels, layer.output_channels, layer.size,
      operations / their_ms / 1e6, operations / own_ms / 1e6, own_ms / their_ms,
      layer.is_depthwise ? "depthwise " : "");
}

}  // namespace
}  // namespace tessera::benchmarks

int main() {
  using tessera::benchmarks::compare;
  std::println("GOP/s: XNNPACK, own; ratio of the times");
  for (const std::uint32_t kernel : {3u, 1u}) {
    for (const std::uint32_t channels : {8u, 16u, 24u, 32u, 64u, 128u, 256u, 512u}) {
      compare({channels, channels, std::clamp(3584 / channels, 7u, 112u), kernel});
    }
  }
  for (const std::uint32_t channels : {8u, 16u, 24u, 32u, 48u, 64u, 72u, 96u, 144u, 240u, 384u}) {
    compare({channels, channels, 28, 3, 1, true});
  }
  compare({64, 64, 28, 3, 2, true});
  compare({240, 240, 14, 5, 1, true});
  compare({576, 576, 7, 5, 1, true});
  compare({1, 8, 288, 3});
  compare({8, 1, 288, 3});
  compare({3, 16, 224, 3, 2});
  compare({3, 64, 224, 7, 2});
  compare({64, 128, 56, 3, 2});
  compare({256, 512, 14, 3, 2});
  compare({64, 128, 56, 1, 2});
  compare({96, 24, 56, 1});
  compare({24, 144, 56, 1});
  compare({960, 160, 7, 1});
  compare({320, 1280, 7, 1});
}
