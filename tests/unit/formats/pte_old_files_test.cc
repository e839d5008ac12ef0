// SPDX-License-Identifier: MIT
//
// Files that Tessera does not write itself, made with the bare FlatBuffers builder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "formats/pte.h"
#include "program_generated.h"
#include "unit/formats/pte_samples.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using ::testing::HasSubstr;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "no error" : result.error().to_string();
}

Offset<fbp::EValue> make_constant(FlatBufferBuilder& builder, std::vector<std::int32_t> sizes,
                                  std::uint32_t index) {
  std::vector<std::uint8_t> dim_order(sizes.size());
  std::ranges::iota(dim_order, 0);
  const auto tensor = fbp::CreateTensorDirect(builder, static_cast<std::int8_t>(DType::kF32), 0,
                                              &sizes, &dim_order, false, index);
  return fbp::CreateEValue(builder, fbp::KernelTypes::Tensor, tensor.Union());
}

Offset<fbp::ExecutionPlan> make_plan(FlatBufferBuilder& builder,
                                     const std::vector<Offset<fbp::EValue>>& values,
                                     const std::vector<Offset<fbp::BackendDelegate>>& delegates) {
  const std::vector<std::int32_t> none;
  const std::vector<Offset<fbp::Instruction>> instructions;
  const std::vector<Offset<fbp::Operator>> operators;
  const std::vector<std::int64_t> buffer_sizes{0};
  const std::vector chains{fbp::CreateChainDirect(builder, &none, &none, &instructions)};
  return fbp::CreateExecutionPlanDirect(builder, "forward", 0, &values, &none, &none, &chains,
                                        &operators, &delegates, &buffer_sizes);
}

std::shared_ptr<const FileBytes> finish(FlatBufferBuilder& builder, Offset<fbp::Program> program) {
  fbp::FinishProgramBuffer(builder, program);
  return aligned(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
}

/// Constants and delegate blobs within the FlatBuffer, no extended header.
std::shared_ptr<const FileBytes> make_inline_file() {
  FlatBufferBuilder builder;
  const std::vector<std::uint8_t> empty, twelve(12, 3), blob(100, 9);
  const std::vector plans{make_plan(
      builder, {make_constant(builder, {3}, 1)},
      {fbp::CreateBackendDelegateDirect(
          builder, "Backend",
          fbp::CreateBackendDelegateDataReference(builder, fbp::DataLocation::Inline, 0))})};
  const std::vector constants{fbp::CreateBufferDirect(builder, &empty),
                              fbp::CreateBufferDirect(builder, &twelve)};
  const std::vector blobs{fbp::CreateBackendDelegateInlineDataDirect(builder, &blob)};
  return finish(builder, fbp::CreateProgramDirect(builder, 0, &plans, &constants, &blobs));
}

TEST(PteOldFiles, InlineConstantsAndBlobsAreRead) {
  const auto file = make_inline_file();
  const auto program = read(file->bytes());
  ASSERT_TRUE(program) << message_of(program);
  ASSERT_EQ(program->constants.size(), 2u);
  EXPECT_EQ(program->constants[1].size(), 12u);
  EXPECT_EQ(program->constants[1][11], std::byte{3});
  EXPECT_EQ(program->plans[0].delegates[0].blob.size(), 100u);
  EXPECT_EQ(program->plans[0].delegates[0].blob[99], std::byte{9});
}

TEST(PteOldFiles, InlineDataMovesToSegmentsWhenWritten) {
  const auto file = make_inline_file();
  auto program = read(file->bytes());
  ASSERT_TRUE(program) << message_of(program);
  const auto written = write(*program);
  ASSERT_TRUE(written) << message_of(written);
  const auto copy = aligned(*written);
  const auto again = read(copy->bytes());
  ASSERT_TRUE(again) << message_of(again);
  program->plans[0].encoded_outputs = again->plans[0].encoded_outputs;
  EXPECT_EQ(describe(*again), describe(*program));
  EXPECT_EQ((again->plans[0].delegates[0].blob.data() - copy->bytes().data()) % 128, 0);
}

TEST(PteOldFiles, RankAboveTheLimitIsRefused) {
  FlatBufferBuilder builder;
  const std::vector plans{
      make_plan(builder, {make_constant(builder, std::vector<std::int32_t>(17, 1), 0)}, {})};
  const auto file = finish(builder, fbp::CreateProgramDirect(builder, 0, &plans));
  EXPECT_THAT(message_of(read(file->bytes())),
              HasSubstr("plan 0: value 0: has rank 17, expected at most 16"));
}

TEST(PteOldFiles, NewerVersionIsRefused) {
  FlatBufferBuilder builder;
  const std::vector plans{make_plan(builder, {}, {})};
  const auto file = finish(builder, fbp::CreateProgramDirect(builder, 1, &plans));
  EXPECT_THAT(message_of(read(file->bytes())),
              HasSubstr("the program has version 1, expected at most 0"));
}

TEST(PteOldFiles, ListSharedByManyValuesIsRefused) {
  FlatBufferBuilder builder;
  const auto items = builder.CreateVector(std::vector<std::uint8_t>(10'000, 1));
  const auto list = fbp::CreateBoolList(builder, items);
  std::vector<Offset<fbp::EValue>> values;
  for (int count = 0; count < 1000; ++count) {
    values.push_back(fbp::CreateEValue(builder, fbp::KernelTypes::BoolList, list.Union()));
  }
  const std::vector plans{make_plan(builder, values, {})};
  const auto file = finish(builder, fbp::CreateProgramDirect(builder, 0, &plans));
  EXPECT_THAT(message_of(read(file->bytes())),
              HasSubstr("a vector of 10000 bytes is shared by too many tables to be meant"));
}

TEST(PteOldFiles, CudaTensorIsRefused) {
  FlatBufferBuilder builder;
  const std::vector<std::int32_t> sizes{1};
  const std::vector<std::uint8_t> dim_order{0};
  const auto extra = fbp::CreateExtraTensorInfo(builder, 0, 0, fbp::TensorDataLocation::Segment,
                                                fbp::DeviceType::Cuda);
  const auto tensor = fbp::CreateTensorDirect(builder, 6, 0, &sizes, &dim_order, false, 0, 0, 0,
                                              fbp::ShapeDynamism::Static, extra);
  const std::vector plans{make_plan(
      builder, {fbp::CreateEValue(builder, fbp::KernelTypes::Tensor, tensor.Union())}, {})};
  const auto file = finish(builder, fbp::CreateProgramDirect(builder, 0, &plans));
  EXPECT_THAT(message_of(read(file->bytes())),
              HasSubstr("NotSupported: plan 0: value 0: is on device type 1, expected 0 (CPU)"));
}

}  // namespace
}  // namespace tessera::pte
