// SPDX-License-Identifier: MIT
// A program whose weights are moved to a data file gives the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/mapped_file.h"
#include "formats/ptd.h"
#include "formats/pte.h"
#include "runtime/program_impl.h"
#include "tensor/npy.h"
#include "tessera/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

/// A program and a data file on disk, made from a fixture.
class DataFiles : public ::testing::TestWithParam<const char*> {
 protected:
  static fs::path fixture() { return fs::path(TESSERA_TEST_DATA) / "fixtures" / GetParam(); }

  void SetUp() override {
    folder_ = fs::temp_directory_path() / std::format("tessera-data-{}", ::getpid());
    fs::create_directories(folder_);
    const auto file = FileBytes::map(fixture());
    ASSERT_TRUE(file) << file.error().to_string();
    split(pte::read((*file)->bytes()).value());
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path program_path() const { return folder_ / "program.pte"; }
  fs::path data_path() const { return folder_ / "weights.ptd"; }

  /// Every constant, and every named data but the signatures, goes to the data file.
  void split(pte::Program program) {
    ptd::DataFile data;
    for (pte::ExecutionPlan& plan : program.plans) {
      for (pte::Value& value : plan.values) {
        auto* tensor = std::get_if<pte::TensorValue>(&value);
        if (tensor == nullptr || tensor->allocation || tensor->data_buffer_index == 0) continue;
        tensor->qualified_name = std::format("{}.{}", plan.name, data.entries.size());
        tensor->is_external = true;
        const auto bytes = program.constants[tensor->data_buffer_index].first(tensor->num_bytes());
        data.entries.push_back(
            {tensor->qualified_name, bytes,
             ptd::TensorLayout{tensor->dtype, tensor->sizes, tensor->dim_order}});
      }
    }
    program.constants = {{}};
    for (const auto& [key, bytes] : program.named_data) {
      if (!key.starts_with("tessera.")) data.entries.push_back({key, bytes, std::nullopt});
    }
    std::erase_if(program.named_data,
                  [](const auto& entry) { return !entry.first.starts_with("tessera."); });
    keys_ = data.entries.size();
    ASSERT_TRUE(write_file_atomically(program_path(), pte::write(program).value()));
    ASSERT_TRUE(write_file_atomically(data_path(), ptd::write(data).value()));
  }

  static Tensor run(const Program& program) {
    const auto method = program.load_method();
    EXPECT_TRUE(method) << method.error().to_string();
    if (!method) return {};
    const Tensor input = read_npy(fixture().parent_path() / "in1.npy").value();
    EXPECT_TRUE((*method)->set_input(0, input));
    EXPECT_TRUE((*method)->execute());
    const Tensor output = (*method)->output(0).value();
    return Tensor::of_bytes(output.dtype(), output.shape(), {output.bytes(), output.num_bytes()});
  }

  fs::path folder_;
  std::size_t keys_ = 0;
};

TEST_P(DataFiles, GiveTheSameBits) {
  ASSERT_GT(keys_, 0u);
  const auto split = Program::load(program_path(), {.data_files = {data_path()}});
  ASSERT_TRUE(split) << split.error().to_string();
  const Tensor expected = run(*Program::load(fixture()).value()), found = run(**split);
  ASSERT_EQ(found.type_string(), expected.type_string());
  EXPECT_EQ(std::memcmp(found.bytes(), expected.bytes(), expected.num_bytes()), 0);
}

TEST_P(DataFiles, AreMissedByName) {
  const auto program = Program::load(program_path()).value();
  const auto method = program->load_method();
  ASSERT_FALSE(method);
  EXPECT_EQ(method.error().code, ErrorCode::kNotFound);
  const std::string& message = method.error().message;
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(message, '\'')), 2 * (keys_ + 1))
      << message;
  EXPECT_THAT(message, HasSubstr(program_path().string()));
}

TEST_P(DataFiles, AreUsedInPlace) {
  const auto program = Program::load(program_path(), {.data_files = {data_path()}}).value();
  const pte::Program& records = program->impl().program;
  const runtime::DataMap& data = *program->impl().data;
  for (const pte::Value& value : records.plans[0].values) {
    const auto* tensor = std::get_if<pte::TensorValue>(&value);
    if (tensor == nullptr || !tensor->is_external) continue;
    const auto bytes = data.find_tensor(records, *tensor).value();
    EXPECT_EQ(bytes->data(), data.find(tensor->qualified_name)->bytes.data());
  }
  fs::remove(data_path());  // what is mapped stays
  EXPECT_TRUE(run(*program).has_data());
}

TEST_P(DataFiles, ArePartOfOneTableOfKeys) {
  const auto program = Program::load(program_path(), {.data_files = {data_path(), data_path()}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kInvalidExternalData);
  EXPECT_THAT(program.error().message,
              HasSubstr(data_path().string() + " and in " + data_path().string()));
}

INSTANTIATE_TEST_SUITE_P(, DataFiles,
                         ::testing::Values("unetdyn/portable.pte", "unetdyn/xnnpack.pte",
                                           "demodyn/xnnpack.pte"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace tessera
