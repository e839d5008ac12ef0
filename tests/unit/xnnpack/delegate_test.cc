// SPDX-License-Identifier: MIT
#include "xnnpack/delegate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>

#include "payload_maker.h"
#include "run_delegate.h"

namespace tessera::xnnpack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor sample_tensor(const Shape& shape, std::uint32_t seed = 7) {
  const auto elements = sample_elements(static_cast<std::size_t>(shape.num_elements()), seed);
  return Tensor::of<float>(shape, elements);
}

void expect_near(const Tensor& found, const Tensor& expected, float tolerance = 1e-5f) {
  ASSERT_EQ(found.shape().to_string(), expected.shape().to_string());
  for (std::int64_t i = 0; i < found.num_elements(); ++i) {
    ASSERT_NEAR(found.data<float>()[i], expected.data<float>()[i], tolerance) << "element " << i;
  }
}

float at(const Tensor& image, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
  return image.data<float>()[((n * image.size(1) + c) * image.size(2) + y) * image.size(3) + x];
}

Tensor make_image(const Shape& shape,
                  const std::function<float(std::int64_t n, std::int64_t c, std::int64_t y,
                                            std::int64_t x)>& element) {
  auto image = Tensor::empty(DType::kF32, shape).value();
  float* to = image.data<float>();
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t c = 0; c < shape[1]; ++c) {
      for (std::int64_t y = 0; y < shape[2]; ++y) {
        for (std::int64_t x = 0; x < shape[3]; ++x) *to++ = element(n, c, y, x);
      }
    }
  }
  return image;
}

/// What sample_convolution() computes.
Tensor expected_convolution(const Tensor& in) {
  const auto filter = sample_elements(54), bias = sample_elements(3, 2);
  const Shape shape{in.size(0), 3, in.size(2), in.size(3)};
  return make_image(shape, [&](auto n, auto c, auto y, auto x) {
    double sum = bias[static_cast<std::size_t>(c)];
    for (std::int64_t ky = 0; ky < 3; ++ky) {
      for (std::int64_t kx = 0; kx < 3; ++kx) {
        const auto from_y = y + ky - 1, from_x = x + kx - 1;
        if (from_y < 0 || from_y >= shape[2] || from_x < 0 || from_x >= shape[3]) continue;
        for (std::int64_t i = 0; i < 2; ++i) {
          sum += at(in, n, i, from_y, from_x) *
                 filter[static_cast<std::size_t>(((c * 3 + ky) * 3 + kx) * 2 + i)];
        }
      }
    }
    return static_cast<float>(sum);
  });
}

TEST(Delegate, ConvolvesAtAnySizeBelowTheBoundAndBack) {
  auto maker = sample_convolution();
  auto delegate = maker.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  EXPECT_EQ((*delegate)->num_inputs(), 1u);
  EXPECT_EQ((*delegate)->num_outputs(), 1u);
  for (const auto& shape : {Shape{1, 2, 5, 7}, Shape{1, 2, 64, 64}, Shape{1, 2, 1, 1},
                            Shape{1, 2, 33, 3}, Shape{1, 2, 5, 7}}) {
    const auto in = sample_tensor(shape);
    const auto out = run_delegate(**delegate, {in});
    ASSERT_EQ(out.size(), 1u);
    expect_near(out[0], expected_convolution(in));
  }
}

TEST(Delegate, GivesTheSameBitsWithThreads) {
  auto maker = sample_convolution();
  ThreadPool pool(2);
  auto with_threads = maker.create(&pool);
  ASSERT_TRUE(with_threads);
  auto other = sample_convolution();
  auto without = other.create();
  ASSERT_TRUE(without);
  const auto in = sample_tensor({1, 2, 61, 64});
  const auto a = run_delegate(**with_threads, {in}), b = run_delegate(**without, {in});
  EXPECT_TRUE(std::ranges::equal(a[0].elements<float>(), b[0].elements<float>()));
}

TEST(Delegate, FollowsNewAddresses) {
  auto maker = sample_convolution();
  auto delegate = maker.create();
  ASSERT_TRUE(delegate);
  const auto first = sample_tensor({1, 2, 9, 9}, 1), second = sample_tensor({1, 2, 9, 9}, 2);
  expect_near(run_delegate(**delegate, {first})[0], expected_convolution(first));
  expect_near(run_delegate(**delegate, {second})[0], expected_convolution(second));
}

/// Nodes on an NHWC image, called at several sizes.
struct ImageCase {
  const char* name;
  std::vector<std::uint32_t> out_dims;
  std::function<void(PayloadMaker&, std::uint32_t in, std::uint32_t out)> make;
  std::function<Tensor(const Tensor& in)> expected;  ///< NCHW to NCHW
};

constexpr std::uint32_t kChannels = 5;

std::vector<ImageCase> image_cases() {
  const auto filter = sample_elements(2 * 3 * 3 * kChannels), bias = sample_elements(10, 3);
  const auto scale = sample_elements(kChannels, 4);
  return {
      {"depthwise convolution, multiplier 2, stride 2",
       {1, 31, 31, 2 * kChannels},
       [=](PayloadMaker& m, auto in, auto out) {
         m.node(
              NodeKind::kDepthwiseConv2d,
              {in, m.constant({1, 3, 3, 2 * kChannels}, filter), m.constant({2 * kChannels}, bias)},
              out,
              ConvolutionParams{.kernel_height = 3,
                                .kernel_width = 3,
                                .subsampling_height = 2,
                                .subsampling_width = 2,
                                .group_output_channels = 2,
                                .groups = kChannels})
             .output_min = 0;
       },
       [=](const Tensor& in) {
         const Shape shape{1, 2 * kChannels, (in.size(2) - 3) / 2 + 1, (in.size(3) - 3) / 2 + 1};
         return make_image(shape, [&](auto n, auto c, auto y, auto x) {
           double sum = bias[static_cast<std::size_t>(c)];
           for (std::int64_t k = 0; k < 9; ++k) {
             sum += at(in, n, c / 2, 2 * y + k / 3, 2 * x + k % 3) *
                    filter[static_cast<std::size_t>(k * 2 * kChannels + c)];
           }
           return std::max(0.0f, static_cast<float>(sum));
         });
       }},
      {"addition of a constant per channel, clamped",
       {1, 64, 64, kChannels},
       [=](PayloadMaker& m, auto in, auto out) {
         auto& node = m.node(NodeKind::kAdd, {in, m.constant({kChannels}, scale)}, out);
         node.output_min = -0.5f;
         node.output_max = 0.25f;
       },
       [=](const Tensor& in) {
         return make_image(in.shape(), [&](auto n, auto c, auto y, auto x) {
           return std::clamp(at(in, n, c, y, x) + scale[static_cast<std::size_t>(c)], -0.5f, 0.25f);
         });
       }},
      {"clamp of a product with itself",
       {1, 64, 64, kChannels},
       [](PayloadMaker& m, auto in, auto out) {
         const auto product = m.internal({1, 64, 64, kChannels});
         m.node(NodeKind::kMultiply, {in, in}, product);
         auto& node = m.node(NodeKind::kClamp, {product}, out);
         node.output_min = 0.125f;
         node.output_max = 0.5f;
       },
       [](const Tensor& in) {
         return make_image(in.shape(), [&](auto n, auto c, auto y, auto x) {
           return std::clamp(at(in, n, c, y, x) * at(in, n, c, y, x), 0.125f, 0.5f);
         });
       }},
      {"max pooling with padding",
       {1, 32, 32, kChannels},
       [](PayloadMaker& m, auto in, auto out) {
         m.node(NodeKind::kMaxPooling2d, {in}, out,
                PoolingParams{.padding_top = 1,
                              .padding_right = 1,
                              .padding_bottom = 1,
                              .padding_left = 1,
                              .pooling_height = 3,
                              .pooling_width = 3,
                              .stride_height = 2,
                              .stride_width = 2});
       },
       [](const Tensor& in) {
         const Shape shape{1, kChannels, (in.size(2) - 1) / 2 + 1, (in.size(3) - 1) / 2 + 1};
         return make_image(shape, [&](auto n, auto c, auto y, auto x) {
           float most = -INFINITY;
           for (std::int64_t k = 0; k < 9; ++k) {
             const auto from_y = 2 * y + k / 3 - 1, from_x = 2 * x + k % 3 - 1;
             if (from_y < 0 || from_y >= in.size(2) || from_x < 0 || from_x >= in.size(3)) continue;
             most = std::max(most, at(in, n, c, from_y, from_x));
           }
           return most;
         });
       }},
      {"average pooling",
       {1, 32, 32, kChannels},
       [](PayloadMaker& m, auto in, auto out) {
         m.node(
             NodeKind::kAvgPooling2d, {in}, out,
             PoolingParams{
                 .pooling_height = 2, .pooling_width = 2, .stride_height = 2, .stride_width = 2});
       },
       [](const Tensor& in) {
         const Shape shape{1, kChannels, in.size(2) / 2, in.size(3) / 2};
         return make_image(shape, [&](auto n, auto c, auto y, auto x) {
           return (at(in, n, c, 2 * y, 2 * x) + at(in, n, c, 2 * y, 2 * x + 1) +
                   at(in, n, c, 2 * y + 1, 2 * x) + at(in, n, c, 2 * y + 1, 2 * x + 1)) /
                  4;
         });
       }},
      {"global average pooling",
       {1, 1, 1, kChannels},
       [](PayloadMaker& m, auto in, auto out) {
         m.node(NodeKind::kGlobalAvgPooling2d, {in}, out).flags = 0x40;
       },
       [](const Tensor& in) {
         return make_image({1, kChannels, 1, 1}, [&](auto n, auto c, auto, auto) {
           double sum = 0;
           const auto pixels = in.size(2) * in.size(3);
           for (std::int64_t i = 0; i < pixels; ++i) sum += at(in, n, c, 0, i);
           return static_cast<float>(sum / static_cast<double>(pixels));
         });
       }},
      {"transposed convolution, stride 2",
       {1, 128, 128, 2},
       [=](PayloadMaker& m, auto in, auto out) {
         m.node(NodeKind::kConvTranspose2d,
                {in, m.constant({2, 2, 2, kChannels}, sample_elements(8 * kChannels)), kNoValue},
                out,
                ConvolutionParams{.kernel_height = 2,
                                  .kernel_width = 2,
                                  .subsampling_height = 2,
                                  .subsampling_width = 2,
                                  .group_input_channels = kChannels,
                                  .group_output_channels = 2});
       },
       [](const Tensor& in) {
         const auto weights = sample_elements(8 * kChannels);
         return make_image(
             {1, 2, 2 * in.size(2), 2 * in.size(3)}, [&](auto n, auto c, auto y, auto x) {
               double sum = 0;
               for (std::int64_t i = 0; i < kChannels; ++i) {
                 const auto weight = ((c * 2 + y % 2) * 2 + x % 2) * kChannels + i;
                 sum += at(in, n, i, y / 2, x / 2) * weights[static_cast<std::size_t>(weight)];
               }
               return static_cast<float>(sum);
             });
       }},
      {"concatenation with its own negation, sliced",
       {1, 64, 64, kChannels},
       [](PayloadMaker& m, auto in, auto out) {
         const auto negated = m.internal({1, 64, 64, kChannels});
         const auto both = m.internal({1, 64, 64, 2 * kChannels});
         m.node(NodeKind::kNegate, {in}, negated);
         m.node(NodeKind::kConcatenate2, {in, negated}, both, ConcatenateParams{3});
         m.node(NodeKind::kStaticSlice, {both}, out,
                SliceParams{{0, 0, 0, 2}, {0, 0, 0, kChannels}});
       },
       [](const Tensor& in) {
         return make_image(in.shape(), [&](auto n, auto c, auto y, auto x) {
           const auto from = c + 2;
           return from < kChannels ? at(in, n, from, y, x) : -at(in, n, from - kChannels, y, x);
         });
       }},
  };
}

TEST(Delegate, NodesComputeWhatTheReferenceDoes) {
  for (const auto& test : image_cases()) {
    SCOPED_TRACE(test.name);
    PayloadMaker m;
    const auto in = m.input({1, kChannels, 64, 64});
    const auto out = m.output({1, test.out_dims[3], test.out_dims[1], test.out_dims[2]});
    const auto in_nhwc = m.internal({1, 64, 64, kChannels}), out_nhwc = m.internal(test.out_dims);
    m.node(NodeKind::kStaticTranspose, {in}, in_nhwc, TransposeParams{{0, 2, 3, 1}});
    test.make(m, in_nhwc, out_nhwc);
    m.node(NodeKind::kStaticTranspose, {out_nhwc}, out, TransposeParams{{0, 3, 1, 2}});
    auto delegate = m.create();
    ASSERT_TRUE(delegate) << delegate.error().to_string();
    for (const auto& shape : {Shape{1, kChannels, 8, 12}, Shape{1, kChannels, 63, 40},
                              Shape{1, kChannels, 3, 5}, Shape{1, kChannels, 63, 40}}) {
      const auto image = sample_tensor(shape);
      const auto outputs = run_delegate(**delegate, {image});
      ASSERT_EQ(outputs.size(), 1u);
      expect_near(outputs[0], test.expected(image));
    }
  }
}

TEST(Delegate, ReturnsOutputsInOrder) {
  PayloadMaker m;
  const auto a = m.input({4}), b = m.input({4});
  const auto sum = m.output({4}), difference = m.output({4});
  m.node(NodeKind::kSubtract, {a, b}, difference);
  m.node(NodeKind::kAdd, {a, b}, sum);
  auto delegate = m.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const auto outputs = run_delegate(**delegate, {Tensor::of<float>({2}, std::vector<float>{5, 7}),
                                                 Tensor::of<float>({2}, std::vector<float>{2, 3})});
  EXPECT_THAT(outputs[0].elements<float>(), ElementsAre(7, 10));
  EXPECT_THAT(outputs[1].elements<float>(), ElementsAre(3, 4));
}

/// XNNPACK alone would abort here.
TEST(Delegate, LeavesOutNodesThatNobodyReads) {
  PayloadMaker m;
  const auto in = m.input({4}), out = m.output({4});
  const auto unused = m.internal({4}), also_unused = m.internal({4});
  m.node(NodeKind::kAbs, {in}, out);
  m.node(NodeKind::kNegate, {in}, unused);
  m.node(NodeKind::kSquare, {unused}, also_unused);
  auto delegate = m.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const auto outputs =
      run_delegate(**delegate, {Tensor::of<float>({3}, std::vector<float>{-1, 0, 2})});
  EXPECT_THAT(outputs[0].elements<float>(), ElementsAre(1, 0, 2));
}

TEST(Delegate, RefusesSizesThatDoNotFitAndWorksAfterwards) {
  auto maker = sample_convolution();
  auto delegate = maker.create();
  ASSERT_TRUE(delegate);
  for (const auto& shape : {Shape{1, 3, 8, 8}, Shape{1, 2, 8}, Shape{1, 2, 0, 8},
                            Shape{1, 2, std::int64_t{1} << 40, std::int64_t{1} << 40}}) {
    const std::vector<Shape> shapes{shape};
    const auto result = (*delegate)->reshape(shapes);
    ASSERT_FALSE(result) << shape.to_string();
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE((*delegate)->reshape({}));
  const auto in = sample_tensor({1, 2, 6, 6});
  expect_near(run_delegate(**delegate, {in})[0], expected_convolution(in));
}

TEST(Delegate, RefusesMissingAndShortNamedData) {
  auto missing = sample_convolution();
  missing.named_data.erase("constant1");
  const auto no_data = missing.create();
  ASSERT_FALSE(no_data);
  EXPECT_EQ(no_data.error().code, ErrorCode::kNotFound);
  auto cut = sample_convolution();
  cut.named_data["constant2"].resize(8);
  const auto short_data = cut.create();
  ASSERT_FALSE(short_data);
  EXPECT_THAT(short_data.error().message, HasSubstr("'constant2' has 8 bytes, expected 12"));
}

TEST(Delegate, NamesTheNodeThatXnnpackRefuses) {
  PayloadMaker m;
  const auto in = m.input({1, 8, 8, 4}), out = m.output({1, 8, 8, 4});
  m.node(NodeKind::kMaxPooling2d, {in}, out, PoolingParams{});
  const auto delegate = m.create();
  ASSERT_FALSE(delegate);
  EXPECT_EQ(delegate.error().code, ErrorCode::kNotSupported);
  EXPECT_THAT(delegate.error().message, HasSubstr("node 0 (MaxPooling2d)"));
}

/// Resident memory of this process.
std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST(Delegate, TakesMemoryForTheSizesThatComeNotForTheBound) {
  constexpr std::size_t kMebibyte = 1 << 20;
  auto maker = sample_convolution();
  for (auto& value : maker.payload.values) {
    for (auto& dim : value.dims) {
      if (dim == 64) dim = 16384;
    }
  }
  const std::size_t before = resident_bytes();
  auto delegate = maker.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  const auto in = sample_tensor({1, 2, 64, 64});
  expect_near(run_delegate(**delegate, {in})[0], expected_convolution(in));
  EXPECT_LT(resident_bytes(), before + 16 * kMebibyte);
  const auto memory = (*delegate)->memory();
  EXPECT_GT(memory.packed_weight_bytes, 0u);
  EXPECT_GT(memory.workspace_bytes, 5u * 64 * 64 * sizeof(float));  // both NHWC images
  EXPECT_LT(memory.workspace_bytes, kMebibyte);
}

}  // namespace
}  // namespace tessera::xnnpack
