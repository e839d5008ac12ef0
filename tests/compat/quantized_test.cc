// SPDX-License-Identifier: MIT
// Quantized programs that ExecuTorch's exporter wrote give what ExecuTorch's own runtime computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/program_impl.h"
#include "tensor/npy.h"
#include "tessera/program.h"
#include "tolerance.h"
#include "xnnpack/payload.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct QuantizedCase {
  fs::path folder;
  std::string kind;
  int number = 0;

  std::string name() const {
    return std::format("{}_{}_{}", folder.filename().string(), kind, number);
  }
};

void PrintTo(const QuantizedCase& test, std::ostream* out) { *out << test.name(); }

std::vector<fs::path> find_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (root.empty() || !fs::exists(root)) continue;
    for (const auto& folder : fs::directory_iterator(root)) {
      if (folder.is_directory()) folders.push_back(folder.path());
    }
  }
  return folders;
}

/// Stems of the folder's programs but those in f32, which fixtures_test.cc runs.
std::vector<std::string> find_kinds(const fs::path& folder) {
  std::vector<std::string> kinds;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string kind = entry.path().stem();
    if (entry.path().extension() == ".pte" && kind != "portable" && kind != "xnnpack") {
      kinds.push_back(kind);
    }
  }
  return kinds;
}

/// KIND.pte with inN.npy and KIND.etoutN.npy; folders that come later add to those before.
std::vector<QuantizedCase> find_cases() {
  std::vector<QuantizedCase> cases;
  for (const fs::path& folder : find_folders()) {
    for (const std::string& kind : find_kinds(folder)) {
      for (int number = 0; number < 16; ++number) {
        QuantizedCase test{folder, kind, number};
        if (!fs::exists(folder / std::format("{}.etout{}.npy", kind, number)) ||
            !fs::exists(folder / std::format("in{}.npy", number))) {
          continue;
        }
        std::erase_if(cases, [&](const auto& other) { return other.name() == test.name(); });
        cases.push_back(std::move(test));
      }
    }
  }
  std::ranges::sort(cases, {}, &QuantizedCase::name);
  return cases;
}

/// The step of the 8-bit values that the program turns into floats last: what its output is a
/// multiple of. Nothing where activations are quantized dynamically.
std::optional<double> find_step(const Program& program) {
  std::optional<double> step;
  for (const pte::BackendDelegate& delegate : program.impl().program.plans[0].delegates) {
    const auto payload = xnnpack::read_payload(delegate.blob);
    if (!payload) continue;
    for (const xnnpack::NodeRecord& node : payload->nodes) {
      if (node.kind != xnnpack::NodeKind::kConvert) continue;
      const auto input =
          std::ranges::find(payload->values, node.inputs[0], &xnnpack::ValueRecord::id);
      const auto* quant = std::get_if<xnnpack::PerTensorQuant>(&input->quant);
      if (quant != nullptr) step = quant->scale;
    }
  }
  return step;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.num_elements(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.data<float>()[i]) -
                                         static_cast<double>(b.data<float>()[i])));
  }
  return largest;
}

class Quantized : public ::testing::TestWithParam<QuantizedCase> {};

TEST_P(Quantized, GivesExecuTorchsResults) {
  const auto& [folder, kind, number] = GetParam();
  const auto program = Program::load(folder / (kind + ".pte"));
  ASSERT_TRUE(program) << program.error().to_string();
  const auto method = (*program)->load_method();
  ASSERT_TRUE(method) << method.error().to_string();
  const Tensor input = read_npy(folder / std::format("in{}.npy", number)).value();
  const Tensor expected = read_npy(folder / std::format("{}.etout{}.npy", kind, number)).value();
  ASSERT_TRUE((*method)->set_input(0, input));
  const auto done = (*method)->execute();
  ASSERT_TRUE(done) << done.error().to_string();
  const Tensor output = (*method)->output(0).value();
  ASSERT_EQ(output.type_string(), expected.type_string());
  if (const auto step = find_step(**program)) {
    const double steps = folder.filename() == "mv3_small" ? testing::kMobileNetV3Int8Steps
                                                          : testing::kStaticInt8Steps;
    EXPECT_LE(largest_difference(output, expected), steps * *step * 1.0001);
  } else {
    EXPECT_LE(testing::relative_error(output, expected), testing::kDynamicInt8RelativeTolerance);
  }
}

TEST(QuantizedPrograms, AllHaveAReference) {
  const std::vector<QuantizedCase> cases = find_cases();
  for (const fs::path& folder : find_folders()) {
    for (const std::string& kind : find_kinds(folder)) {
      EXPECT_TRUE(std::ranges::any_of(cases, [&](const QuantizedCase& test) {
        return test.folder.filename() == folder.filename() && test.kind == kind;
      })) << folder / kind;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Quantized, ::testing::ValuesIn(find_cases()),
                         [](const auto& info) { return info.param.name(); });

}  // namespace
}  // namespace tessera
