// SPDX-License-Identifier: MIT
#include "tessera/named_models.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <map>

#include "ir/text.h"
#include "ir/verify.h"
#include "models/build_state.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Result<ir::Graph> graph_of(std::string_view name, const NamedModelOptions& options = {}) {
  auto net = build_named_model(name, options);
  if (!net) return std::unexpected(net.error());
  return finish(*std::move(net));
}

/// Elements of all parameters without the statistics of batch norms, as
/// sum(p.numel() for p in model.parameters()) counts them.
std::int64_t num_parameters(const ir::Graph& graph) {
  std::int64_t count = 0;
  for (const ir::ValueId id : graph.values()) {
    const ir::Value& value = graph.value(id);
    if (value.fully_qualified_name.empty() ||
        value.fully_qualified_name.find(".running_") != std::string::npos) {
      continue;
    }
    count += value.data.num_elements();
  }
  return count;
}

TEST(NamedModels, HaveAsManyParametersAsTorchvisions) {
  const std::map<std::string_view, std::int64_t> expected = {
      {"resnet18", 11'689'512}, {"resnet50", 25'557'032}, {"mv2", 3'504'872},
      {"mv3_small", 2'542'856}, {"mv3_large", 5'483'032},
  };
  for (const auto& [name, count] : expected) {
    const auto graph = graph_of(name);
    ASSERT_TRUE(graph.has_value()) << graph.error().message;
    EXPECT_EQ(num_parameters(*graph), count) << name;
  }
}

TEST(NamedModels, AllBuildWithFixedSizesAndWithRanges) {
  for (const NamedModel& model : named_models()) {
    SCOPED_TRACE(model.name);
    const auto fixed = graph_of(model.name);
    ASSERT_TRUE(fixed.has_value()) << fixed.error().message;
    EXPECT_TRUE(ir::verify(*fixed).has_value());
    EXPECT_TRUE(fixed->symbols.empty());
    const auto ranges = graph_of(
        model.name, {.height = SizeRange{.min = 64, .max = 512}, .width = SizeRange{64, 320}});
    ASSERT_TRUE(ranges.has_value()) << ranges.error().message;
    EXPECT_TRUE(ir::verify(*ranges).has_value());
    EXPECT_EQ(ranges->symbols.size(), 2U);
    const std::string text = ir::print(*ranges);
    EXPECT_THAT(text, HasSubstr("h in "));
  }
}

TEST(NamedModels, LayersAreNamedAsTorchvisions) {
  const std::map<std::string, std::vector<std::string>> expected = {
      {"resnet50",
       {"conv1.weight", "layer3.5.bn3.running_var", "layer4.0.downsample.1.bias", "fc.bias"}},
      {"mv2",
       {"features.0.0.weight", "features.1.conv.2.bias", "features.17.conv.3.running_mean",
        "features.18.1.weight", "classifier.1.weight"}},
      {"mv3_small",
       {"features.1.block.1.fc1.bias", "features.11.block.3.1.weight", "features.12.0.weight",
        "classifier.3.weight"}},
      {"mv3_large",
       {"features.1.block.0.0.weight", "features.15.block.3.0.weight", "features.16.1.bias",
        "classifier.0.bias"}},
      {"deeplab",
       {"backbone.16.1.weight", "classifier.0.convs.3.0.weight",
        "classifier.0.convs.4.2.running_mean", "classifier.0.project.1.bias", "classifier.1.weight",
        "classifier.2.bias", "classifier.4.bias"}},
  };
  for (const auto& [name, parameters] : expected) {
    const std::string text = ir::print(graph_of(name).value());
    for (const std::string& parameter : parameters) {
      EXPECT_THAT(text, HasSubstr("\"" + parameter + "\"")) << name;
    }
  }
}

TEST(NamedModels, WrongOptionsSayWhatIsWrong) {
  const auto error_of = [](std::string_view name, const NamedModelOptions& options) {
    const auto graph = graph_of(name, options);
    return graph ? std::string() : graph.error().message;
  };
  EXPECT_THAT(error_of("mv4", {}), AllOf(HasSubstr("no model 'mv4'"), HasSubstr("mv3_small")));
  EXPECT_THAT(error_of("unet", {.height = SizeRange{30, 30}}),
              AllOf(HasSubstr("'h' of model 'unet'"), HasSubstr("multiples of 4")));
  EXPECT_THAT(error_of("mv2", {.height = SizeRange{0, 0}}), HasSubstr("1 <= MIN"));
  EXPECT_THAT(error_of("mv2", {.height = SizeRange{9, 8}}), HasSubstr("found 9..8"));
  EXPECT_THAT(error_of("edsr", {.num_classes = 3}), HasSubstr("cannot have 3 classes"));
  EXPECT_THAT(error_of("mv2", {.num_classes = 0}), HasSubstr("cannot have 0 classes"));
  EXPECT_THAT(error_of("mv2", {.num_classes = 100'001}), HasSubstr("expected 1 to 100000"));
  EXPECT_EQ(error_of("mv2", {.num_classes = 3}), "");
}

}  // namespace
}  // namespace tessera
