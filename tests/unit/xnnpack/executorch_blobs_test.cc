// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/mapped_file.h"
#include "formats/pte.h"
#include "payload_text.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::xnnpack {
namespace {

/// Calls `check` for each XNNPACK delegate of each program that ExecuTorch wrote for the fixtures.
void for_each_delegate(
    const std::function<void(const pte::Program&, const pte::BackendDelegate&)>& check) {
  std::size_t num_delegates = 0;
  for (const std::string root : {TESSERA_TEST_DATA "/fixtures", TESSERA_FIXTURES}) {
    if (root.empty() || !std::filesystem::exists(root)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const auto name = entry.path().filename().string();
      if (!name.starts_with("xnnpack") || !name.ends_with(".pte")) continue;
      SCOPED_TRACE(entry.path().string());
      const auto file = FileBytes::map(entry.path()).value();
      const auto program = pte::read(file->bytes());
      ASSERT_TRUE(program) << program.error().to_string();
      for (const auto& plan : program->plans) {
        for (const auto& delegate : plan.delegates) {
          ASSERT_EQ(delegate.id, kBackendId);
          check(*program, delegate);
          ++num_delegates;
        }
      }
    }
  }
  EXPECT_GT(num_delegates, 0u);
}

TEST(ExecuTorchBlobs, AreReadAndWrittenAgain) {
  for_each_delegate([](const pte::Program&, const pte::BackendDelegate& delegate) {
    const auto read = read_payload(delegate.blob);
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_GT(read->nodes.size(), 0u);
    const auto again = write_payload(*read);
    const auto reread = read_payload(again);
    ASSERT_TRUE(reread) << reread.error().to_string();
    EXPECT_EQ(print(*read), print(*reread));
  });
}

constexpr std::int64_t kMaxElements = 1 << 19;

/// External dims are what ExecuTorch computed for the upper bounds; XNNPACK and our own inference
/// must come to the same ones.
TEST(ExecuTorchBlobs, RunAtTheirBounds) {
  for_each_delegate([](const pte::Program& program, const pte::BackendDelegate& record) {
    const auto find = [&](std::string_view key) -> Result<std::span<const std::byte>> {
      const auto found = program.find_named_data(key);
      if (!found) return fail(ErrorCode::kNotFound, "no named data '{}'", key);
      return *found;
    };
    const auto delegate = Delegate::create(record.blob, find, nullptr);
    ASSERT_TRUE(delegate) << delegate.error().to_string();
    std::vector<Shape> inputs((*delegate)->num_inputs()), outputs((*delegate)->num_outputs());
    for (const auto& value : (*delegate)->payload().values) {
      if (value.flags == 0) continue;
      Shape shape;
      for (const auto dim : value.dims) shape.push_back(dim);
      (value.flags == ValueRecord::kExternalInput ? inputs[value.external_id]
                                                  : outputs[value.external_id - inputs.size()]) =
          shape;
    }
    for (const auto& shape : inputs) {
      if (shape.num_elements() > kMaxElements) return;  // slow, and no other code
    }
    const auto found = (*delegate)->reshape(inputs);
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_THAT(*found, ::testing::ElementsAreArray(outputs));
  });
}

}  // namespace
}  // namespace tessera::xnnpack
