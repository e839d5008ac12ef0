// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "formats/pte.h"
#include "program_generated.h"
#include "unit/formats/pte_samples.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

using ::testing::HasSubstr;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "no error" : result.error().to_string();
}

// ---- records: the checks that reader and writer share -------------------------------------------

struct BrokenRecord {
  const char* name;
  std::function<void(Program&)> break_it;
  const char* message;
};

TensorValue& tensor(Program& program, std::size_t index) {
  return std::get<TensorValue>(program.plans[0].values[index]);
}

template <class Call>
Call& call(Program& program, std::size_t index) {
  return std::get<Call>(program.plans[0].chains[0][index]);
}

class PteBrokenRecord : public ::testing::TestWithParam<BrokenRecord> {};

TEST_P(PteBrokenRecord, IsRefusedWithItsPlace) {
  Program program = make_sample();
  GetParam().break_it(program);
  const auto written = write(program);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr(GetParam().message));
}

const BrokenRecord kBrokenRecords[] = {
    {"NegativeSize", [](Program& p) { tensor(p, 2).sizes[1] = -3; },
     "plan 0: value 2: the sizes [2, -3] have -3, expected 0 to 2147483647"},
    {"SizeProduct",
     [](Program& p) {
       tensor(p, 2).sizes = {0x7fffffff, 0x7fffffff, 0x7fffffff, 0};
       tensor(p, 2).dim_order = {0, 1, 2, 3};
     },
     "value 2: the product of the sizes [2147483647, 2147483647, 2147483647, 0] overflows"},
    {"DimOrderTwice", [](Program& p) { tensor(p, 1).dim_order = {0, 2, 2, 1}; },
     "value 1: the dim_order is 0 2 2 1, expected a permutation of the 4 dimensions"},
    {"DimOrderShort", [](Program& p) { tensor(p, 1).dim_order = {0, 1}; },
     "value 1: the dim_order is 0 1, expected a permutation of the 4 dimensions"},
    {"Unbound", [](Program& p) { tensor(p, 0).dynamism = ShapeDynamism::kDynamicUnbound; },
     "value 0: has shape dynamism 2, expected 0 or 1"},
    {"ArenaZero", [](Program& p) { tensor(p, 0).allocation->memory_id = 0; },
     "value 0: the allocation is in arena 0, expected 1 or more and below 2"},
    {"ArenaMissing", [](Program& p) { tensor(p, 0).allocation->memory_id = 2; },
     "value 0: the allocation is in arena 2, expected 1 or more and below 2"},
    {"AllocationEnd", [](Program& p) { tensor(p, 1).allocation->offset = 148; },
     "value 1: the allocation has 128 bytes at 148, arena 1 has 272"},
    {"AllocationOverflow", [](Program& p) { tensor(p, 1).allocation->offset = ~std::uint64_t{3}; },
     "arena 1 has 272"},
    {"AllocationAlignment", [](Program& p) { tensor(p, 1).allocation->offset = 130; },
     "value 1: the allocation starts at 130, expected a multiple of 4"},
    {"ArenaNegative", [](Program& p) { p.plans[0].buffer_sizes[1] = -1; },
     "plan 0: arena 1 has -1 bytes, expected 0 or more"},
    {"ArenaSum", [](Program& p) { p.plans[0].buffer_sizes = {0, 272, 1, 0x7fffffffffffffff}; },
     "plan 0: arena 3 has 9223372036854775807 bytes"},
    {"ConstantMissing", [](Program& p) { tensor(p, 2).data_buffer_index = 4; },
     "value 2: refers to constant 4, the file has 4 (entry 0 means none)"},
    {"ConstantShort", [](Program& p) { tensor(p, 3).sizes = {6}; },
     "value 3: needs 24 bytes of constant 2, which has 20"},
    {"InitialDataMissing", [](Program& p) { tensor(p, 5).data_buffer_index = 2; },
     "value 5: refers to initial data 2, the file has 2"},
    {"IntListOfTensor", [](Program& p) { p.plans[0].values[13] = IntList{{9, 0}}; },
     "value 13: item 1 is value 0, which is not an Int"},
    {"TensorListOutside", [](Program& p) { p.plans[0].values[16] = TensorList{{0, 18}}; },
     "value 16: item 1 is value 18, the plan has 18"},
    {"TensorListNone", [](Program& p) { p.plans[0].values[16] = TensorList{{-1}}; },
     "value 16: item 0 is value -1, the plan has 18"},
    {"OptionalTensorListOfInt",
     [](Program& p) { p.plans[0].values[17] = OptionalTensorList{{-1, 9}}; },
     "value 17: item 1 is value 9, which is not a Tensor, a Null or -1"},
    {"OperatorIndex", [](Program& p) { call<KernelCall>(p, 0).operator_index = 3; },
     "chain 0, instruction 0: the operator index is 3, expected 0 or more and below 3"},
    {"KernelArgument", [](Program& p) { call<KernelCall>(p, 0).arguments[1] = 18; },
     "chain 0, instruction 0: argument 1 is value 18, the plan has 18"},
    {"DelegateIndex", [](Program& p) { call<DelegateCall>(p, 1).delegate_index = -1; },
     "chain 0, instruction 1: the delegate index is -1, expected 0 or more and below 3"},
    {"DelegateArgument", [](Program& p) { call<DelegateCall>(p, 1).arguments[0] = -1; },
     "chain 0, instruction 1: argument 0 is value -1"},
    {"JumpCondition", [](Program& p) { call<JumpFalseCall>(p, 2).condition = 0; },
     "instruction 2: the condition is value 0, which is neither a Bool nor a bool tensor"},
    {"JumpDestination", [](Program& p) { call<JumpFalseCall>(p, 2).destination = 6; },
     "instruction 2: the jump's destination is 6, expected 0 or more and below 6"},
    {"MoveDestination", [](Program& p) { call<MoveCall>(p, 3).to = 18; },
     "instruction 3: the destination value is 18, expected 0 or more and below 18"},
    {"FreeOfInt", [](Program& p) { call<FreeCall>(p, 4).value = 9; },
     "instruction 4: frees value 9, which is not a Tensor"},
    {"Input", [](Program& p) { p.plans[0].inputs = {0, 40}; },
     "plan 0: input 1 is value 40, the plan has 18"},
    {"Output", [](Program& p) { p.plans[0].outputs = {-2}; },
     "plan 0: output 0 is value -2, the plan has 18"},
    {"NoChain", [](Program& p) { p.plans[0].chains.clear(); }, "plan 0: has no chain"},
    {"PlanTwice", [](Program& p) { p.plans.push_back(p.plans[0]); },
     "plan 1: another plan has the name 'forward', too"},
    {"KeyTwice", [](Program& p) { p.named_data[1].first = "b"; },
     "named data 1: another entry has the key 'b', too"},
    {"Version", [](Program& p) { p.version = 1; }, "the program has version 1, expected 0"},
};

INSTANTIATE_TEST_SUITE_P(All, PteBrokenRecord, ::testing::ValuesIn(kBrokenRecords),
                         [](const auto& info) { return info.param.name; });

// ---- files: what only a reader can meet ---------------------------------------------------------

/// A written sample to break byte by byte.
class File {
 public:
  File() : bytes_(write(make_sample()).value()) {}

  const fbp::Program& program() const { return *fbp::GetProgram(bytes_.data()); }
  const fbp::ExecutionPlan& plan() const { return *program().execution_plan()->Get(0); }
  const fbp::EValue& value(std::uint32_t index) const { return *plan().values()->Get(index); }
  const fbp::Tensor& tensor(std::uint32_t index) const { return *value(index).val_as_Tensor(); }
  std::vector<std::byte>& bytes() { return bytes_; }

  template <class T>
  void put(std::size_t offset, T number) {
    std::memcpy(bytes_.data() + offset, &number, sizeof number);
  }

  /// Overwrites a field that is not at its default.
  template <class T, class Table>
  void put_field(const Table& table, flatbuffers::voffset_t field, T number) {
    const auto* address = generic(table).GetAddressOf(field);
    put(reinterpret_cast<const std::byte*>(address) - bytes_.data(), number);
  }

  template <class T, class Item>
  void put_item(const flatbuffers::Vector<Item>& items, std::uint32_t index, T number) {
    put(items.Data() + index * sizeof(Item) - reinterpret_cast<std::uint8_t*>(bytes_.data()),
        number);
  }

  /// Makes a field absent in this table and in those that share its vtable.
  template <class Table>
  void drop_field(const Table& table, flatbuffers::voffset_t field) {
    const auto* vtable = generic(table).GetVTable();
    put(vtable + field - reinterpret_cast<std::uint8_t*>(bytes_.data()), std::uint16_t{0});
  }

 private:
  template <class Table>
  static const flatbuffers::Table& generic(const Table& table) {
    return reinterpret_cast<const flatbuffers::Table&>(table);
  }

  std::vector<std::byte> bytes_;
};

struct BrokenFile {
  const char* name;
  std::function<void(File&)> break_it;
  const char* message;
};

class PteBrokenFile : public ::testing::TestWithParam<BrokenFile> {};

TEST_P(PteBrokenFile, IsRefusedWithItsPlace) {
  File file;
  GetParam().break_it(file);
  const auto copy = aligned(file.bytes());
  const auto program = read(copy->bytes());
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message, HasSubstr(GetParam().message));
}

const BrokenFile kBrokenFiles[] = {
    {"Empty", [](File& f) { f.bytes().clear(); }, "the file has 0 bytes, expected at least 8"},
    {"Identifier", [](File& f) { f.put(4, std::uint32_t{0x33315445}); },
     "the file identifier is 0x33315445, expected 0x32315445 (\"ET12\")"},
    {"HeaderCut", [](File& f) { f.bytes().resize(20); },
     "the file ends at 20, within its extended header"},
    {"HeaderLength", [](File& f) { f.put(12, std::uint32_t{8}); },
     "the extended header's length is 8, expected 24 to"},
    {"ProgramSize", [](File& f) { f.put(16, ~std::uint64_t{0}); },
     "program_size is 18446744073709551615, expected 40 to"},
    {"SegmentBase", [](File& f) { f.put(24, std::uint64_t{64}); },
     "bytes start at 64, expected a place between the program's end"},
    {"SegmentDataSize", [](File& f) { f.put(32, ~std::uint64_t{0}); },
     "the segments' 18446744073709551615 bytes start at"},
    {"NotAFlatBuffer", [](File& f) { f.put(0, std::uint32_t{0x7ffffff0}); },
     "bytes are no sound FlatBuffer"},
    {"NoExtendedHeader", [](File& f) { f.put(8, std::uint32_t{0}); },
     "segment 0 has 52 bytes, but the file has no extended header"},
    {"SegmentOffset",
     [](File& f) {
       f.put_field(*f.program().segments()->Get(2), fbp::DataSegment::VT_OFFSET,
                   std::uint64_t{1} << 63);
     },
     "segment 2 has 77 bytes at 9223372036854775808, the segments have"},
    {"SegmentSize",
     [](File& f) {
       f.put_field(*f.program().segments()->Get(3), fbp::DataSegment::VT_SIZE, std::uint64_t{5000});
     },
     "segment 3 has 5000 bytes at"},
    {"SegmentAlignment",
     [](File& f) {
       f.put_field(*f.program().segments()->Get(2), fbp::DataSegment::VT_OFFSET, std::uint64_t{1});
     },
     "expected a multiple of 16"},
    {"ConstantOffset",
     [](File& f) {
       f.put_item(*f.program().constant_segment()->offsets(), 2, std::uint64_t{4096});
     },
     "constant segment: entry 2 starts at 4096, segment 0 has 52 bytes"},
    {"ConstantAlignment",
     [](File& f) { f.put_item(*f.program().constant_segment()->offsets(), 2, std::uint64_t{7}); },
     "constant segment: entry 2 starts at 7, expected a multiple of 16"},
    {"InitialDataSegment",
     [](File& f) {
       f.put_field(*f.program().mutable_data_segments()->Get(0),
                   fbp::SubsegmentOffsets::VT_SEGMENT_INDEX, std::uint32_t{9});
     },
     "mutable data segment: refers to segment 9, the file has 6"},
    {"NamedDataSegment",
     [](File& f) {
       f.put_field(*f.program().named_data()->Get(1), fbp::NamedData::VT_SEGMENT_INDEX,
                   std::uint32_t{6});
     },
     "named data 1 refers to segment 6, the file has 6"},
    {"DelegateSegment",
     [](File& f) {
       f.put_field(*f.plan().delegates()->Get(1)->processed(),
                   fbp::BackendDelegateDataReference::VT_INDEX, std::uint32_t{77});
     },
     "plan 0: delegate 1: refers to segment 77, the file has 6"},
    {"DelegateInlineBlob",
     [](File& f) {
       f.put_field(*f.plan().delegates()->Get(1)->processed(),
                   fbp::BackendDelegateDataReference::VT_LOCATION, std::int8_t{0});
     },
     "plan 0: delegate 1: refers to inline blob 3, the file has 0"},
    {"ScalarType",
     [](File& f) { f.put_field(f.tensor(1), fbp::Tensor::VT_SCALAR_TYPE, std::int8_t{12}); },
     "plan 0: value 1: has scalar type 12, which is not known"},
    {"Dynamism",
     [](File& f) { f.put_field(f.tensor(0), fbp::Tensor::VT_SHAPE_DYNAMISM, std::int8_t{5}); },
     "plan 0: value 0: has shape dynamism 5, expected 0 or 1"},
    {"ExternalLocation",
     [](File& f) {
       f.put_field(*f.tensor(6).extra_tensor_info(), fbp::ExtraTensorInfo::VT_LOCATION,
                   std::int8_t{3});
     },
     "plan 0: value 6: has data location 3, expected 0 or 1"},
    {"ValueKind",
     [](File& f) { f.put_field(f.value(9), fbp::EValue::VT_VAL_TYPE, std::uint8_t{99}); },
     "plan 0: value 9: has kind 99, expected 1 to 11"},
    {"ValueContent", [](File& f) { f.drop_field(f.value(0), fbp::EValue::VT_VAL); },
     "plan 0: value 0: has no content"},
    {"NoSizes", [](File& f) { f.drop_field(f.tensor(0), fbp::Tensor::VT_SIZES); },
     "plan 0: value 0: has no sizes"},
    {"NoDimOrder", [](File& f) { f.drop_field(f.tensor(0), fbp::Tensor::VT_DIM_ORDER); },
     "plan 0: value 0: has no dim_order"},
    {"InstructionKind",
     [](File& f) {
       f.put_field(*f.plan().chains()->Get(0)->instructions()->Get(3),
                   fbp::Instruction::VT_INSTR_ARGS_TYPE, std::uint8_t{6});
     },
     "plan 0: chain 0: instruction 3: has kind 6, expected 1 to 5"},
    {"NoOperators", [](File& f) { f.drop_field(f.plan(), fbp::ExecutionPlan::VT_OPERATORS); },
     "plan 0: has no operators"},
    {"NoDelegates", [](File& f) { f.drop_field(f.plan(), fbp::ExecutionPlan::VT_DELEGATES); },
     "plan 0: has no delegates"},
    {"NoPlans", [](File& f) { f.drop_field(f.program(), fbp::Program::VT_EXECUTION_PLAN); },
     "has no execution plans"},
};

INSTANTIATE_TEST_SUITE_P(All, PteBrokenFile, ::testing::ValuesIn(kBrokenFiles),
                         [](const auto& info) { return info.param.name; });

TEST(PteBroken, EveryTruncationIsRefused) {
  const std::vector<std::byte> bytes = write(make_sample()).value();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto file = aligned(std::span(bytes).first(length));
    EXPECT_FALSE(read(file->bytes())) << length;
  }
}

TEST(PteBroken, FlippedBitsAreRefusedOrStillMakeAProgram) {
  const std::vector<std::byte> bytes = write(make_sample()).value();
  std::mt19937 random(7);
  std::size_t num_refused = 0;
  constexpr std::size_t kNumTrials = 3000;
  for (std::size_t trial = 0; trial < kNumTrials; ++trial) {
    std::vector<std::byte> flipped = bytes;
    flipped[random() % bytes.size()] ^= std::byte(1 << random() % 8);
    const auto file = aligned(flipped);
    const auto program = read(file->bytes());
    if (!program) {
      EXPECT_FALSE(program.error().message.empty());
      ++num_refused;
      continue;
    }
    const auto written = write(*program);
    EXPECT_TRUE(written) << message_of(written);
  }
  EXPECT_GT(num_refused, kNumTrials / 10);
  EXPECT_LT(num_refused, kNumTrials);
}

}  // namespace
}  // namespace tessera::pte
