// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "base/mapped_file.h"
#include "base/try.h"
#include "formats/pte.h"
#include "tessera/compile.h"
#include "tessera/named_models.h"
#include "xnnpack/payload.h"

/// What Tessera compiles is never more than what ExecuTorch 1.4.1 made of the same model.
namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Structure {
  std::size_t num_delegates = 0;
  std::size_t num_nodes = 0;  ///< in delegates, and kernel calls
  std::int64_t planned_bytes = 0;
};

Result<Structure> structure_of(const fs::path& path) {
  const auto file = TRY(FileBytes::map(path));
  const pte::Program program = TRY(pte::read(file->bytes()));
  Structure structure;
  for (const pte::ExecutionPlan& plan : program.plans) {
    structure.num_delegates += plan.delegates.size();
    for (const pte::BackendDelegate& delegate : plan.delegates) {
      structure.num_nodes += TRY(xnnpack::read_payload(delegate.blob)).nodes.size();
    }
    for (const auto& chain : plan.chains) {
      for (const pte::Instruction& instruction : chain) {
        structure.num_nodes += std::holds_alternative<pte::KernelCall>(instruction) ? 1 : 0;
      }
    }
    structure.planned_bytes = std::accumulate(plan.buffer_sizes.begin(), plan.buffer_sizes.end(),
                                              structure.planned_bytes);
  }
  return structure;
}

void expect_no_more_than(const fs::path& model, const fs::path& reference, Backend backend) {
  const fs::path path = fs::temp_directory_path() / std::format("structure-{}.pte", ::getpid());
  const auto report = compile(model, path, {.backend = backend});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto ours = structure_of(path), theirs = structure_of(reference);
  fs::remove(path);
  ASSERT_TRUE(ours.has_value()) << ours.error().message;
  ASSERT_TRUE(theirs.has_value()) << theirs.error().message;
  EXPECT_LE(ours->num_delegates, theirs->num_delegates) << reference;
  EXPECT_LE(ours->num_nodes, theirs->num_nodes) << reference;
  EXPECT_LE(ours->planned_bytes, theirs->planned_bytes) << reference;
}

TEST(Structure, IsNeverMoreThanExecuTorchs) {
  int num_compared = 0;
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (root.empty() || !fs::exists(root)) continue;
    for (const auto& folder : fs::directory_iterator(root)) {
      const fs::path model = folder.path() / "model.pt2";
      if (!fs::exists(model)) continue;
      for (const auto& [name, backend] : {std::pair("xnnpack.pte", Backend::kXnnpack),
                                          std::pair("portable.pte", Backend::kPortable)}) {
        const fs::path reference = folder.path() / name;
        if (!fs::exists(reference)) continue;
        expect_no_more_than(model, reference, backend);
        ++num_compared;
      }
    }
  }
  EXPECT_GT(num_compared, 0);
}

void expect_tight(const Result<CompileReport>& report) {
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_LE(static_cast<double>(report->planned_bytes),
            1.05 * static_cast<double>(report->live_bytes));
}

/// No plan can do with less than lives at once.
TEST(Structure, PlansHardlyMoreThanLives) {
  const fs::path path = fs::temp_directory_path() / std::format("structure-{}.pte", ::getpid());
  for (const Backend backend : {Backend::kPortable, Backend::kXnnpack}) {
    for (const std::string_view name : {"unet", "resnet18"}) {
      SCOPED_TRACE(name);
      auto network = build_named_model(name);
      ASSERT_TRUE(network.has_value()) << network.error().message;
      expect_tight(compile(*std::move(network), path, {.backend = backend}));
    }
    const fs::path fixture = fs::path(TESSERA_TEST_DATA) / "fixtures/unet/model.pt2";
    expect_tight(compile(fixture, path, {.backend = backend}));
  }
  fs::remove(path);
}

}  // namespace
}  // namespace tessera
