// SPDX-License-Identifier: MIT
#include "xnnpack/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "payload_maker.h"
#include "payload_text.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

/// One node of every form, with numbers that differ from each other and from defaults.
PayloadMaker every_form() {
  PayloadMaker m;
  const auto in = m.input({1, 8, 8, 4}), vector = m.input({2, 6});
  const auto out = m.output({1, 4, 4, 4});
  const auto same = [&] { return m.internal({1, 8, 8, 4}); };
  const auto a = same(), b = same(), c = same(), d = same(), e = same(), f = same(), g = same();
  m.node(NodeKind::kClamp, {in}, a).output_max = 6;
  m.node(NodeKind::kAdd, {in, a}, b).debug_handle = 77;
  m.node(NodeKind::kStaticTranspose, {b}, c, TransposeParams{{0, 2, 1, 3}});
  m.node(NodeKind::kLeakyReLU, {c}, d, SlopeParams{0.25f});
  m.node(NodeKind::kStaticResizeBilinear2D, {d}, e, ResizeParams{8, 9}).flags = kAlignCorners;
  m.node(NodeKind::kConcatenate3, {a, b, c}, f, ConcatenateParams{3});
  m.node(NodeKind::kConcatenate5, {a, b, c, d, e}, g, ConcatenateParams{2});
  m.node(NodeKind::kStaticReshape, {f}, m.internal({1, 192, 4}), ReshapeParams{{1, 0, 4}});
  m.node(NodeKind::kStaticSlice, {f}, same(), SliceParams{{0, 1, 2, 0}, {1, 3, 4, 0}});
  m.node(NodeKind::kStaticConstantPad, {f}, same(),
         ConstantPadParams{{0, 1, 2, 3}, {4, 5, 6, 7}, -1.5f});
  m.node(NodeKind::kMaxPooling2d, {d}, out,
         PoolingParams{.padding_top = 1,
                       .padding_right = 0,
                       .padding_bottom = 2,
                       .padding_left = 3,
                       .pooling_height = 4,
                       .pooling_width = 5,
                       .stride_height = 2,
                       .stride_width = 3,
                       .dilation_height = 6,
                       .dilation_width = 7});
  auto& argmax = m.node(NodeKind::kArgMaxPooling2d, {d}, same(),
                        PoolingParams{.padding_left = 1,
                                      .pooling_height = 2,
                                      .pooling_width = 3,
                                      .stride_height = 2,
                                      .stride_width = 3});
  argmax.outputs.push_back(same());
  m.node(NodeKind::kDepthwiseConv2d, {d, m.constant({1, 3, 2, 8}, sample_elements(48)), kNoValue},
         same(),
         ConvolutionParams{.padding_top = 1,
                           .padding_right = 2,
                           .padding_bottom = 3,
                           .padding_left = 4,
                           .kernel_height = 3,
                           .kernel_width = 2,
                           .subsampling_height = 5,
                           .subsampling_width = 6,
                           .dilation_height = 7,
                           .dilation_width = 8,
                           .group_input_channels = 1,
                           .group_output_channels = 2,
                           .groups = 4});
  m.node(NodeKind::kFullyConnected,
         {vector, m.constant({6, 5}, sample_elements(30)), m.constant({5}, sample_elements(5))},
         m.internal({2, 5}))
      .flags = kTransposeWeights;
  m.node(NodeKind::kScaledDotProductAttention, {in, a, b, c, d}, same());
  return m;
}

TEST(Payload, IsReadAsItWasWritten) {
  const auto maker = every_form();
  const auto blob = write_payload(maker.payload);
  const auto read = read_payload(blob);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(print(*read), print(maker.payload));
}

TEST(Payload, KeepsQuantization) {
  PayloadMaker m;
  const auto in = m.input({4, 64}), out = m.output({4, 64});
  m.node(NodeKind::kConvert, {in}, out);
  m.payload.values[0].datatype = Datatype::kQInt8;
  m.payload.values[0].quant = PerTensorQuant{0.5f, -3};
  m.payload.values[1].datatype = Datatype::kQDInt8;
  m.payload.values[1].quant = PerTokenDynamicQuant{1};
  m.constant({4, 64}, sample_elements(64));
  m.payload.values[2].datatype = Datatype::kQCInt8;
  m.payload.values[2].quant = PerChannelQuant{.scales = {1, 2, 3, 4}};
  m.constant({4, 64}, sample_elements(64));
  m.payload.values[3].datatype = Datatype::kQBInt4;
  m.payload.values[3].quant =
      PerChannelGroupQuant{.group_size = 32, .scale_buffer_index = 1, .num_scales = 8};
  const auto blob = write_payload(m.payload);
  const auto read = read_payload(blob);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(print(*read), print(m.payload));
}

struct Breakage {
  const char* message;  ///< part of the error
  std::function<void(Payload&)> apply;
};

TEST(Payload, RefusesWhatContradictsItself) {
  const Breakage breakages[] = {
      {"is used twice", [](Payload& p) { p.values[1].id = p.values[0].id; }},
      {"a size is 0", [](Payload& p) { p.values[2].dims[1] = 0; }},
      {"product overflows", [](Payload& p) { p.values[2].dims.assign(4, 0x7FFFFFFF); }},
      {"7 numbers", [](Payload& p) { p.values[2].dims.assign(7, 1); }},
      {"datatype 99", [](Payload& p) { p.values[2].datatype = Datatype{99}; }},
      {"quantization parameters", [](Payload& p) { p.values[2].datatype = Datatype::kQInt8; }},
      {"quantization parameters", [](Payload& p) { p.values[2].quant = PerTensorQuant{1, 0}; }},
      {"constant 9 of 3", [](Payload& p) { p.values[4].constant_index = 9; }},
      {"215 bytes, expected 216", [](Payload& p) { p.constants[1].size = 215; }},
      {"external id", [](Payload& p) { p.values[1].external_id = 0; }},
      {"without gaps", [](Payload& p) { p.num_externals = 3; }},
      {"without gaps", [](Payload& p) { std::swap(p.values[0].flags, p.values[1].flags); }},
      {"flags 0x3", [](Payload& p) { p.values[0].flags = 3; }},
      {"at most 4096", [](Payload& p) { p.num_externals = 0xFFFFFFFF; }},
      {"reads value 3", [](Payload& p) { p.nodes[1].inputs[0] = 3; }},
      {"reads value 99", [](Payload& p) { p.nodes[1].inputs[0] = 99; }},
      {"reads value 4294967295", [](Payload& p) { p.nodes[1].inputs[1] = kNoValue; }},
      {"writes value 2", [](Payload& p) { p.nodes[1].outputs[0] = 2; }},
      {"writes value 4", [](Payload& p) { p.nodes[1].outputs[0] = 4; }},
      {"no node writes", [](Payload& p) { p.nodes.pop_back(); }},
      {"node 1 (Conv2d)", [](Payload& p) { p.nodes[1].flags = 4; }},
      {"output range", [](Payload& p) { p.nodes[1].output_min = NAN; }},
      {"output range", [](Payload& p) { p.nodes[1].output_min = 1, p.nodes[1].output_max = 0; }},
      {"does not have the node's kernel",
       [](Payload& p) { std::get<ConvolutionParams>(p.nodes[1].params).kernel_height = 5; }},
      {"must be positive",
       [](Payload& p) { std::get<ConvolutionParams>(p.nodes[1].params).dilation_width = 0; }},
      {"too large",
       [](Payload& p) { std::get<ConvolutionParams>(p.nodes[1].params).padding_top = 1u << 30; }},
      {"groups of",
       [](Payload& p) { std::get<ConvolutionParams>(p.nodes[1].params).groups = 0x80000000; }},
      {"bias 5", [](Payload& p) { p.values[5].dims = {1, 3}; }},
      {"is not permuted",
       [](Payload& p) { std::get<TransposeParams>(p.nodes[0].params).permutation[0] = 1; }},
      {"expected 3",
       [](Payload& p) { std::get<TransposeParams>(p.nodes[0].params).permutation.pop_back(); }},
  };
  for (const auto& breakage : breakages) {
    auto maker = sample_convolution();
    breakage.apply(maker.payload);
    const auto blob = write_payload(maker.payload);
    const auto read = read_payload(blob);
    ASSERT_FALSE(read) << breakage.message;
    EXPECT_THAT(read.error().message, HasSubstr(breakage.message));
  }
}

TEST(Payload, RefusesBrokenBlobs) {
  const auto blob = write_payload(sample_convolution().payload);
  ASSERT_TRUE(read_payload(blob));
  EXPECT_FALSE(read_payload({}));
  for (std::size_t size = 1; size < blob.size(); ++size) {
    // The last bytes are padding that nothing refers to.
    const Bytes cut(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(size));
    const auto read = read_payload(cut);
    if (size < blob.size() - 16) {
      EXPECT_FALSE(read) << size;
    }
  }
  for (std::size_t i = 0; i < blob.size(); ++i) {  // whatever comes out, nothing may crash
    for (const int change : {0x01, 0x80, 0xFF}) {
      auto changed = blob;
      changed[i] ^= static_cast<std::byte>(change);
      const auto read = read_payload(changed);
      if (!read) {
        EXPECT_FALSE(read.error().message.empty());
      }
    }
  }
}

TEST(Payload, ReadsInlineConstantsAndChecksTheirPlace) {
  auto maker = sample_convolution();
  auto blob = write_payload(maker.payload);
  // Turn the blob's second region into 300 bytes that no constant uses: accepted; then move it out
  // of the blob or over the FlatBuffer: refused.
  const std::uint64_t size = 300;
  std::memcpy(blob.data() + 22, &size, sizeof size);
  EXPECT_FALSE(read_payload(blob));
  blob.resize(blob.size() + size);
  EXPECT_TRUE(read_payload(blob));
  const std::uint32_t over = 40;
  std::memcpy(blob.data() + 18, &over, sizeof over);
  const auto read = read_payload(blob);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("overlap"));
}

TEST(Payload, AcceptsABareFlatBufferOfEitherIdentifier) {
  const auto maker = sample_convolution();
  const auto blob = write_payload(maker.payload);
  Bytes bare(blob.begin() + 32, blob.end());
  for (const char* identifier : {"XN00", "XN01"}) {
    std::memcpy(bare.data() + 4, identifier, 4);
    const auto read = read_payload(bare);
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(print(*read), print(maker.payload));
  }
  std::memcpy(bare.data() + 4, "XN02", 4);
  EXPECT_FALSE(read_payload(bare));
}

}  // namespace
}  // namespace tessera::xnnpack
