// SPDX-License-Identifier: MIT
#include "runtime/quantized_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/staged_engine.h"
#include "unit/xnnpack/payload_maker.h"

namespace tessera::runtime {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using xnnpack::ConvolutionParams;
using xnnpack::Datatype;
using xnnpack::NodeKind;
using xnnpack::PayloadMaker;
using xnnpack::PerChannelQuant;
using xnnpack::PerTensorQuant;

using Random = std::mt19937;

std::uint32_t pick(Random& random, std::uint32_t from, std::uint32_t to) {
  return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
}

template <class T>
std::vector<T> random_integers(Random& random, std::size_t count, int least, int most) {
  std::vector<T> integers(count);
  for (T& integer : integers) {
    integer = static_cast<T>(std::uniform_int_distribution<int>(least, most)(random));
  }
  return integers;
}

std::int32_t random_zero_point(Random& random) {
  return static_cast<std::int32_t>(pick(random, 0, 255)) - 128;
}

/// A payload that is one convolution from input 0 to output 1, and an image for it.
struct Example {
  PayloadMaker maker;
  Tensor image;
};

struct Geometry {
  std::uint32_t batch = 1, height = 8, width = 8, input_channels = 4, output_channels = 4;
  ConvolutionParams params;
  /// The node's kind, or as many groups as channels, or both.
  bool is_depthwise = false, is_grouped = false;
  bool is_per_channel = true, has_bias = true;
};

Geometry random_geometry(Random& random) {
  Geometry geometry{.batch = pick(random, 1, 2)};
  ConvolutionParams& p = geometry.params;
  const bool is_single = pick(random, 0, 3) == 0;
  p.kernel_height = is_single ? 1 : pick(random, 1, 5);
  p.kernel_width = is_single ? 1 : pick(random, 1, 5);
  if (pick(random, 0, 1) == 0) {
    p.subsampling_height = pick(random, 1, 3);
    p.subsampling_width = pick(random, 1, 3);
    p.dilation_height = pick(random, 1, 3);
    p.dilation_width = pick(random, 1, 3);
  }
  p.padding_top = pick(random, 0, p.kernel_height);
  p.padding_left = pick(random, 0, p.kernel_width);
  p.padding_bottom = pick(random, 0, p.kernel_height);
  p.padding_right = pick(random, 0, p.kernel_width);
  geometry.height = (p.kernel_height - 1) * p.dilation_height + pick(random, 1, 20);
  geometry.width = (p.kernel_width - 1) * p.dilation_width + pick(random, 1, 70);
  geometry.is_depthwise = pick(random, 0, 5) == 0;
  geometry.input_channels = geometry.is_depthwise ? 1 : pick(random, 1, 40);
  geometry.output_channels = pick(random, 0, 1) == 0 ? pick(random, 1, 9) : pick(random, 10, 90);
  geometry.is_per_channel = pick(random, 0, 2) != 0;
  geometry.has_bias = pick(random, 0, 2) != 0;
  if (pick(random, 0, 2) == 0) {
    geometry.is_grouped = true;
    geometry.is_depthwise = pick(random, 0, 1) == 0;
    p.dilation_height = p.dilation_width = 1;
    geometry.input_channels = geometry.output_channels = pick(random, 2, 150);
  }
  return geometry;
}

std::uint32_t num_outputs(std::uint32_t size, std::uint32_t kernel, std::uint32_t stride,
                          std::uint32_t dilation, std::uint32_t padding) {
  return (size + padding - (kernel - 1) * dilation - 1) / stride + 1;
}

Example make_example(Random& random, const Geometry& g) {
  ConvolutionParams p = g.params;
  p.groups = g.is_grouped ? g.input_channels : 1;
  p.group_input_channels = g.input_channels / p.groups;
  p.group_output_channels = g.output_channels / p.groups;
  Example example;
  PayloadMaker& maker = example.maker;
  const PerTensorQuant input_quant{0.02f, random_zero_point(random)};
  // Most sums should be inside of the range of the outputs.
  const float reach =
      std::sqrt(static_cast<float>(p.kernel_height * p.kernel_width * p.group_input_channels));
  const PerTensorQuant output_quant{0.02f * reach, random_zero_point(random)};
  const auto in =
      maker.input({g.batch, g.height, g.width, g.input_channels}, Datatype::kQInt8, input_quant);
  const auto out = maker.output({g.batch,
                                 num_outputs(g.height, p.kernel_height, p.subsampling_height,
                                             p.dilation_height, p.padding_top + p.padding_bottom),
                                 num_outputs(g.width, p.kernel_width, p.subsampling_width,
                                             p.dilation_width, p.padding_left + p.padding_right),
                                 g.output_channels},
                                Datatype::kQInt8, output_quant);
  std::vector<std::uint32_t> dims = {g.output_channels, p.kernel_height, p.kernel_width,
                                     p.group_input_channels};
  if (g.is_depthwise) dims = {1, p.kernel_height, p.kernel_width, g.output_channels};
  const std::size_t count = std::size_t{dims[0]} * dims[1] * dims[2] * dims[3];
  std::vector<float> scales;
  for (std::uint32_t i = 0; i < g.output_channels; ++i) {
    scales.push_back(static_cast<float>(pick(random, 1, 1000)) * 3e-5f);
  }
  PerChannelQuant channel_quant{.channel_dim = g.is_depthwise ? 3 : 0};
  if (pick(random, 0, 1) == 0) {
    channel_quant.scales = scales;
  } else {
    channel_quant.scale_buffer_index = maker.buffer(scales);
    channel_quant.num_scales = g.output_channels;
  }
  PerChannelQuant bias_quant{.channel_dim = 0};
  bias_quant.scales = scales;
  const auto weights = random_integers<std::int8_t>(random, count, -127, 127);
  const auto filter =
      g.is_per_channel ? maker.constant(dims, weights, Datatype::kQCInt8, channel_quant)
                       : maker.constant(dims, weights, Datatype::kQInt8, PerTensorQuant{0.011f, 0});
  auto bias = xnnpack::kNoValue;
  if (g.has_bias) {
    const auto numbers = random_integers<std::int32_t>(random, g.output_channels, -9999, 9999);
    bias = g.is_per_channel
               ? maker.constant({g.output_channels}, numbers, Datatype::kQCInt32, bias_quant)
               : maker.constant({g.output_channels}, numbers, Datatype::kQInt32,
                                PerTensorQuant{0.011f * 0.02f, 0});
  }
  auto& node = maker.node(g.is_depthwise ? NodeKind::kDepthwiseConv2d : NodeKind::kConv2d,
                          {in, filter, bias}, out, p);
  if (pick(random, 0, 1) == 0) {
    node.output_min = -0.3f * reach;
    node.output_max = 0.9f * reach;
  }
  const Shape shape{g.batch, g.height, g.width, g.input_channels};
  example.image = Tensor::zeros(DType::kI8, shape).value();
  const auto pixels = random_integers<std::int8_t>(
      random, static_cast<std::size_t>(shape.num_elements()), -128, 127);
  std::ranges::copy(pixels, example.image.data<std::int8_t>());
  return example;
}

Tensor run(xnnpack::Engine& engine, const Tensor& image) {
  const Shape shape = image.shape();
  const Shape output_shape = engine.reshape({&shape, 1}).value()[0];
  Tensor output = Tensor::zeros(DType::kI8, output_shape).value();
  const Tensor* const inputs[] = {&image};
  Tensor* const outputs[] = {&output};
  EXPECT_TRUE(engine.run(inputs, outputs));
  return output;
}

std::vector<std::int8_t> bytes_of(Tensor tensor) {
  const auto* data = tensor.data<std::int8_t>();
  return {data, data + tensor.num_elements()};
}

/// By the kernel, whatever plan_stages would choose.
Tensor run_directly(Example& example, ir::KernelContext& context) {
  xnnpack::ShapeInference shapes(example.maker.payload);
  const auto stage =
      make_convolution_stage(example.maker.payload,
                             {.node = 0, .is_quantized = true, .images = {0}, .output = 1},
                             example.maker.finder(), {})
          .value();
  const Shape shape = example.image.shape();
  EXPECT_TRUE(shapes.run({&shape, 1}));
  stage->reshape(shapes);
  Tensor tensors[] = {example.image, Tensor::zeros(DType::kI8, shapes.shape(1)).value()};
  stage->run(context, tensors);
  return tensors[1];
}

TEST(QuantizedStage, HasTheBytesOfXnnpack) {
  Random random(1);
  ThreadPool pool(2);
  ir::KernelContext one_thread, two_threads(&pool);
  for (int i = 0; i < 300; ++i) {
    Example example = make_example(random, random_geometry(random));
    const auto delegate = example.maker.create().value();
    const auto expected = bytes_of(run(*delegate, example.image));
    ASSERT_EQ(bytes_of(run_directly(example, one_thread)), expected) << i;
    ASSERT_EQ(bytes_of(run_directly(example, two_threads)), expected) << i;
  }
}

TEST(QuantizedStage, RefusesScalesAsXnnpackDoes) {
  Random random(2);
  for (const float scale : {-1.0f, 0.0f, std::numeric_limits<float>::quiet_NaN(), 300.0f}) {
    Example example = make_example(random, {});
    auto& filter = example.maker.payload.values[2];
    ASSERT_EQ(filter.datatype, Datatype::kQCInt8);
    filter.quant = PerChannelQuant{.scales = {0.1f, 0.1f, scale * 100, 0.1f}};
    EXPECT_FALSE(make_convolution_stage(
        example.maker.payload, {.node = 0, .is_quantized = true, .images = {0}, .output = 1},
        example.maker.finder(), {}));
    EXPECT_FALSE(example.maker.create());
  }
}

/// f32 [1, 1, h, w] to 8 bits, two 3x3 convolutions whose results a third reads side by side, and
/// back.
PayloadMaker make_network(Random& random) {
  constexpr std::uint32_t kSize = 40;
  PayloadMaker maker;
  const PerTensorQuant quant{0.05f, 5}, input_quant{0.01f, -7};
  const auto in = maker.input({1, kSize, kSize, 6}), out = maker.output({1, kSize, kSize, 3});
  const auto image = maker.internal({1, kSize, kSize, 6}, Datatype::kQInt8, input_quant);
  maker.node(NodeKind::kConvert, {in}, image);
  const auto add = [&](std::uint32_t from, std::uint32_t inputs, std::uint32_t outputs,
                       std::uint32_t kernel) {
    const auto to = maker.internal({1, kSize, kSize, outputs}, Datatype::kQInt8, quant);
    const auto filter = maker.constant(
        {outputs, kernel, kernel, inputs},
        random_integers<std::int8_t>(random, outputs * kernel * kernel * inputs, -127, 127),
        Datatype::kQInt8, PerTensorQuant{0.01f, 0});
    maker.node(NodeKind::kConv2d, {from, filter, xnnpack::kNoValue}, to,
               ConvolutionParams{.padding_top = kernel / 2,
                                 .padding_right = kernel / 2,
                                 .padding_bottom = kernel / 2,
                                 .padding_left = kernel / 2,
                                 .kernel_height = kernel,
                                 .kernel_width = kernel,
                                 .group_input_channels = inputs,
                                 .group_output_channels = outputs});
    return to;
  };
  const auto a = add(image, 6, 16, 3), b = add(image, 6, 5, 3);
  const auto joined = maker.internal({1, kSize, kSize, 21}, Datatype::kQInt8, quant);
  maker.node(NodeKind::kConcatenate2, {a, b}, joined, xnnpack::ConcatenateParams{.axis = 3});
  maker.node(NodeKind::kConvert, {add(joined, 21, 3, 1)}, out);
  return maker;
}

TEST(QuantizedStages, LeaveTheRestToXnnpack) {
  Random random(3);
  PayloadMaker maker = make_network(random);
  const auto stages = plan_stages(maker.payload);
  ASSERT_THAT(stages, SizeIs(5));
  EXPECT_TRUE(stages[1].convolution && stages[2].convolution && stages[3].convolution);
  EXPECT_TRUE(stages[1].convolution->is_quantized);
  EXPECT_THAT(stages[3].convolution->images, SizeIs(2));  // not concatenated
  EXPECT_THAT(plan_stages(maker.payload, {.f32 = true, .int8 = false}), IsEmpty());
}

TEST(QuantizedStages, LeaveOutputsWithManyInputsOfOnePixelToXnnpack) {
  Random random(4);
  Geometry many{.input_channels = 192, .output_channels = 64};
  EXPECT_THAT(plan_stages(make_example(random, many).maker.payload), IsEmpty());
  many.params.kernel_width = 3;
  EXPECT_THAT(plan_stages(make_example(random, many).maker.payload), SizeIs(1));
}

TEST(QuantizedStages, LeaveOtherGroupsThanChannelsToXnnpack) {
  Random random(7);
  Geometry geometry{.input_channels = 16, .output_channels = 16, .is_grouped = true};
  geometry.params.kernel_width = 3;
  EXPECT_THAT(plan_stages(make_example(random, geometry).maker.payload), SizeIs(1));
  geometry.output_channels = 32;  // two outputs for each input
  EXPECT_THAT(plan_stages(make_example(random, geometry).maker.payload), IsEmpty());
}

TEST(QuantizedStages, LeaveZeroPointsThatDoNotFitToXnnpack) {
  Random random(5);
  Example example = make_example(random, {});
  EXPECT_FALSE(plan_stages(example.maker.payload).empty());
  std::get<PerTensorQuant>(example.maker.payload.values[0].quant).zero_point = 128;
  EXPECT_THAT(plan_stages(example.maker.payload), IsEmpty());
}

TEST(QuantizedStages, HaveTheBitsOfXnnpack) {
  Random random(6);
  PayloadMaker maker = make_network(random);
  ThreadPool pool(3);
  ir::KernelContext context(&pool);
  const auto whole = maker.create().value();
  const xnnpack::DelegateOptions options{.workspace = std::make_shared<xnnpack::Workspace>()};
  const auto staged =
      StagedEngine::create(maker.payload, maker.finder(), context, &pool, options).value();
  for (const Shape& shape : {Shape{1, 40, 40, 6}, Shape{1, 13, 40, 6}, Shape{1, 7, 5, 6}}) {
    Tensor image = Tensor::zeros(DType::kF32, shape).value();
    std::ranges::copy(xnnpack::sample_elements(static_cast<std::size_t>(shape.num_elements())),
                      image.data<float>());
    const auto run_on = [&](xnnpack::Engine& engine) {
      const Shape output_shape = engine.reshape({&shape, 1}).value()[0];
      Tensor output = Tensor::zeros(DType::kF32, output_shape).value();
      const Tensor* const inputs[] = {&image};
      Tensor* const outputs[] = {&output};
      EXPECT_TRUE(engine.run(inputs, outputs));
      return std::vector<float>(output.data<float>(), output.data<float>() + output.num_elements());
    };
    EXPECT_EQ(run_on(*staged), run_on(*whole));
  }
}

TEST(QuantizedStages, ReadUnsignedImagesThroughXnnpack) {
  Random random(8);
  Example example = make_example(random, {.height = 9, .width = 9});
  xnnpack::Payload& payload = example.maker.payload;
  // What was the input is now made from an unsigned one.
  const std::uint32_t converted =
      example.maker.internal({1, 9, 9, 4}, Datatype::kQInt8, payload.values[0].quant);
  payload.values[0].datatype = Datatype::kQUInt8;
  payload.values[0].quant = PerTensorQuant{0.01f, 100};
  payload.nodes[0].inputs[0] = converted;
  payload.nodes.insert(
      payload.nodes.begin(),
      {.kind = NodeKind::kConvert, .inputs = {payload.values[0].id}, .outputs = {converted}});
  EXPECT_THAT(plan_stages(payload), SizeIs(2));
  ir::KernelContext context;
  const xnnpack::DelegateOptions options{.workspace = std::make_shared<xnnpack::Workspace>()};
  const auto staged =
      StagedEngine::create(payload, example.maker.finder(), context, nullptr, options).value();
  const auto whole = example.maker.create().value();
  const Tensor image = Tensor::view(DType::kU8, example.image.shape(), example.image.bytes());
  EXPECT_EQ(bytes_of(run(*staged, image)), bytes_of(run(*whole, image)));
}

}  // namespace
}  // namespace tessera::runtime
