// SPDX-License-Identifier: MIT
#include "formats/pte.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "formats/file_parts.h"
#include "unit/formats/pte_samples.h"

namespace tessera::pte {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "no error" : result.error().to_string();
}

TEST(PteFixtures, ReadWriteReadIsTheSameProgram) {
  const auto paths = fixture_programs();
  ASSERT_GE(paths.size(), 10u);
  for (const auto& path : paths) {
    SCOPED_TRACE(path.parent_path().filename() / path.filename());
    const auto file = FileBytes::map(path);
    ASSERT_TRUE(file) << message_of(file);
    const auto program = read((*file)->bytes());
    ASSERT_TRUE(program) << message_of(program);
    const auto written = write(*program);
    ASSERT_TRUE(written) << message_of(written);
    // As big as ExecuTorch's own, give or take the tables' order.
    EXPECT_LE(written->size(), (*file)->bytes().size() * 11 / 10 + 512);
    const auto copy = aligned(*written);
    const auto program_again = read(copy->bytes());
    ASSERT_TRUE(program_again) << message_of(program_again);
    EXPECT_EQ(describe(*program_again), describe(*program));
    EXPECT_EQ(write(*program_again), *written);
  }
}

TEST(PteFixtures, HasWhatExecuTorchWroteForTheEdgeDetector) {
  const auto file =
      FileBytes::map(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/edge/portable.pte");
  ASSERT_TRUE(file) << message_of(file);
  const auto program = read((*file)->bytes());
  ASSERT_TRUE(program) << message_of(program);
  ASSERT_EQ(program->plans.size(), 1u);
  const ExecutionPlan& plan = program->plans[0];
  EXPECT_EQ(plan.name, "forward");
  EXPECT_THAT(plan.operators, ElementsAre("aten::convolution.out", "aten::clamp.out"));
  ASSERT_EQ(plan.inputs.size(), 1u);
  const auto& input = std::get<TensorValue>(plan.values[plan.inputs[0]]);
  EXPECT_EQ(input.sizes, Shape({1, 1, 1024, 1024}));
  EXPECT_EQ(input.dynamism, ShapeDynamism::kDynamicBound);
  EXPECT_EQ(input.num_bytes(), 4u << 20);
  EXPECT_TRUE(input.is_contiguous());
  const auto weight = std::ranges::find_if(plan.values, [](const Value& value) {
    const auto* tensor = std::get_if<TensorValue>(&value);
    return tensor != nullptr && tensor->data_buffer_index != 0;
  });
  ASSERT_NE(weight, plan.values.end());
  const auto& tensor = std::get<TensorValue>(*weight);
  EXPECT_EQ(tensor.sizes, Shape({1, 1, 3, 3}));
  float laplacian[9];
  std::memcpy(laplacian, program->constants[tensor.data_buffer_index].data(), sizeof laplacian);
  EXPECT_EQ(laplacian[4], -8 * laplacian[0]);
}

TEST(PteWrite, SampleComesBack) {
  const Program sample = make_sample();
  const auto written = write(sample);
  ASSERT_TRUE(written) << message_of(written);
  const auto file = aligned(*written);
  auto program = read(file->bytes());
  ASSERT_TRUE(program) << message_of(program);
  EXPECT_THAT(program->plans[0].encoded_inputs, HasSubstr("builtins.dict"));
  program->plans[0].encoded_inputs.clear();
  program->plans[0].encoded_outputs.clear();
  EXPECT_EQ(describe(*program), describe(sample));
}

TEST(PteWrite, EqualBytesAreWrittenOnce) {
  const auto written = write(make_sample());
  ASSERT_TRUE(written) << message_of(written);
  const auto file = aligned(*written);
  const auto program = read(file->bytes());
  ASSERT_TRUE(program) << message_of(program);
  EXPECT_EQ(program->constants[1].data(), program->constants[3].data());
  EXPECT_NE(program->constants[1].data(), program->constants[2].data());
  EXPECT_EQ(program->plans[0].delegates[0].blob.data(), program->plans[0].delegates[2].blob.data());
  EXPECT_EQ(program->find_named_data("a")->data(), program->find_named_data("b")->data());
}

TEST(PteWrite, PartsViewTheProgramsBytes) {
  std::vector<std::byte> weight(4096, std::byte{1}), blob(8192, std::byte{2});
  Program program = make_sample();
  program.named_data.emplace_back("weight", weight);
  program.plans[0].delegates[0].blob = blob;
  auto parts = write_parts(program);
  ASSERT_TRUE(parts.has_value()) << parts.error().message;
  const FileParts moved = *std::move(parts);
  std::size_t num_viewed = 0;
  for (const auto part : moved.parts) {
    if (part.data() == weight.data() || part.data() == blob.data()) ++num_viewed;
  }
  EXPECT_EQ(num_viewed, 2u);
  EXPECT_LT(moved.head.size(), 8192u);
  EXPECT_EQ(moved.size(), moved.join().size());
  EXPECT_EQ(moved.join(), write(program).value());
}

TEST(PteWrite, SegmentsAndConstantsAreAligned) {
  const auto written = write(make_sample());
  ASSERT_TRUE(written) << message_of(written);
  const auto file = aligned(*written);
  const auto program = read(file->bytes());
  ASSERT_TRUE(program) << message_of(program);
  const auto offset_of = [&](std::span<const std::byte> part) {
    return part.data() - file->bytes().data();
  };
  EXPECT_EQ(offset_of(program->constants[1]) % 128, 0);
  EXPECT_EQ(offset_of(program->constants[2]) % 16, 0);
  EXPECT_EQ(offset_of(program->plans[0].delegates[1].blob) % 128, 0);
  EXPECT_EQ(offset_of(*program->find_named_data("b")) % 128, 0);
}

TEST(PteWrite, ExtendedHeaderDescribesTheFile) {
  const auto written = write(make_sample());
  ASSERT_TRUE(written) << message_of(written);
  EXPECT_EQ(std::memcmp(written->data() + 4, "ET12eh00", 8), 0);
  std::uint32_t length;
  std::uint64_t program_size, segment_base, data_size;
  std::memcpy(&length, written->data() + 12, sizeof length);
  std::memcpy(&program_size, written->data() + 16, sizeof program_size);
  std::memcpy(&segment_base, written->data() + 24, sizeof segment_base);
  std::memcpy(&data_size, written->data() + 32, sizeof data_size);
  EXPECT_EQ(length, 32u);
  EXPECT_EQ(segment_base, (program_size + 127) / 128 * 128);
  EXPECT_EQ(segment_base + data_size, written->size());
}

TEST(PteWrite, ProgramWithoutDataComesBack) {
  Program program;
  program.plans = {{.name = "empty", .chains = {{}}, .buffer_sizes = {0}}};
  const auto written = write(program);
  ASSERT_TRUE(written) << message_of(written);
  const auto file = aligned(*written);
  const auto again = read(file->bytes());
  ASSERT_TRUE(again) << message_of(again);
  EXPECT_EQ(again->constants.size(), 1u);
  EXPECT_THAT(again->mutable_initial_data, IsEmpty());
  EXPECT_EQ(again->plans[0].encoded_inputs, "");
  EXPECT_EQ(again->plans[0].encoded_outputs,
            R"([1, {"type": "builtins.tuple", "context": "null", "children_spec": []}])");
}

TEST(PteWrite, OneInputAndOutputHaveTorchsTreespec) {
  const auto file =
      FileBytes::map(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/edge/xnnpack.pte");
  ASSERT_TRUE(file) << message_of(file);
  auto program = read((*file)->bytes());
  ASSERT_TRUE(program) << message_of(program);
  const ExecutionPlan by_torch = program->plans[0];
  program->plans[0].encoded_inputs.clear();
  program->plans[0].encoded_outputs.clear();
  const auto written = write(*program);
  ASSERT_TRUE(written) << message_of(written);
  const auto copy = aligned(*written);
  const auto again = read(copy->bytes());
  ASSERT_TRUE(again) << message_of(again);
  EXPECT_EQ(again->plans[0].encoded_inputs, by_torch.encoded_inputs);
  EXPECT_EQ(again->plans[0].encoded_outputs, by_torch.encoded_outputs);
}

TEST(PteWrite, UnusedConstantHasNoBytes) {
  Program program = make_sample();
  const auto size_before = write(program)->size();
  program.constants.push_back(sample_bytes());
  const auto written = write(program);
  ASSERT_TRUE(written) << message_of(written);
  EXPECT_LT(written->size(), size_before + 128);
  const auto file = aligned(*written);
  const auto again = read(file->bytes());
  ASSERT_TRUE(again) << message_of(again);
  EXPECT_EQ(again->constants.size(), 5u);
}

TEST(PteRecords, NamedDataIsFoundByKey) {
  const Program program = make_sample();
  EXPECT_EQ(program.find_named_data("b")->size(), 300u);
  EXPECT_EQ(program.find_named_data("empty")->size(), 0u);
  EXPECT_FALSE(program.find_named_data("c").has_value());
}

TEST(PteRecords, BytesAndContiguity) {
  TensorValue tensor{.dtype = DType::kI64, .sizes = {2, 3}, .dim_order = {0, 1}};
  EXPECT_EQ(tensor.num_bytes(), 48u);
  EXPECT_TRUE(tensor.is_contiguous());
  tensor.dim_order = {1, 0};
  EXPECT_FALSE(tensor.is_contiguous());
}

}  // namespace
}  // namespace tessera::pte
