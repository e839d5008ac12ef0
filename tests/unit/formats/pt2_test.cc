// SPDX-License-Identifier: MIT
#include "formats/pt2.h"

#include <gmock/gmock.h>

#include <functional>

#include "archive_variant.h"

namespace tessera::pt2 {
namespace {

using tessera::testing::Entries;
using tessera::testing::fixture;
using tessera::testing::read_entries;
using tessera::testing::replace;
using tessera::testing::write_entries;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr const char* kModel = "edge/models/model.json";
constexpr const char* kConfig = "edge/data/weights/model_weights_config.json";
constexpr const char* kWeight = "edge/data/weights/weight_0";

ExportedProgram read_fixture(const std::string& model) {
  auto program = read(fixture(model));
  EXPECT_TRUE(program.has_value()) << program.error().to_string();
  return program ? *std::move(program) : ExportedProgram();
}

/// The message of reading edge with changes; empty if it can be read.
std::string error_with(const std::function<void(Entries&)>& change) {
  Entries entries = read_entries(fixture("edge"));
  change(entries);
  const auto program = read(write_entries(entries));
  return program ? std::string() : program.error().to_string();
}

std::string error_with(const std::string& entry, const std::string& from, const std::string& to) {
  return error_with([&](Entries& entries) { replace(entries[entry], from, to); });
}

Result<Tensor> weight_with(const std::function<void(Entries&)>& change) {
  Entries entries = read_entries(fixture("edge"));
  change(entries);
  auto program = read(write_entries(entries));
  if (!program) return std::unexpected(program.error());
  return program->weights.at("conv.weight");
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(Pt2, ReadsTheGraph) {
  const ExportedProgram program = read_fixture("edge");
  ASSERT_EQ(program.nodes.size(), 2U);
  const Node& convolution = program.nodes[0];
  EXPECT_EQ(convolution.target, "torch.ops.aten.conv2d.default");
  ASSERT_EQ(convolution.arguments.size(), 5U);
  EXPECT_EQ(convolution.arguments[1].name, "weight");
  EXPECT_EQ(std::get<TensorName>(convolution.arguments[1].value).name, "p_conv_weight");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(convolution.arguments[2].value));
  EXPECT_EQ(std::get<TensorName>(convolution.outputs.at(0)).name, "conv2d");
  EXPECT_THAT(convolution.stack_trace, HasSubstr("torch.clamp(self.conv(x), 0, 1)"));
  EXPECT_THAT(convolution.module_stack, HasSubstr("L__self__conv,conv,"));
  EXPECT_EQ(std::get<std::int64_t>(program.nodes[1].arguments[2].value), 1);
}

TEST(Pt2, ReadsTheSignature) {
  const ExportedProgram program = read_fixture("edge");
  ASSERT_EQ(program.inputs.size(), 2U);
  EXPECT_EQ(program.inputs[0].kind, InputKind::kParameter);
  EXPECT_EQ(program.inputs[0].target, "conv.weight");
  EXPECT_EQ(program.inputs[1].kind, InputKind::kUserInput);
  EXPECT_EQ(std::get<TensorName>(program.inputs[1].argument).name, "x");
  ASSERT_EQ(program.outputs.size(), 1U);
  EXPECT_EQ(program.outputs[0].kind, OutputKind::kUserOutput);
  const TensorMeta& x = program.tensors.at("x");
  EXPECT_EQ(x.dtype, DType::kF32);
  ASSERT_EQ(x.sizes.size(), 4U);
  EXPECT_TRUE(x.sizes[0].is_constant());
  EXPECT_EQ(x.sizes[2].expression, "Symbol('s53', positive=True, integer=True)");
  EXPECT_EQ(x.sizes[2].value, 288);
  EXPECT_EQ(program.ranges.at("s53").min, 256);
  EXPECT_EQ(program.ranges.at("s53").max, 1024);
}

TEST(Pt2, WeightsViewTheFile) {
  const Tensor weight = read_fixture("edge").weights.at("conv.weight");
  EXPECT_EQ(weight.type_string(), "f32[1, 1, 3, 3]");
  EXPECT_THAT(weight.elements<float>(), ElementsAre(-1, -1, -1, -1, 8, -1, -1, -1, -1));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weight.bytes()) % 64, 0U);
}

TEST(Pt2, ReadsEveryFixture) {
  std::size_t num_read = 0;
  for (const std::string folder : {TESSERA_TEST_DATA "/fixtures", TESSERA_FIXTURES}) {
    if (folder.empty()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const auto path = entry.path() / "model.pt2";
      if (!std::filesystem::exists(path)) continue;
      const auto program = read(path);
      EXPECT_TRUE(program.has_value()) << program.error().to_string();
      ++num_read;
    }
  }
  EXPECT_GE(num_read, 5U);
}

TEST(Pt2, RepackedArchivesReadTheSame) {
  const Entries entries = read_entries(fixture("demodyn"));
  const ExportedProgram original = read_fixture("demodyn");
  for (const bool compressed : {false, true}) {
    const auto program = read(write_entries(entries, compressed));
    ASSERT_TRUE(program.has_value()) << program.error().to_string();
    ASSERT_EQ(program->weights.size(), original.weights.size());
    for (const auto& [name, tensor] : original.weights) {
      EXPECT_THAT(program->weights.at(name).elements<float>(),
                  ElementsAreArray(tensor.elements<float>()));
    }
  }
}

TEST(Pt2, HonoursStridesAndOffset) {
  const auto tensor = weight_with([](Entries& entries) {
    std::vector<float> storage(21, -1);
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) {
        storage[static_cast<std::size_t>(2 + row + 4 * column)] =
            static_cast<float>(10 * row + column);
      }
    }
    entries[kWeight] = floats(storage);
    replace(entries[kConfig],
            R"("strides": [{"as_int": 9}, {"as_int": 9}, {"as_int": 3}, {"as_int": 1}])",
            R"("strides": [{"as_int": 9}, {"as_int": 9}, {"as_int": 1}, {"as_int": 4}])");
    replace(entries[kConfig], R"("storage_offset": {"as_int": 0})",
            R"("storage_offset": {"as_int": 2})");
  });
  ASSERT_TRUE(tensor.has_value()) << tensor.error().to_string();
  EXPECT_THAT(tensor->elements<float>(), ElementsAre(0, 1, 2, 10, 11, 12, 20, 21, 22));
}

TEST(Pt2, DamagedWeightsNameTheTensor) {
  EXPECT_THAT(error_with([](Entries& entries) { entries.erase(kWeight); }),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("no entry")));
  EXPECT_THAT(error_with([](Entries& entries) { entries[kWeight].resize(32); }),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("needs 9 elements"),
                    HasSubstr("the storage has 8")));
  EXPECT_THAT(error_with([](Entries& entries) { entries[kWeight].resize(35); }),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("35 bytes")));
  EXPECT_THAT(error_with(kConfig, R"({"as_int": 9})", R"({"as_int": -9})"),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("negative")));
  EXPECT_THAT(error_with(kConfig, R"("storage_offset": {"as_int": 0})",
                         R"("storage_offset": {"as_int": 9223372036854775807})"),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("overflow")));
  EXPECT_THAT(error_with(kConfig, R"("use_pickle": false)", R"("use_pickle": true)"),
              AllOf(HasSubstr("tensor 'conv.weight'"), HasSubstr("pickled")));
}

TEST(Pt2, ASmallFileCannotAskForMuchMemory) {
  const auto tensor = weight_with([](Entries& entries) {
    replace(entries[kConfig],
            R"("sizes": [{"as_int": 1}, {"as_int": 1}, {"as_int": 3}, {"as_int": 3}])",
            R"("sizes": [{"as_int": 1}, {"as_int": 1}, {"as_int": 3}, {"as_int": 1000000000}])");
    replace(entries[kConfig], R"({"as_int": 3}, {"as_int": 1}])",
            R"({"as_int": 3}, {"as_int": 0}])");
  });
  ASSERT_FALSE(tensor.has_value());
  EXPECT_THAT(tensor.error().message, HasSubstr("beyond measure"));
}

TEST(Pt2, OtherLayoutsAreRecognised) {
  const auto error_of = [](const Entries& entries) {
    const auto program = read(write_entries(entries));
    return program ? std::string() : program.error().to_string();
  };
  EXPECT_THAT(error_of({{"m/data.pkl", ""}}), HasSubstr("torch.save"));
  EXPECT_THAT(error_of({{"readme.txt", ""}}), HasSubstr("not of torch.export"));
  EXPECT_THAT(error_with([](Entries& entries) { entries["edge/byteorder"] = "big"; }),
              AllOf(HasSubstr("'big'"), HasSubstr("'little'")));
  EXPECT_THAT(error_with([](Entries& entries) { entries.erase(kModel); }), HasSubstr("found 0"));
}

/// One model in the layouts of three generations, made by tools/make_old_archives.py.
std::filesystem::path old_archive(const std::string& name) {
  return std::filesystem::path(TESSERA_TEST_DATA) / "old_archives" / name;
}

TEST(Pt2, OldLayoutsHaveTheSameWeights) {
  const auto expected = read(old_archive("raw.pt2"));
  ASSERT_TRUE(expected.has_value()) << expected.error().to_string();
  EXPECT_GE(expected->weights.size(), 9U);
  for (const std::string name : {"pickled.pt2", "flat.pt2"}) {
    SCOPED_TRACE(name);
    const auto program = read(old_archive(name));
    ASSERT_TRUE(program.has_value()) << program.error().to_string();
    ASSERT_EQ(program->weights.size(), expected->weights.size());
    for (const auto& [weight, tensor] : expected->weights) {
      ASSERT_TRUE(program->weights.contains(weight)) << weight;
      const Tensor& found = program->weights.at(weight);
      EXPECT_EQ(found.type_string(), tensor.type_string());
      EXPECT_THAT(std::span(found.bytes(), found.num_bytes()),
                  ElementsAreArray(tensor.bytes(), tensor.num_bytes()));
    }
  }
}

TEST(Pt2, DamagedOldLayoutsNameTheEntry) {
  const auto error_of = [](const std::string& name, const std::function<void(Entries&)>& change) {
    Entries entries = read_entries(old_archive(name));
    change(entries);
    const auto program = read(write_entries(entries));
    return program ? std::string() : program.error().message;
  };
  for (const auto& [archive, entry] : {std::pair("pickled.pt2", "pickled/data/weights/model.pt"),
                                       std::pair("flat.pt2", "serialized_state_dict.pt")}) {
    EXPECT_EQ(error_of(archive, [](Entries&) {}), "");
    EXPECT_THAT(error_of(archive, [&](Entries& entries) { entries[entry].resize(100); }),
                AllOf(HasSubstr(entry), HasSubstr("not a zip archive")));
    EXPECT_THAT(error_of(archive, [&](Entries& entries) { entries.erase(entry); }),
                HasSubstr("no entry"));
    EXPECT_THAT(error_of(archive,
                         [&](Entries& entries) {
                           replace(entries[entry], "_rebuild_parameter", "_rebuild_telephone");
                         }),
                AllOf(HasSubstr(entry), HasSubstr("data.pkl: byte"), HasSubstr("telephone")));
  }
  EXPECT_THAT(error_of("flat.pt2",
                       [](Entries& entries) {
                         entries["serialized_constants.pt"] = entries["serialized_state_dict.pt"];
                       }),
              AllOf(HasSubstr("serialized_constants.pt"), HasSubstr("a second tensor")));
}

TEST(Pt2, ForwardCompatibleWithinAMajorVersion) {
  EXPECT_EQ(error_with(kModel, R"("minor": )", R"("news": {"a": [1]}, "minor": )"), "");
  EXPECT_THAT(error_with(kModel, R"("major": 8)", R"("major": 9)"),
              AllOf(HasSubstr("expected major version 7 or 8"), HasSubstr("found 9")));
  EXPECT_THAT(error_with(kModel, R"("arg": {"as_none": true})", R"("arg": {"as_quaternion": 1})"),
              AllOf(HasSubstr("nodes[0].inputs[2].arg"), HasSubstr("'as_quaternion'")));
}

TEST(Pt2, WrongJsonNamesThePlace) {
  EXPECT_THAT(error_with([](Entries& entries) { entries[kModel].resize(1000); }),
              AllOf(HasSubstr("models/model.json"), HasSubstr("not valid JSON")));
  EXPECT_THAT(error_with(kModel, R"("nodes")", R"("knots")"),
              AllOf(HasSubstr("graph_module.graph"), HasSubstr("'nodes' is missing")));
  EXPECT_THAT(error_with(kModel, R"("target": "torch.ops.aten.conv2d.default")", R"("target": 5)"),
              AllOf(HasSubstr("nodes[0].target"), HasSubstr("expected a string, found a number")));
  EXPECT_THAT(error_with(kModel, R"("min_val": 256)", R"("min_val": 18446744073709551615)"),
              HasSubstr("above the largest"));
}

TEST(Pt2, MissingBoundsAreNone) {
  Entries entries = read_entries(fixture("edge"));
  replace(entries[kModel], R"("max_val": 1024)", R"("max_val": null)");
  replace(entries[kModel], R"("max_val": 1024)", R"("max_val": 9223372036854775806)");
  const auto program = read(write_entries(entries));
  ASSERT_TRUE(program.has_value()) << program.error().to_string();
  EXPECT_EQ(program->ranges.at("s0").max, std::nullopt);
  EXPECT_EQ(program->ranges.at("s53").max, std::nullopt);
}

}  // namespace
}  // namespace tessera::pt2
