// SPDX-License-Identifier: MIT
// Models that PyTorch's tools quantized (tools/make_quantized.py) compile to programs with
// PyTorch's results.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <set>
#include <string>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/model.h"
#include "tolerance.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string folder;
  Backend backend;
  double relative = 0;  ///< tolerance, of the largest output
  double steps = 0;     ///< or in steps of the integers that outputs come from
};

/// What differs in the values of a tensor that was quantized: the least difference between two.
double step_of(const Tensor& tensor) {
  const auto elements = tensor.elements<float>();
  const std::set<float> values(elements.begin(), elements.end());
  double step = std::numeric_limits<double>::infinity();
  for (auto value = values.begin(); std::next(value) != values.end(); ++value) {
    step = std::min(step, static_cast<double>(*std::next(value)) - static_cast<double>(*value));
  }
  return step;
}

double largest_of(const Tensor& tensor) {
  double largest = 0;
  for (const float element : tensor.elements<float>()) {
    largest = std::max(largest, std::abs(static_cast<double>(element)));
  }
  return largest;
}

class QuantizedImport : public ::testing::TestWithParam<Case> {};

TEST_P(QuantizedImport, GivesPyTorchsResults) {
  const fs::path folder = fs::path(TESSERA_TEST_DATA) / "quantized" / GetParam().folder;
  const fs::path path = fs::temp_directory_path() / std::format("quantized-{}.pte", ::getpid());
  const auto report = compile(folder / "model.pt2", path, {.backend = GetParam().backend});
  ASSERT_TRUE(report) << report.error().to_string();
  auto model = Model::load(path);
  fs::remove(path);
  ASSERT_TRUE(model) << model.error().to_string();
  const auto outputs = model->run({read_npy(folder / "in0.npy").value()});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  ASSERT_FALSE(outputs->empty());
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    const Tensor expected = read_npy(folder / std::format("out{}.npy", i)).value();
    const auto& [name, backend, relative, steps] = GetParam();
    const double tolerance =
        steps > 0 ? steps * 1.001 * step_of(expected) / largest_of(expected) : relative;
    EXPECT_LE(testing::relative_error(outputs->at(i), expected), tolerance) << "output " << i;
  }
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  return info.param.folder + (info.param.backend == Backend::kPortable ? "_portable" : "_xnnpack");
}

INSTANTIATE_TEST_SUITE_P(
    , QuantizedImport,
    ::testing::Values(
        // A sum in another order may lie on the other side of the middle between two integers.
        Case{.folder = "static", .backend = Backend::kPortable, .steps = 1},
        Case{.folder = "static", .backend = Backend::kXnnpack, .steps = testing::kStaticInt8Steps},
        Case{.folder = "dynamic",
             .backend = Backend::kPortable,
             .relative = testing::kFixtureRelativeTolerance},
        Case{.folder = "dynamic",
             .backend = Backend::kXnnpack,
             .relative = testing::kDynamicRowsRelativeTolerance},
        Case{.folder = "grouped",
             .backend = Backend::kPortable,
             .relative = testing::kFixtureRelativeTolerance},
        // Scales of groups become bfloat16.
        Case{.folder = "grouped",
             .backend = Backend::kXnnpack,
             .relative = testing::kDynamicRowsRelativeTolerance}),
    name_of_case);

}  // namespace
}  // namespace tessera
