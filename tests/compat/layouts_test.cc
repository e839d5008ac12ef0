// SPDX-License-Identifier: MIT
// Ways to run a program that must not change a bit: delegates in bands, callers' images with
// channels last in memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Case {
  fs::path folder, program;
};

std::vector<fs::path> roots() {
  std::vector<fs::path> found;
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (!root.empty() && fs::exists(root)) found.push_back(root);
  }
  return found;
}

std::vector<Case> find_programs() {
  std::vector<Case> cases;
  for (const fs::path& root : roots()) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const fs::path folder = entry.path().parent_path();
      if (entry.path().filename() != "xnnpack.pte" || !fs::exists(folder / "in0.npy")) continue;
      cases.push_back({folder, entry.path()});
    }
  }
  return cases;
}

/// The stored input with the most elements.
Tensor largest_input(const fs::path& folder) {
  Tensor largest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("in")) continue;
    auto tensor = read_npy(entry.path());
    EXPECT_TRUE(tensor.has_value()) << entry.path();
    if (tensor && (!largest.has_data() || tensor->num_bytes() > largest.num_bytes())) {
      largest = *std::move(tensor);
    }
  }
  return largest;
}

std::vector<std::byte> output_bytes(Method& method) {
  const auto executed = method.execute();
  EXPECT_TRUE(executed.has_value()) << executed.error().message;
  if (!executed) return {};
  const Tensor output = method.output(0)->contiguous().value();
  return {output.bytes(), output.bytes() + output.num_bytes()};
}

TEST(Bands, GiveTheBitsOfTheWhole) {
  std::set<std::string> in_less_memory;
  for (const Case& fixture : find_programs()) {
    SCOPED_TRACE(fixture.program);
    const auto program = Program::load(fixture.program).value();
    const Tensor input = largest_input(fixture.folder);
    const auto whole = program->load_method("forward", {.band_bytes = 0}).value();
    ASSERT_TRUE(whole->set_input(0, input).has_value());
    const auto expected = output_bytes(*whole);
    for (const std::size_t band_bytes : {std::size_t{16} << 10, std::size_t{1} << 20}) {
      for (const std::size_t num_threads : {1, 2}) {
        const MethodOptions options{.num_threads = num_threads, .band_bytes = band_bytes};
        const auto bands = program->load_method("forward", options).value();
        ASSERT_TRUE(bands->set_input(0, input).has_value());
        EXPECT_EQ(output_bytes(*bands), expected) << band_bytes << " bytes in a band";
        if (bands->memory().workspace_bytes < whole->memory().workspace_bytes / 2) {
          in_less_memory.insert(fixture.folder.filename());
        }
      }
    }
  }
  EXPECT_TRUE(in_less_memory.contains("demodyn"));
}

/// Whether the program ran a transpose.
bool has_transposed(const Method& method) {
  return std::ranges::any_of(method.profile(), [](const ProfileRecord& record) {
    return record.operator_name.find("ranspose") != std::string::npos;
  });
}

/// A program of three channels in and out, which the fixtures do not have.
std::shared_ptr<const Program> denoiser() {
  const fs::path model = fs::path(TESSERA_SOURCE_DIR) / "models/denoise/denoise.pt2";
  const fs::path file =
      fs::temp_directory_path() / ("tessera_layouts_" + std::to_string(::getpid()) + ".pte");
  EXPECT_TRUE(compile(model, file).has_value());
  auto program = Program::load(file);
  fs::remove(file);
  return program.value_or(nullptr);
}

TEST(ChannelsLast, ReachesConvolutionsWithoutTransposes) {
  const auto program = denoiser();
  ASSERT_NE(program, nullptr);
  const Tensor image = largest_input(fs::path(TESSERA_TEST_DATA) / "denoise");
  const auto method = program->load_method("forward", {.profile = true}).value();
  ASSERT_TRUE(method->bind_input(0, image).has_value());
  const auto expected = output_bytes(*method);
  EXPECT_TRUE(has_transposed(*method));

  const DimOrder last = DimOrder::channels_last(4);
  Tensor turned = Tensor::empty(image.dtype(), image.shape())->with_dim_order(last);
  const std::int64_t pixels = image.size(2) * image.size(3), channels = image.size(1);
  for (std::int64_t i = 0; i < pixels * channels; ++i) {
    turned.data<float>()[i % pixels * channels + i / pixels] = image.data<float>()[i];
  }
  const auto direct = program->load_method("forward", {.profile = true}).value();
  std::vector<float> memory(expected.size() / sizeof(float) + 4);
  ASSERT_TRUE(direct->bind_input(0, turned).has_value());
  ASSERT_TRUE(direct->bind_output(0, memory.data(), expected.size(), last).has_value());
  EXPECT_EQ(output_bytes(*direct), expected);
  EXPECT_FALSE(has_transposed(*direct));
  EXPECT_EQ(static_cast<void*>(direct->output(0)->bytes()), memory.data());

  // And back to planes.
  ASSERT_TRUE(direct->bind_input(0, image).has_value());
  ASSERT_TRUE(direct->bind_output(0, memory.data(), expected.size()).has_value());
  EXPECT_EQ(output_bytes(*direct), expected);
}

TEST(ChannelsLast, GivesTheSameBitsForEveryProgram) {
  for (const Case& fixture : find_programs()) {
    SCOPED_TRACE(fixture.program);
    const auto program = Program::load(fixture.program).value();
    const Tensor image = largest_input(fixture.folder);
    const auto method = program->load_method().value();
    ASSERT_TRUE(method->bind_input(0, image).has_value());
    const auto expected = output_bytes(*method);
    if (image.rank() != 4) continue;
    const Tensor turned = image.with_dim_order(DimOrder::channels_last(4));
    if (image.size(1) != 1) {  // then the elements lie in another order
      const auto back = turned.contiguous().value();
      ASSERT_TRUE(method->bind_input(0, back).has_value());
      const auto other = output_bytes(*method);
      ASSERT_TRUE(method->bind_input(0, turned).has_value());
      EXPECT_EQ(output_bytes(*method), other);
      continue;
    }
    ASSERT_TRUE(method->bind_input(0, turned).has_value());
    EXPECT_EQ(output_bytes(*method), expected);
  }
}

}  // namespace
}  // namespace tessera
