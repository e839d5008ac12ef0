// SPDX-License-Identifier: MIT
// Every kind that moves, pools or combines elements, in every datatype it can, against a reference;
// and what this XNNPACK cannot do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "typed_values.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

using ::testing::HasSubstr;
using enum Datatype;
using Numbers = std::vector<double>;

const std::vector<Datatype> kFloats = {kF32, kF16};
const std::vector<Datatype> kAll = {kF32, kF16, kQInt8, kQUInt8};

/// One node on inputs of the same type, whose result has that type, too.
struct Case {
  NodeKind kind;
  std::vector<Datatype> datatypes;
  std::vector<Shape> inputs;
  Shape output;
  std::function<Numbers(const std::vector<Numbers>&)> reference;
  NodeParams params = {};
  std::uint32_t flags = 0;
};

std::vector<std::uint32_t> dims_of(const Shape& shape) {
  std::vector<std::uint32_t> dims;
  for (const std::int64_t size : shape) dims.push_back(static_cast<std::uint32_t>(size));
  return dims;
}

/// The element of an NHWC image with batch 1.
struct Image {
  const Numbers& numbers;
  std::size_t height, width, channels;

  double at(std::size_t y, std::size_t x, std::size_t c) const {
    return numbers[(y * width + x) * channels + c];
  }
};

/// Calls `element` for each place of a result of these sizes.
Numbers fill(const Shape& shape,
             const std::function<double(const std::vector<std::size_t>&)>& element) {
  Numbers numbers;
  for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
    std::vector<std::size_t> place(shape.rank());
    auto rest = static_cast<std::size_t>(i);
    for (std::size_t dim = shape.rank(); dim-- > 0;) {
      place[dim] = rest % static_cast<std::size_t>(shape[dim]);
      rest /= static_cast<std::size_t>(shape[dim]);
    }
    numbers.push_back(element(place));
  }
  return numbers;
}

const Shape kImage{1, 6, 8, 5};
Image image_of(const Numbers& numbers) { return {numbers, 6, 8, 5}; }

Case concatenation(NodeKind kind, std::size_t count) {
  const auto width = static_cast<std::int64_t>(count);
  return {kind,
          kAll,
          std::vector<Shape>(count, Shape{2, 3}),
          Shape{2, 3 * width},
          [=](const std::vector<Numbers>& in) {
            return fill(Shape{2, 3 * width}, [&](const auto& place) {
              return in[place[1] / 3][place[0] * 3 + place[1] % 3];
            });
          },
          ConcatenateParams{1}};
}

std::vector<Case> moving_cases() {
  std::vector<Case> cases = {
      {NodeKind::kStaticTranspose,
       kAll,
       {Shape{2, 3, 4}},
       Shape{4, 2, 3},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{4, 2, 3}, [&](const auto& place) {
           return in[0][(place[1] * 3 + place[2]) * 4 + place[0]];
         });
       },
       TransposeParams{{2, 0, 1}}},
      {NodeKind::kStaticReshape,
       kAll,
       {Shape{2, 3, 4}},
       Shape{6, 4},
       [](const std::vector<Numbers>& in) { return in[0]; },
       ReshapeParams{{0, 4}}},
      {NodeKind::kStaticSlice,
       kAll,
       {Shape{4, 5}},
       Shape{2, 3},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{2, 3},
                     [&](const auto& place) { return in[0][(place[0] + 1) * 5 + place[1] + 2]; });
       },
       SliceParams{{1, 2}, {2, 3}}},
      {NodeKind::kStaticConstantPad,
       kAll,
       {Shape{2, 3}},
       Shape{3, 6},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{3, 6}, [&](const auto& place) {
           const bool is_inside = place[0] >= 1 && place[1] >= 2 && place[1] < 5;
           return is_inside ? in[0][(place[0] - 1) * 3 + place[1] - 2] : 0.5;
         });
       },
       ConstantPadParams{{1, 2}, {0, 1}, 0.5f}},
  };
  cases.push_back(concatenation(NodeKind::kConcatenate2, 2));
  cases.push_back(concatenation(NodeKind::kConcatenate3, 3));
  cases.push_back(concatenation(NodeKind::kConcatenate4, 4));
  cases.push_back(concatenation(NodeKind::kConcatenate5, 5));
  return cases;
}

std::vector<Case> image_cases() {
  return {
      {NodeKind::kMaxPooling2d,
       kAll,
       {kImage},
       Shape{1, 3, 4, 5},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{1, 3, 4, 5}, [&](const auto& place) {
           double most = -1e30;
           for (std::size_t i = 0; i < 4; ++i) {
             most = std::max(
                 most, image_of(in[0]).at(2 * place[1] + i / 2, 2 * place[2] + i % 2, place[3]));
           }
           return most;
         });
       },
       PoolingParams{
           .pooling_height = 2, .pooling_width = 2, .stride_height = 2, .stride_width = 2}},
      {NodeKind::kAvgPooling2d,
       kFloats,
       {kImage},
       Shape{1, 4, 6, 5},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{1, 4, 6, 5}, [&](const auto& place) {
           double sum = 0;
           for (std::size_t i = 0; i < 9; ++i) {
             sum += image_of(in[0]).at(place[1] + i / 3, place[2] + i % 3, place[3]);
           }
           return sum / 9;
         });
       },
       PoolingParams{.pooling_height = 3, .pooling_width = 3}},
      {NodeKind::kGlobalAvgPooling2d,
       kAll,
       {kImage},
       Shape{1, 1, 1, 5},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{1, 1, 1, 5}, [&](const auto& place) {
           double sum = 0;
           for (std::size_t i = 0; i < 48; ++i) sum += in[0][i * 5 + place[3]];
           return sum / 48;
         });
       },
       {},
       kKeepDims},
      {NodeKind::kStaticResizeBilinear2D,
       kAll,
       {kImage},
       Shape{1, 11, 15, 5},
       [](const std::vector<Numbers>& in) {  // corners on corners: half a pixel per pixel
         return fill(Shape{1, 11, 15, 5}, [&](const auto& place) {
           double sum = 0;
           for (std::size_t i = 0; i < 4; ++i) {
             sum += image_of(in[0]).at((place[1] + i / 2) / 2, (place[2] + i % 2) / 2, place[3]);
           }
           return sum / 4;
         });
       },
       ResizeParams{11, 15},
       kAlignCorners},
      {NodeKind::kSoftmax,
       kFloats,
       {Shape{3, 7}},
       Shape{3, 7},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{3, 7}, [&](const auto& place) {
           double sum = 0;
           for (std::size_t i = 0; i < 7; ++i) sum += std::exp(in[0][place[0] * 7 + i]);
           return std::exp(in[0][place[0] * 7 + place[1]]) / sum;
         });
       }},
      {NodeKind::kBatchMatrixMultiply,
       kFloats,
       {Shape{2, 3, 4}, Shape{2, 4, 6}},
       Shape{2, 3, 6},
       [](const std::vector<Numbers>& in) {
         return fill(Shape{2, 3, 6}, [&](const auto& place) {
           double sum = 0;
           for (std::size_t k = 0; k < 4; ++k) {
             sum += in[0][(place[0] * 3 + place[1]) * 4 + k] *
                    in[1][(place[0] * 4 + k) * 6 + place[2]];
           }
           return sum;
         });
       }},
  };
}

void check(const Case& test, Datatype datatype) {
  SCOPED_TRACE(std::format("{} {}", name_of(test.kind), name_of(datatype)));
  const Type type = type_for(datatype, -1, 1);
  PayloadMaker m;
  std::vector<std::uint32_t> ids;
  std::vector<Tensor> inputs;
  std::vector<Numbers> numbers;
  for (const Shape& shape : test.inputs) {
    ids.push_back(m.input(dims_of(shape), datatype, type.params()));
    inputs.push_back(encode(type, shape,
                            sample_numbers(static_cast<std::size_t>(shape.num_elements()), -1, 1,
                                           static_cast<std::uint32_t>(ids.size()))));
    numbers.push_back(decode(type, inputs.back()));
  }
  const auto out = m.output(dims_of(test.output), datatype, type.params());
  m.node(test.kind, ids, out, test.params).flags = test.flags;
  const auto delegate = m.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const auto outputs = run_delegate(**delegate, inputs);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].shape().to_string(), test.output.to_string());
  expect_close(type, decode(type, outputs[0]), test.reference(numbers));
}

TEST(ShapedNodes, MoveElements) {
  for (const Case& test : moving_cases()) {
    for (const Datatype datatype : test.datatypes) check(test, datatype);
  }
}

TEST(ShapedNodes, PoolResizeAndCombine) {
  for (const Case& test : image_cases()) {
    for (const Datatype datatype : test.datatypes) check(test, datatype);
  }
}

TEST(ShapedNodes, ArgMaxPoolingGivesValuesAndPlaces) {
  PayloadMaker m;
  const auto in = m.input({1, 4, 6, 2});
  const auto values = m.output({1, 2, 2, 2});
  const auto places = m.output({1, 2, 2, 2}, Datatype::kInt32);
  auto& node =
      m.node(NodeKind::kArgMaxPooling2d, {in}, values,
             PoolingParams{
                 .pooling_height = 2, .pooling_width = 3, .stride_height = 2, .stride_width = 3});
  node.outputs.push_back(places);
  const auto delegate = m.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const Type type;
  const auto input = encode(type, {1, 4, 6, 2}, sample_numbers(48, -1, 1, 3));
  const auto numbers = decode(type, input);
  const auto outputs = run_delegate(**delegate, {input});
  ASSERT_EQ(outputs.size(), 2u);
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t channel = i % 2, x = i / 2 % 2, y = i / 4;
    std::size_t best = 0;
    const auto at = [&](std::size_t place) {
      return numbers[((2 * y + place / 3) * 6 + 3 * x + place % 3) * 2 + channel];
    };
    for (std::size_t place = 1; place < 6; ++place) {
      if (at(place) > at(best)) best = place;
    }
    EXPECT_EQ(outputs[0].data<float>()[i], static_cast<float>(at(best)));
    const std::size_t by_columns = best % 3 * 2 + best / 3;  // so XNNPACK numbers a window
    EXPECT_EQ(outputs[1].data<std::int32_t>()[i], static_cast<std::int32_t>(by_columns));
  }
}

/// What cannot run is known when it is loaded, by the node's name.
TEST(ShapedNodes, ThatXnnpackCannotRunAreRefusedByName) {
  struct Refused {
    const char* message;
    std::function<void(PayloadMaker&)> make;
  };
  const auto pooling = [](NodeKind kind, const PoolingParams& params) {
    return [=](PayloadMaker& m) {
      const auto in = m.input({1, 8, 8, 4});
      const auto out = m.output({1, 8, 8, 4});
      auto& node = m.node(kind, {in}, out, params);
      if (kind != NodeKind::kArgMaxPooling2d) return;
      node.outputs.push_back(m.output({1, 8, 8, 4}, Datatype::kInt32));
    };
  };
  const Refused cases[] = {
      {"MaxPooling2d", pooling(NodeKind::kMaxPooling2d, PoolingParams{})},
      {"MaxPooling2d", pooling(NodeKind::kMaxPooling2d, PoolingParams{.pooling_height = 2,
                                                                      .pooling_width = 2,
                                                                      .stride_height = 3,
                                                                      .stride_width = 3})},
      {"ArgMaxPooling2d", pooling(NodeKind::kArgMaxPooling2d, PoolingParams{})},
      {"ArgMaxPooling2d",
       [](PayloadMaker& m) {  // the indices are of no use to anyone
         const auto in = m.input({1, 8, 8, 4}), out = m.output({1, 4, 4, 4});
         const auto indices = m.internal({1, 4, 4, 4}, Datatype::kInt32);
         m.node(NodeKind::kArgMaxPooling2d, {in}, out,
                PoolingParams{.pooling_height = 2, .pooling_width = 2})
             .outputs.push_back(indices);
       }},
      {"FullyConnected",
       [](PayloadMaker& m) {
         const auto in = m.input({1, 2}), out = m.output({1, 1});
         const auto filter = m.constant({1, 2}, std::vector<std::int8_t>{1, 2}, Datatype::kQCInt8,
                                        PerChannelQuant{.scales = {0.5f}});
         m.node(NodeKind::kFullyConnected, {in, filter, m.constant({1}, std::vector<float>{1})},
                out);
       }},
      {"ScaledDotProductAttention",
       [](PayloadMaker& m) {
         std::vector<std::uint32_t> ids;
         for (int i = 0; i < 5; ++i) ids.push_back(m.input({1, 1, 4, 4}));
         m.node(NodeKind::kScaledDotProductAttention, ids, m.output({1, 1, 4, 4}));
       }},
      {"Conv2d",
       [](PayloadMaker& m) {
         const auto in = m.input({1, 4, 4, 2}, Datatype::kF16);
         const auto out = m.output({1, 4, 4, 2}, Datatype::kF16);
         const auto filter =
             m.constant({2, 1, 1, 2}, std::vector<Half>(4, Half(1.0f)), Datatype::kF16);
         m.node(NodeKind::kConv2d, {in, filter, kNoValue}, out,
                ConvolutionParams{.group_input_channels = 2, .group_output_channels = 2});
       }},
      {"Softmax",
       [](PayloadMaker& m) {
         const PerTensorQuant quant{0.1f, 0};
         const auto in = m.input({2, 3}, Datatype::kQInt8, quant);
         m.node(NodeKind::kSoftmax, {in}, m.output({2, 3}, Datatype::kQInt8, quant));
       }},
      {"StaticTranspose", [](PayloadMaker& m) {
         const auto in = m.input({2, 3}, Datatype::kQInt8, PerTensorQuant{0.1f, 0});
         m.node(NodeKind::kStaticTranspose, {in},
                m.output({3, 2}, Datatype::kQInt8, PerTensorQuant{0.2f, 0}),
                TransposeParams{{1, 0}});
       }}};
  for (const Refused& test : cases) {
    SCOPED_TRACE(test.message);
    PayloadMaker m;
    test.make(m);
    const auto delegate = m.create();
    ASSERT_FALSE(delegate);
    EXPECT_EQ(delegate.error().code, ErrorCode::kNotSupported) << delegate.error().to_string();
    EXPECT_THAT(delegate.error().message, HasSubstr(std::format("node 0 ({})", test.message)));
  }
}

}  // namespace
}  // namespace tessera::xnnpack
