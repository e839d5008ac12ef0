// SPDX-License-Identifier: MIT
// Programs of several methods, and programs whose weights are in a data file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

fs::path fixture(std::string_view file) { return fs::path(TESSERA_TEST_DATA) / "fixtures" / file; }

class CompiledFiles : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / std::format("tessera-compiled-{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path path(std::string_view name) const { return folder_ / name; }

  static Tensor run(const Program& program, const std::string& method, const Tensor& input) {
    auto loaded = program.load_method(method);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().to_string();
    EXPECT_TRUE((*loaded)->set_input(0, input).has_value());
    EXPECT_TRUE((*loaded)->execute().has_value());
    const Tensor output = (*loaded)->output(0).value();  // in memory that goes with the method
    return Tensor::of_bytes(output.dtype(), output.shape(),
                            std::span(output.bytes(), output.num_bytes()));
  }

  /// What the model gives when it is compiled alone.
  Tensor expected(std::string_view model, const Tensor& input) const {
    EXPECT_TRUE(compile(fixture(model) / "model.pt2", path("alone.pte"), {.backend = GetParam()})
                    .has_value());
    return run(*Program::load(path("alone.pte")).value(), "forward", input);
  }

  static void expect_same_bits(const Tensor& found, const Tensor& expected) {
    ASSERT_EQ(found.shape(), expected.shape());
    EXPECT_EQ(std::memcmp(found.bytes(), expected.bytes(), expected.num_bytes()), 0);
  }

 private:
  fs::path folder_;
};

TEST_P(CompiledFiles, HaveSeveralMethodsWithSharedWeights) {
  const MethodSource methods[] = {{"smooth", fixture("edge/model.pt2")},
                                  {"again", fixture("unet/model.pt2")},
                                  {"segment", fixture("unet/model.pt2")}};
  const auto report = compile(methods, path("all.pte"), {.backend = GetParam()});
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  const auto alone = compile(fixture("unet/model.pt2"), path("one.pte"), {.backend = GetParam()});
  EXPECT_LT(report->file_bytes, alone->file_bytes * 3 / 2) << "unet's weights are there once";
  const auto program = Program::load(path("all.pte")).value();
  const Tensor image = read_npy(fixture("edge/in1.npy")).value();
  expect_same_bits(run(*program, "smooth", image), expected("edge", image));
  const Tensor picture = read_npy(fixture("unet/in0.npy")).value();
  const Tensor segments = expected("unet", picture);
  expect_same_bits(run(*program, "segment", picture), segments);
  expect_same_bits(run(*program, "again", picture), segments);
}

TEST_P(CompiledFiles, RefuseTwoMethodsOfOneName) {
  const MethodSource methods[] = {{"a", fixture("edge/model.pt2")},
                                  {"a", fixture("unet/model.pt2")}};
  const auto report = compile(methods, path("all.pte"), {.backend = GetParam()});
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().message, ::testing::HasSubstr("two methods are called 'a'"));
  EXPECT_FALSE(fs::exists(path("all.pte")));
}

TEST_P(CompiledFiles, MayLeaveTheirWeightsToADataFile) {
  const auto report = compile(fixture("unet/model.pt2"), path("unet.pte"),
                              {.backend = GetParam(), .data_file = path("unet.ptd")});
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_LT(report->file_bytes, report->data_bytes / 4);
  const auto program = Program::load(path("unet.pte"), {.data_files = {path("unet.ptd")}});
  ASSERT_TRUE(program.has_value()) << program.error().to_string();
  const Tensor picture = read_npy(fixture("unet/in0.npy")).value();
  expect_same_bits(run(**program, "forward", picture), expected("unet", picture));
}

INSTANTIATE_TEST_SUITE_P(, CompiledFiles, ::testing::Values(Backend::kXnnpack, Backend::kPortable),
                         [](const auto& info) {
                           return info.param == Backend::kXnnpack ? "Xnnpack" : "Portable";
                         });

}  // namespace
}  // namespace tessera
