// SPDX-License-Identifier: MIT
#include "tessera/graph_builder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <map>

#include "base/mapped_file.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "models/build_state.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string error_of(GraphBuilder builder) {
  const auto graph = finish(std::move(builder));
  return graph ? std::string() : graph.error().message;
}

Tensor zeros(const Shape& shape, DType dtype = DType::kF32) {
  return Tensor::zeros(dtype, shape).value();
}

/// One 3x3 convolution with bias to 4 channels and a batch norm.
GraphBuilder small_network(Weights weights) {
  GraphBuilder net(std::move(weights));
  const GraphValue x = net.input("x", {1, 2, 8, 8});
  net.output(net.batch_norm("bn", net.conv2d("conv", x, {.out_channels = 4})));
  return net;
}

std::map<std::string, Tensor, std::less<>> small_weights() {
  return {{"conv.weight", zeros({4, 2, 3, 3})},
          {"conv.bias", zeros({4})},
          {"bn.weight", zeros({4})},
          {"bn.bias", zeros({4})},
          {"bn.running_mean", zeros({4})},
          {"bn.running_var", zeros({4})},
          {"bn.num_batches_tracked", zeros({}, DType::kI64)}};
}

TEST(GraphBuilder, BuildsWhatAFileWouldHave) {
  GraphBuilder net;
  const GraphValue x = net.input("x", {1, 3, {"h", 64, 512, 4}, {"w", 64, 512, 4}});
  const GraphValue y = net.relu(net.conv2d("stem", x, {.out_channels = 8, .stride = 2}));
  EXPECT_EQ(net.channels(y), 8);
  net.output(net.resize_to(y, x));
  const auto graph = finish(std::move(net));
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  EXPECT_TRUE(ir::verify(*graph).has_value());
  const std::string text = ir::print(*graph);
  EXPECT_THAT(text, HasSubstr("h in 16..128"));
  EXPECT_THAT(text, HasSubstr("%x: f32[1,3,4*h,4*w]"));
  EXPECT_THAT(text, HasSubstr("f32[8,3,3,3] = parameter \"stem.weight\""));
  EXPECT_THAT(text, HasSubstr("stride=[2,2], padding=[1,1], dilation=[1,1], groups=1"));
  EXPECT_THAT(text, HasSubstr("output_size=[4*h,4*w]"));
}

TEST(GraphBuilder, TheFirstErrorSticks) {
  GraphBuilder net;
  const GraphValue x = net.input("x", {1, 3, 8, 8});
  const GraphValue flat = net.call("aten::flatten.using_ints", {x, 1});
  const GraphValue wrong = net.call("aten::max_pool2d", {flat, 2}, "stage.pool");
  net.output(net.relu(net.conv2d("later", wrong, {.out_channels = 4})));
  EXPECT_EQ(net.text(), "");
  EXPECT_THAT(error_of(std::move(net)), AllOf(HasSubstr("aten::max_pool2d"),
                                              HasSubstr("stage.pool"), Not(HasSubstr("later"))));
}

TEST(GraphBuilder, WrongCallsSayWhatIsWrong) {
  const auto error_with = [](const std::function<GraphValue(GraphBuilder&, GraphValue)>& call) {
    GraphBuilder net;
    net.output(call(net, net.input("x", {1, 3, 8, 8})));
    return error_of(std::move(net));
  };
  EXPECT_THAT(error_with([](auto& net, auto x) { return net.call("aten::rely", {x}); }),
              HasSubstr("no operator 'aten::rely'"));
  EXPECT_THAT(error_with([](auto& net, auto x) { return net.call("aten::relu", {x, 1}); }),
              HasSubstr("expected at most 1 arguments, found 2"));
  EXPECT_THAT(error_with([](auto& net, auto) { return net.call("aten::relu", {}); }),
              HasSubstr("aten::relu: argument 'self'"));
  EXPECT_THAT(
      error_with([](auto& net, auto) { return net.call("aten::relu", {std::string("text")}); }),
      HasSubstr("a string"));
  EXPECT_THAT(error_with([](auto& net, auto) { return net.relu(GraphValue{77}); }),
              HasSubstr("none of this graph's"));
  EXPECT_THAT(error_with([](auto& net, auto x) {
                return net.conv2d("c", x, {.out_channels = 4, .groups = 2});
              }),
              AllOf(HasSubstr("layer 'c'"), HasSubstr("3 channels"), HasSubstr("2 groups")));
  EXPECT_THAT(error_with([](auto& net, auto x) { return net.linear("fc", x, 0); }),
              HasSubstr("layer 'fc'"));
  EXPECT_THAT(error_with([](auto& net, auto x) {
                return net.resize_to(x, net.call("aten::flatten.using_ints", {x}));
              }),
              HasSubstr("expected an image"));
  EXPECT_THAT(error_of(GraphBuilder()), HasSubstr("no output"));
}

TEST(GraphBuilder, WrongInputsSayWhatIsWrong) {
  const auto error_with = [](const std::string& name, const std::vector<InputSize>& sizes) {
    GraphBuilder net;
    net.output(net.relu(net.input(name, sizes)));
    return error_of(std::move(net));
  };
  EXPECT_EQ(error_with("x", {{"n", 1, 8}, {"n", 1, 8}}), "");
  EXPECT_THAT(error_with("x", {{"n", 1, 8}, {"n", 1, 9}}), HasSubstr("'n' has two ranges"));
  EXPECT_THAT(error_with("x", {{"n", 9, 8}}), HasSubstr("9..8 is no range"));
  EXPECT_THAT(error_with("x", {{"n", 4, 10, 4}}), HasSubstr("multiples of 4"));
  EXPECT_THAT(error_with("x", {-1}), HasSubstr("a size of -1"));
  EXPECT_THAT(error_with("x", {{"n m", 1, 8}}), HasSubstr("the name 'n m'"));
  EXPECT_THAT(error_with("", {1}), HasSubstr("the name ''"));
  EXPECT_THAT(error_with("x", std::vector<InputSize>(17, 1)), HasSubstr("17 dimensions"));
}

TEST(GraphBuilder, WeightsThatFitAreTaken) {
  auto tensors = small_weights();
  tensors["conv.bias"].data<float>()[2] = 42;
  const auto graph = finish(small_network(Weights::of(tensors)));
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  for (const ir::ValueId id : graph->values()) {
    const ir::Value& value = graph->value(id);
    if (value.fully_qualified_name != "conv.bias") continue;
    EXPECT_EQ(value.data.bytes(), tensors["conv.bias"].bytes());  // shared, not copied
    return;
  }
  ADD_FAILURE() << "no conv.bias";
}

TEST(GraphBuilder, WeightsThatDoNotFitAreAllListed) {
  auto tensors = small_weights();
  tensors.erase("conv.weight");
  tensors.erase("bn.bias");
  tensors["conv.bias"] = zeros({5});
  tensors["bn.weight"] = zeros({4}, DType::kF16);
  tensors["fc.weight"] = zeros({1});
  tensors["bn.num_batches_trapped"] = zeros({});
  const std::string error = error_of(small_network(Weights::of(tensors)));
  EXPECT_THAT(error, HasSubstr("missing: conv.weight, bn.bias;"));
  EXPECT_THAT(error, HasSubstr("not of the model: bn.num_batches_trapped, fc.weight;"));
  EXPECT_THAT(error, HasSubstr("'conv.bias' is f32[5], expected f32[4]"));
  EXPECT_THAT(error, HasSubstr("'bn.weight' is f16[4], expected f32[4]"));

  GraphBuilder tolerant = small_network(Weights::of(small_weights()));
  EXPECT_EQ(error_of(std::move(tolerant)), "");
  auto more = small_weights();
  for (int i = 0; i < 30; ++i) more["aux." + std::to_string(i)] = zeros({1});
  EXPECT_THAT(error_of(small_network(Weights::of(more))), HasSubstr("and 10 more"));
  GraphBuilder allowed = small_network(Weights::of(more));
  allowed.allow_unused("aux.");
  EXPECT_EQ(error_of(std::move(allowed)), "");
}

TEST(Weights, DropWhatDataParallelPutsInFront) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("tessera_weights_" + std::to_string(::getpid()) + ".safetensors");
  const auto names_of = [&](const std::string& first, const std::string& second) {
    const std::string header = "{\"" + first +
                               R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},")" + second +
                               R"(":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})";
    std::string text(8, '\0');
    text[0] = static_cast<char>(header.size());
    text += header + "ab";
    EXPECT_TRUE(write_file_atomically(path, std::as_bytes(std::span(text))).has_value());
    const auto weights = Weights::read(path);
    EXPECT_TRUE(weights.has_value()) << weights.error().message;
    std::filesystem::remove(path);
    return weights ? weights->names() : std::vector<std::string>();
  };
  EXPECT_THAT(names_of("module.a", "module.b.module.c"), ElementsAre("a", "b.module.c"));
  EXPECT_THAT(names_of("module.a", "b"), ElementsAre("b", "module.a"));
}

TEST(GraphBuilder, SeededWeightsAreTheSameEverywhere) {
  const auto first = [](std::uint64_t seed, const std::string& name) {
    GraphBuilder net(Weights::seeded(seed));
    net.output(net.parameter(name, Shape{64}, {-1, 1}));
    const auto graph = finish(std::move(net)).value();
    const auto elements = graph.value(graph.outputs()[0]).data.elements<float>();
    return std::vector<float>(elements.begin(), elements.end());
  };
  const std::vector<float> numbers = first(0, "a");
  EXPECT_EQ(numbers, first(0, "a"));
  EXPECT_NE(numbers, first(1, "a"));
  EXPECT_NE(numbers, first(0, "b"));
  for (const float number : numbers) EXPECT_LE(std::abs(number), 1);
  EXPECT_EQ(numbers[0], -0.325251848F);  // also computed elsewhere
}

}  // namespace
}  // namespace tessera
