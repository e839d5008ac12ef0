// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/program.h"

/// Models that write to their buffers (tools/make_counter.py) keep them from run to run.
namespace tessera {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TESSERA_TEST_DATA) / "counter";

void expect_close(const Tensor& found, const Tensor& expected, const std::string& where) {
  ASSERT_EQ(found.shape(), expected.shape()) << where;
  ASSERT_EQ(found.dtype(), expected.dtype()) << where;
  if (expected.dtype() == DType::kI64) {
    EXPECT_EQ(found.elements<std::int64_t>()[0], expected.elements<std::int64_t>()[0]) << where;
    return;
  }
  for (std::int64_t i = 0; i < expected.num_elements(); ++i) {
    EXPECT_NEAR(found.data<float>()[i], expected.data<float>()[i], 1e-5) << where;
  }
}

class State : public ::testing::TestWithParam<Backend> {};

TEST_P(State, IsKeptFromRunToRunAndPerMethod) {
  const fs::path path = fs::temp_directory_path() / std::format("state-{}.pte", ::getpid());
  const auto report = compile(kFolder / "model.pt2", path, {.backend = GetParam()});
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  const auto program = Program::load(path);
  fs::remove(path);
  ASSERT_TRUE(program.has_value()) << program.error().to_string();
  const Tensor input = read_npy(kFolder / "in0.npy").value();
  for (int method_number = 0; method_number < 2; ++method_number) {  // each from the beginning
    const auto method = (*program)->load_method();
    ASSERT_TRUE(method.has_value()) << method.error().to_string();
    ASSERT_EQ((*method)->num_inputs(), 1u);
    ASSERT_EQ((*method)->num_outputs(), 3u);
    ASSERT_TRUE((*method)->set_input(0, input).has_value());
    for (int run = 0; run < 3; ++run) {
      ASSERT_TRUE((*method)->execute().has_value());
      for (std::size_t i = 0; i < 3; ++i) {
        const std::string name = std::format("run{}_out{}.npy", run, i);
        expect_close((*method)->output(i).value(), read_npy(kFolder / name).value(), name);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, State, ::testing::Values(Backend::kXnnpack, Backend::kPortable),
                         [](const auto& info) {
                           return info.param == Backend::kXnnpack ? "Xnnpack" : "Portable";
                         });

}  // namespace
}  // namespace tessera
