// SPDX-License-Identifier: MIT
// Named models with the weights of an exported model compute what that model does.
#include "tessera/named_models.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "formats/pt2.h"
#include "tensor/npy.h"
#include "tessera/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 1e-4;  // of the largest element

/// The folder of this model's fixture; empty if it is in none.
fs::path find_fixture(const std::string& model) {
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (!root.empty() && fs::exists(root / model / "model.pt2")) return root / model;
  }
  return {};
}

class ProgramFile {
 public:
  explicit ProgramFile(const std::string& name)
      : path_(fs::temp_directory_path() /
              ("tessera_named_" + std::to_string(::getpid()) + "_" + name + ".pte")) {}
  ~ProgramFile() { fs::remove(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Tensor run(const fs::path& program, const Tensor& input) {
  const auto method = Program::load(program).value()->load_method().value();
  EXPECT_TRUE(method->set_input(0, input).has_value());
  const auto executed = method->execute();
  EXPECT_TRUE(executed.has_value()) << executed.error().message;
  const Tensor output = method->output(0)->contiguous().value();
  return Tensor::of_bytes(output.dtype(), output.shape(), {output.bytes(), output.num_bytes()});
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.type_string(), b.type_string());
  double largest = 0, difference = 0;
  for (std::int64_t i = 0; i < a.num_elements(); ++i) {
    largest = std::max(largest, std::abs(double{b.data<float>()[i]}));
    difference = std::max(difference, std::abs(double{a.data<float>()[i]} - b.data<float>()[i]));
  }
  return difference / largest;
}

/// The fixture's case with the smallest number.
std::string first_case(const fs::path& folder) {
  for (const std::string number : {"0", "1", "2", "3"}) {
    if (fs::exists(folder / ("out" + number + ".npy"))) return number;
  }
  return {};
}

void expect_same_as_fixture(const std::string& model, const std::string& fixture,
                            NamedModelOptions options) {
  SCOPED_TRACE(fixture);
  const fs::path folder = find_fixture(fixture);
  if (folder.empty()) return;  // just in the larger folder of fixtures
  const auto exported = pt2::read(folder / "model.pt2");
  ASSERT_TRUE(exported.has_value()) << exported.error().message;
  options.weights = Weights::of(exported->weights);
  auto net = build_named_model(model, options);
  ASSERT_TRUE(net.has_value()) << net.error().message;
  const ProgramFile named(model), imported(model + "_imported");
  const auto compiled = compile(*std::move(net), named.path());
  ASSERT_TRUE(compiled.has_value()) << compiled.error().message;
  ASSERT_TRUE(compile(folder / "model.pt2", imported.path()).has_value());

  const std::string number = first_case(folder);
  const Tensor input = read_npy(folder / ("in" + number + ".npy")).value();
  const Tensor output = run(named.path(), input);
  EXPECT_LT(largest_difference(output, read_npy(folder / ("out" + number + ".npy")).value()),
            kTolerance);
  const Tensor same = run(imported.path(), input);
  ASSERT_EQ(output.num_bytes(), same.num_bytes());
  EXPECT_EQ(std::memcmp(output.bytes(), same.bytes(), same.num_bytes()), 0);
}

TEST(NamedModels, ComputeWhatTheExportedModelDoes) {
  ASSERT_FALSE(find_fixture("edge").empty());
  ASSERT_FALSE(find_fixture("unet").empty());
  const SizeRange range{.min = 256, .max = 1024};
  expect_same_as_fixture("edge", "edge", {.height = range, .width = range});
  expect_same_as_fixture("unet", "unet", {});
  expect_same_as_fixture("unet", "unetdyn",
                         {.height = SizeRange{64, 1024}, .width = SizeRange{64, 1024}});
  expect_same_as_fixture("edsr", "edsr",
                         {.height = SizeRange{16, 512}, .width = SizeRange{16, 512}});
  expect_same_as_fixture("mv2", "mv2", {});
  expect_same_as_fixture("mv3_small", "mv3_small", {});
}

}  // namespace
}  // namespace tessera
