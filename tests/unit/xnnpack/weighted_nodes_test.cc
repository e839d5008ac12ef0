// SPDX-License-Identifier: MIT
// Every kind with weights in every combination of datatypes that XNNPACK packs.
#include <gtest/gtest.h>

#include <functional>

#include "typed_values.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

/// What a layer reads, how its filter is kept, and what it writes.
struct Combination {
  Datatype activation;  ///< kQDInt8: f32, converted inside the delegate
  Datatype filter;
};

constexpr std::uint32_t kInputs = 64, kOutputs = 24, kGroup = 32;

/// Filter numbers as a constant of the delegate and as numbers that they stand for.
struct Filter {
  std::uint32_t id = 0;
  std::vector<double> numbers;
};

float scale_of_channel(std::size_t channel) { return 0.01f + 0.001f * static_cast<float>(channel); }

/// Integers from -7 to 7 or -127 to 127 times a scale per channel, or per group of one.
class FilterMaker {
 public:
  FilterMaker(PayloadMaker& maker, std::vector<std::uint32_t> dims, std::size_t channel_dim)
      : maker_(maker), dims_(std::move(dims)), channel_dim_(channel_dim) {
    for (const std::uint32_t dim : dims_) count_ *= dim;
    for (std::size_t i = channel_dim_ + 1; i < dims_.size(); ++i) inner_ *= dims_[i];
  }

  Filter make(Datatype datatype) {
    switch (datatype) {
      case Datatype::kF32:
        return make_f32();
      case Datatype::kF16:
        return make_f16();
      case Datatype::kQInt8:
      case Datatype::kQUInt8:
        return make_per_tensor(datatype);
      case Datatype::kQCInt8:
        return make_int8();
      default:
        return make_int4(datatype);
    }
  }

 private:
  std::size_t channel_of(std::size_t element) const {
    return element / inner_ % dims_[channel_dim_];
  }
  int integer(std::size_t element, int largest) const {
    return static_cast<int>(element * 37 % static_cast<std::size_t>(2 * largest + 1)) - largest;
  }
  PerChannelQuant per_channel() const {
    PerChannelQuant quant{.channel_dim = static_cast<std::int32_t>(channel_dim_)};
    for (std::size_t i = 0; i < dims_[channel_dim_]; ++i) {
      quant.scales.push_back(scale_of_channel(i));
    }
    return quant;
  }

  Filter make_f32() {
    std::vector<float> elements = sample_elements(count_, 5);
    return {maker_.constant(dims_, elements), {elements.begin(), elements.end()}};
  }
  Filter make_f16() {
    std::vector<Half> elements;
    Filter filter;
    for (const float element : sample_elements(count_, 5)) {
      elements.push_back(Half(element));
      filter.numbers.push_back(static_cast<float>(elements.back()));
    }
    filter.id = maker_.constant(dims_, elements, Datatype::kF16);
    return filter;
  }
  Filter make_per_tensor(Datatype datatype) {
    const Type type{datatype, {0.01f, datatype == Datatype::kQUInt8 ? 120 : 0}};
    const auto tensor = encode(type, Shape{static_cast<std::int64_t>(count_)},
                               sample_numbers(count_, -1.1, 1.1, 5));
    const std::vector bytes(tensor.bytes(), tensor.bytes() + count_);
    return {maker_.constant(dims_, bytes, datatype, type.params()), decode(type, tensor)};
  }
  Filter make_int8() {
    std::vector<std::int8_t> elements;
    Filter filter;
    for (std::size_t i = 0; i < count_; ++i) {
      elements.push_back(static_cast<std::int8_t>(integer(i, 127)));
      filter.numbers.push_back(elements.back() * double{scale_of_channel(channel_of(i))});
    }
    filter.id = maker_.constant(dims_, elements, Datatype::kQCInt8, per_channel());
    return filter;
  }
  /// [output, input], two per byte, the first in the low half, 8 added.
  Filter make_int4(Datatype datatype) {
    std::vector<std::uint8_t> bytes(count_ / 2);
    Filter filter;
    PerChannelGroupQuant groups{.group_size = kGroup};
    std::vector<std::uint16_t> group_scales;
    for (std::size_t i = 0; i < count_; ++i) {
      const int value = integer(i, 7);
      bytes[i / 2] |= static_cast<std::uint8_t>((value + 8) << (i % 2 * 4));
      double scale = scale_of_channel(channel_of(i));
      if (datatype == Datatype::kQBInt4) {
        scale = 0.0625 * static_cast<double>(1 + i / kGroup % 3);  // exact in bf16
        if (i % kGroup == 0) {
          const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(scale));
          group_scales.push_back(static_cast<std::uint16_t>(bits >> 16));
        }
      }
      filter.numbers.push_back(value * scale);
    }
    QuantParams quant = per_channel();
    if (datatype == Datatype::kQBInt4) {
      groups.num_scales = static_cast<std::uint32_t>(group_scales.size());
      groups.scale_buffer_index = maker_.buffer(group_scales);
      quant = groups;
    }
    filter.id = maker_.constant(dims_, bytes, datatype, quant);
    return filter;
  }

  PayloadMaker& maker_;
  std::vector<std::uint32_t> dims_;
  std::size_t channel_dim_, count_ = 1, inner_ = 1;
};

/// The bias in the type that the combination wants.
Filter make_bias(PayloadMaker& m, const Combination& types, const Type& in_type,
                 std::uint32_t count) {
  Filter bias;
  if (in_type.is_quantized()) {
    std::vector<std::int32_t> elements;
    PerChannelQuant per_channel;
    const bool is_per_channel = types.filter == Datatype::kQCInt8;
    for (std::uint32_t i = 0; i < count; ++i) {
      const float scale = in_type.quant.scale * (is_per_channel ? scale_of_channel(i) : 0.01f);
      per_channel.scales.push_back(scale);
      elements.push_back(static_cast<std::int32_t>(i) * 100 - 900);
      bias.numbers.push_back(elements.back() * double{scale});
    }
    const QuantParams quant = is_per_channel
                                  ? QuantParams(per_channel)
                                  : QuantParams(PerTensorQuant{per_channel.scales[0], 0});
    bias.id = m.constant({count}, elements, is_per_channel ? Datatype::kQCInt32 : Datatype::kQInt32,
                         quant);
    return bias;
  }
  const auto elements = sample_elements(count, 6);
  if (types.filter == Datatype::kF16) {
    std::vector<Half> halves;
    for (const float element : elements) {
      halves.push_back(Half(element));
      bias.numbers.push_back(static_cast<float>(halves.back()));
    }
    bias.id = m.constant({count}, halves, Datatype::kF16);
  } else {
    bias.id = m.constant({count}, elements);
    bias.numbers.assign(elements.begin(), elements.end());
  }
  return bias;
}

/// A layer on an NHWC image or on rows.
struct Layer {
  NodeKind kind;
  std::vector<std::uint32_t> in_dims, out_dims, filter_dims;
  std::size_t channel_dim = 0;
  NodeParams params;
  std::uint32_t flags = 0;
  /// Index of the input and of the filter element of every product that goes into output `i`.
  std::function<void(std::size_t i, const std::function<void(std::size_t, std::size_t)>&)>
      for_products;
};

std::size_t count_of(const std::vector<std::uint32_t>& dims) {
  std::size_t count = 1;
  for (const std::uint32_t dim : dims) count *= dim;
  return count;
}

Shape shape_of(const std::vector<std::uint32_t>& dims) {
  Shape shape;
  for (const std::uint32_t dim : dims) shape.push_back(dim);
  return shape;
}

void check(const Layer& layer, const Combination& types) {
  SCOPED_TRACE(std::format("{} {} x {}", name_of(layer.kind), name_of(types.activation),
                           name_of(types.filter)));
  const bool is_dynamic = types.activation == Datatype::kQDInt8;
  const Type in_type = type_for(is_dynamic ? Datatype::kF32 : types.activation, -1, 1);
  PayloadMaker m;
  auto in = m.input(layer.in_dims, in_type.datatype, in_type.params());

  // The reference first: it gives the range of an 8-bit output.
  const auto input =
      encode(in_type, shape_of(layer.in_dims), sample_numbers(count_of(layer.in_dims), -1, 1, 3));
  PayloadMaker scratch;
  const auto numbers = decode(in_type, input);
  const auto filter_numbers =
      FilterMaker(scratch, layer.filter_dims, layer.channel_dim).make(types.filter).numbers;
  const std::uint32_t num_channels = layer.out_dims.back();
  const bool has_bias =
      types.activation != Datatype::kF32 || types.filter == Datatype::kF32;  // else refused
  auto bias_numbers = make_bias(scratch, types, in_type, num_channels).numbers;
  if (!has_bias) bias_numbers.assign(num_channels, 0);
  std::vector<double> expected, magnitudes;
  for (std::size_t i = 0; i < count_of(layer.out_dims); ++i) {
    double sum = bias_numbers[i % num_channels], magnitude = 0;
    layer.for_products(i, [&](std::size_t from, std::size_t weight) {
      sum += numbers[from] * filter_numbers[weight];
      magnitude += std::abs(filter_numbers[weight]);
    });
    expected.push_back(sum);
    magnitudes.push_back(magnitude);
  }
  const auto [lowest, highest] = std::ranges::minmax(expected);
  const Type out_type = type_for(in_type.datatype, lowest, highest);

  const auto out = m.output(layer.out_dims, out_type.datatype, out_type.params());
  if (is_dynamic) {
    const auto quantized =
        m.internal(layer.in_dims, Datatype::kQDInt8,
                   PerTokenDynamicQuant{layer.kind == NodeKind::kFullyConnected ? 1 : 3});
    m.node(NodeKind::kConvert, {in}, quantized);
    in = quantized;
  }
  const auto filter = FilterMaker(m, layer.filter_dims, layer.channel_dim).make(types.filter);
  const auto bias = make_bias(m, types, in_type, num_channels);
  m.node(layer.kind, {in, filter.id, has_bias ? bias.id : kNoValue}, out, layer.params).flags =
      layer.flags;
  const auto delegate = m.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const auto outputs = run_delegate(**delegate, {input});
  ASSERT_EQ(outputs.size(), 1u);
  const auto found = decode(out_type, outputs[0]);
  if (!is_dynamic) return expect_close(out_type, found, expected);
  // Inputs in [-1, 1] are kept in steps of at most 2/255, each rounded by half a step.
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], magnitudes[i] / 255 + 1e-4) << "element " << i;
  }
}

/// Rows of kInputs numbers to rows of kOutputs.
Layer fully_connected(bool is_transposed) {
  Layer layer{.kind = NodeKind::kFullyConnected,
              .in_dims = {5, kInputs},
              .out_dims = {5, kOutputs},
              .filter_dims = is_transposed ? std::vector<std::uint32_t>{kInputs, kOutputs}
                                           : std::vector<std::uint32_t>{kOutputs, kInputs},
              .channel_dim = is_transposed ? 1uz : 0uz,
              .flags = is_transposed ? kTransposeWeights : 0};
  layer.for_products = [is_transposed](std::size_t i, const auto& add) {
    const std::size_t row = i / kOutputs, channel = i % kOutputs;
    for (std::size_t k = 0; k < kInputs; ++k) {
      add(row * kInputs + k, is_transposed ? k * kOutputs + channel : channel * kInputs + k);
    }
  };
  return layer;
}

constexpr std::uint32_t kHeight = 6, kWidth = 7, kImageInputs = 8;

/// 3x3 with padding 1 and stride 1; depthwise has one filter per channel.
Layer convolution(bool is_depthwise) {
  const std::uint32_t outputs = is_depthwise ? kImageInputs : kOutputs;
  Layer layer{.kind = is_depthwise ? NodeKind::kDepthwiseConv2d : NodeKind::kConv2d,
              .in_dims = {1, kHeight, kWidth, kImageInputs},
              .out_dims = {1, kHeight, kWidth, outputs},
              .filter_dims = is_depthwise
                                 ? std::vector<std::uint32_t>{1, 3, 3, kImageInputs}
                                 : std::vector<std::uint32_t>{kOutputs, 3, 3, kImageInputs},
              .channel_dim = is_depthwise ? 3uz : 0uz,
              .params = ConvolutionParams{.padding_top = 1,
                                          .padding_right = 1,
                                          .padding_bottom = 1,
                                          .padding_left = 1,
                                          .kernel_height = 3,
                                          .kernel_width = 3,
                                          .group_input_channels = is_depthwise ? 1 : kImageInputs,
                                          .group_output_channels = is_depthwise ? 1 : kOutputs,
                                          .groups = is_depthwise ? kImageInputs : 1}};
  layer.for_products = [is_depthwise, outputs](std::size_t i, const auto& add) {
    const std::size_t channel = i % outputs, x = i / outputs % kWidth, y = i / outputs / kWidth;
    for (std::size_t tap = 0; tap < 9; ++tap) {
      const std::size_t from_y = y + tap / 3 - 1, from_x = x + tap % 3 - 1;
      if (from_y >= kHeight || from_x >= kWidth) continue;  // also -1, which wraps around
      const std::size_t pixel = (from_y * kWidth + from_x) * kImageInputs;
      if (is_depthwise) {
        add(pixel + channel, tap * kImageInputs + channel);
        continue;
      }
      for (std::size_t k = 0; k < kImageInputs; ++k) {
        add(pixel + k, (channel * 9 + tap) * kImageInputs + k);
      }
    }
  };
  return layer;
}

/// 2x2 with stride 2 (each output has one tap), or 3x3 with stride 1.
Layer transposed_convolution(std::uint32_t stride) {
  const std::uint32_t kernel = stride == 1 ? 3 : 2;
  const std::uint32_t height = (kHeight - 1) * stride + kernel;
  const std::uint32_t width = (kWidth - 1) * stride + kernel;
  Layer layer{.kind = NodeKind::kConvTranspose2d,
              .in_dims = {1, kHeight, kWidth, kImageInputs},
              .out_dims = {1, height, width, kOutputs},
              .filter_dims = {kOutputs, kernel, kernel, kImageInputs},
              .params = ConvolutionParams{.kernel_height = kernel,
                                          .kernel_width = kernel,
                                          .subsampling_height = stride,
                                          .subsampling_width = stride,
                                          .group_input_channels = kImageInputs,
                                          .group_output_channels = kOutputs}};
  layer.for_products = [=](std::size_t i, const auto& add) {
    const std::size_t channel = i % kOutputs, x = i / kOutputs % width, y = i / kOutputs / width;
    for (std::size_t tap_y = 0; tap_y < kernel; ++tap_y) {
      for (std::size_t tap_x = 0; tap_x < kernel; ++tap_x) {
        if (y < tap_y || x < tap_x || (y - tap_y) % stride != 0 || (x - tap_x) % stride != 0) {
          continue;
        }
        const std::size_t from_y = (y - tap_y) / stride, from_x = (x - tap_x) / stride;
        if (from_y >= kHeight || from_x >= kWidth) continue;
        for (std::size_t k = 0; k < kImageInputs; ++k) {
          add((from_y * kWidth + from_x) * kImageInputs + k,
              ((channel * kernel + tap_y) * kernel + tap_x) * kImageInputs + k);
        }
      }
    }
  };
  return layer;
}

using enum Datatype;

TEST(WeightedNodes, FullyConnectedComputesWhatTheReferenceDoes) {
  for (const Combination& types : std::vector<Combination>{{kF32, kF32},
                                                           {kF16, kF16},
                                                           {kF16, kF32},
                                                           {kF32, kQCInt8},
                                                           {kF32, kQCInt4},
                                                           {kQDInt8, kQCInt8},
                                                           {kQDInt8, kQCInt4},
                                                           {kQDInt8, kQBInt4},
                                                           {kQInt8, kQCInt8},
                                                           {kQUInt8, kQUInt8}}) {
    check(fully_connected(/*is_transposed=*/false), types);
  }
  for (const Combination& types :
       std::vector<Combination>{{kF32, kF32}, {kQInt8, kQCInt8}, {kQDInt8, kQCInt8}}) {
    check(fully_connected(/*is_transposed=*/true), types);
  }
}

TEST(WeightedNodes, ConvolutionsComputeWhatTheReferenceDoes) {
  const std::vector<Combination> combinations = {
      {kF32, kF32}, {kF16, kF32}, {kQInt8, kQInt8}, {kQInt8, kQCInt8}, {kQUInt8, kQUInt8}};
  for (const Combination& types : combinations) {
    check(convolution(/*is_depthwise=*/false), types);
    check(convolution(/*is_depthwise=*/true), types);
    check(transposed_convolution(/*stride=*/1), types);
    check(transposed_convolution(/*stride=*/2), types);
  }
  check(convolution(/*is_depthwise=*/false), {kQDInt8, kQCInt8});
  check(transposed_convolution(/*stride=*/1), {kQDInt8, kQCInt8});
  check(transposed_convolution(/*stride=*/2), {kQDInt8, kQCInt8});
}

}  // namespace
}  // namespace tessera::xnnpack
