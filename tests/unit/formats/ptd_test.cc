// SPDX-License-Identifier: MIT
#include "formats/ptd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <format>
#include <functional>

#include "base/mapped_file.h"
#include "flat_tensor_generated.h"

namespace tessera::ptd {
namespace {

namespace fbd = fb::data;

using ::testing::HasSubstr;

constexpr std::size_t kNumBytes = 256;

/// 0, 1, 2, ...
std::span<const std::byte> sample_bytes() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> filled(kNumBytes);
    for (std::size_t i = 0; i < filled.size(); ++i) filled[i] = static_cast<std::byte>(i);
    return filled;
  }();
  return bytes;
}

DataFile make_sample() {
  const auto bytes = sample_bytes();
  return {.entries = {
              {"layer.weight", bytes.first(24), TensorLayout{.sizes = {2, 3}, .dim_order = {0, 1}}},
              {"layer.tied", bytes.first(24), TensorLayout{.sizes = {3, 2}, .dim_order = {1, 0}}},
              {"count", bytes.subspan(8, 8), TensorLayout{.dtype = DType::kI64}},
              {"packed", bytes.subspan(1, 200), std::nullopt},
              {"empty", {}, std::nullopt}}};
}

void expect_equal(const DataFile& a, const DataFile& b) {
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    EXPECT_EQ(a.entries[i].key, b.entries[i].key);
    EXPECT_TRUE(std::ranges::equal(a.entries[i].bytes, b.entries[i].bytes)) << a.entries[i].key;
    EXPECT_EQ(a.entries[i].layout, b.entries[i].layout) << a.entries[i].key;
  }
}

TEST(Ptd, WhatIsWrittenIsRead) {
  const auto written = FileBytes::copy_of(write(make_sample()).value());
  expect_equal(read(written->bytes()).value(), make_sample());
}

TEST(Ptd, FileWithoutEntries) {
  const auto written = FileBytes::copy_of(write({}).value());
  EXPECT_EQ(written->bytes().size() % 128, 0u);
  EXPECT_TRUE(read(written->bytes()).value().entries.empty());
}

/// A written sample to look at and to break.
class File {
 public:
  File() : bytes_(write(make_sample()).value()) {}

  std::vector<std::byte>& bytes() { return bytes_; }
  const fbd::FlatTensor& table() const { return *fbd::GetFlatTensor(bytes_.data()); }
  const fbd::NamedData& entry(std::uint32_t index) const {
    return *table().named_data()->Get(index);
  }

  template <class T>
  T get(std::size_t offset) const {
    T number;
    std::memcpy(&number, bytes_.data() + offset, sizeof number);
    return number;
  }
  template <class T>
  void put(std::size_t offset, T number) {
    std::memcpy(bytes_.data() + offset, &number, sizeof number);
  }

  /// Overwrites a field that is not at its default.
  template <class T, class Table>
  void put_field(const Table& table, flatbuffers::voffset_t field, T number) {
    const auto* address = generic(table).GetAddressOf(field);
    put(static_cast<std::size_t>(reinterpret_cast<const std::byte*>(address) - bytes_.data()),
        number);
  }
  /// Makes a field absent in this table and in those that share its vtable.
  template <class Table>
  void drop_field(const Table& table, flatbuffers::voffset_t field) {
    const auto* vtable = reinterpret_cast<const std::byte*>(generic(table).GetVTable());
    put(static_cast<std::size_t>(vtable + field - bytes_.data()), std::uint16_t{0});
  }

 private:
  template <class Table>
  static const flatbuffers::Table& generic(const Table& table) {
    return reinterpret_cast<const flatbuffers::Table&>(table);
  }

  std::vector<std::byte> bytes_;
};

TEST(Ptd, IsLaidOutAsExecuTorchWritesIt) {
  const File file;
  EXPECT_EQ(std::memcmp(File().bytes().data() + 4, "FT01FH01", 8), 0);
  EXPECT_EQ(file.get<std::uint32_t>(12), 40u);
  EXPECT_EQ(file.get<std::uint64_t>(16), 48u);
  const auto base = file.get<std::uint64_t>(32);
  EXPECT_EQ(base % 128, 0u);
  EXPECT_EQ(base, (48 + file.get<std::uint64_t>(24) + 127) / 128 * 128);
  EXPECT_EQ(base + file.get<std::uint64_t>(40), File().bytes().size());
  // Tied weights share a segment; segments start at multiples of 128.
  EXPECT_EQ(file.table().segments()->size(), 4u);
  EXPECT_EQ(file.entry(0).segment_index(), file.entry(1).segment_index());
  for (const auto* segment : *file.table().segments()) {
    EXPECT_TRUE(segment->size() == 0 || segment->offset() % 128 == 0);
  }
}

/// Made by ExecuTorch 1.4.1's FlatTensorSerializer.
TEST(Ptd, ReadsExecuTorchsFile) {
  const auto bytes =
      FileBytes::map(std::filesystem::path(TESSERA_TEST_DATA) / "fuzz/fuzz_ptd/executorch.ptd");
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  const auto file = read((*bytes)->bytes());
  ASSERT_TRUE(file) << file.error().to_string();
  std::string text;
  for (const Entry& entry : file->entries) {
    text += std::format("{} {} {}\n", entry.key, entry.bytes.size(),
                        entry.layout ? entry.layout->to_string() : "bytes");
  }
  EXPECT_EQ(text,
            "layer.weight 24 f32[2, 3]\n"
            "layer.tied 24 f32[3, 2] in dim order 1 0\n"
            "layer.count 8 i64[]\n"
            "packed 33 bytes\n");
  float first = 0, last = 0;
  std::memcpy(&first, file->entries[0].bytes.data(), sizeof first);
  std::memcpy(&last, file->entries[1].bytes.data() + 20, sizeof last);
  EXPECT_EQ(first, -1.0f);
  EXPECT_EQ(last, 1.5f);
}

struct BrokenRecord {
  const char* name;
  std::function<void(DataFile&)> break_it;
  const char* message;
};

class PtdBrokenRecord : public ::testing::TestWithParam<BrokenRecord> {};

TEST_P(PtdBrokenRecord, IsRefusedWithItsPlace) {
  DataFile file = make_sample();
  GetParam().break_it(file);
  const auto written = write(file);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidExternalData);
  EXPECT_THAT(written.error().message, HasSubstr(GetParam().message));
}

const BrokenRecord kBrokenRecords[] = {
    {"Short", [](DataFile& f) { f.entries[0].layout->sizes[0] = 3; },
     "entry 0: 'layer.weight' is f32[3, 3] of 36 bytes, its segment has 24"},
    {"Negative", [](DataFile& f) { f.entries[0].layout->sizes[1] = -1; },
     "entry 0: the sizes [2, -1] have -1"},
    {"Overflow",
     [](DataFile& f) {
       f.entries[2].layout->sizes = {0x7fffffff, 0x7fffffff, 0};
       f.entries[2].layout->dim_order = {0, 1, 2};
     },
     "entry 2: the product of the sizes [2147483647, 2147483647, 0] overflows"},
    {"DimOrder", [](DataFile& f) { f.entries[1].layout->dim_order = {1, 1}; },
     "entry 1: the dim_order is 1 1, expected a permutation of the 2 dimensions"},
    {"KeyTwice", [](DataFile& f) { f.entries[3].key = "count"; },
     "entry 3: another entry has the key 'count', too"},
    {"KeyEmpty", [](DataFile& f) { f.entries[3].key = ""; }, "entry 3: has an empty key"},
};

INSTANTIATE_TEST_SUITE_P(All, PtdBrokenRecord, ::testing::ValuesIn(kBrokenRecords),
                         [](const auto& info) { return info.param.name; });

struct BrokenFile {
  const char* name;
  std::function<void(File&)> break_it;
  const char* message;
};

class PtdBrokenFile : public ::testing::TestWithParam<BrokenFile> {};

TEST_P(PtdBrokenFile, IsRefusedWithItsPlace) {
  File file;
  GetParam().break_it(file);
  const auto copy = FileBytes::copy_of(file.bytes());
  const auto result = read(copy->bytes());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr(GetParam().message));
}

const BrokenFile kBrokenFiles[] = {
    {"Empty", [](File& f) { f.bytes().clear(); }, "the file has 0 bytes, expected at least 8"},
    {"Identifier", [](File& f) { f.put(4, std::uint32_t{0x32315445}); },
     "the file identifier is 0x32315445, expected 0x31305446 (\"FT01\")"},
    {"NoHeader", [](File& f) { f.put(8, std::uint32_t{0}); }, "the file has no \"FH01\" at byte 8"},
    {"HeaderCut", [](File& f) { f.bytes().resize(20); }, "the file ends at 20, within its header"},
    {"HeaderLength", [](File& f) { f.put(12, std::uint32_t{39}); },
     "the header's length is 39, expected at least 40"},
    {"FlatBufferOffset", [](File& f) { f.put(16, ~std::uint64_t{0}); },
     "bytes behind a header of 18446744073709551615"},
    {"FlatBufferSize", [](File& f) { f.put(24, ~std::uint64_t{0}); },
     "the FlatBuffer has 18446744073709551615 bytes"},
    {"FlatBufferEmpty",
     [](File& f) {
       f.put(16, std::uint64_t{0});
       f.put(24, std::uint64_t{0});
     },
     "the table of contents's 0 bytes are no sound FlatBuffer"},
    {"SegmentBase", [](File& f) { f.put(32, std::uint64_t{0}); },
     "bytes start at 0, expected a place between"},
    {"SegmentBaseOutside", [](File& f) { f.put(32, ~std::uint64_t{0}); },
     "bytes start at 18446744073709551615"},
    {"SegmentData", [](File& f) { f.put(40, ~std::uint64_t{0}); },
     "the segments' 18446744073709551615 bytes"},
    {"Root", [](File& f) { f.put(0, std::uint32_t{0x7ffffff0}); }, "no sound FlatBuffer"},
    {"SegmentSize",
     [](File& f) {
       f.put_field(*f.table().segments()->Get(2), fbd::DataSegment::VT_SIZE, ~std::uint64_t{0});
     },
     "segment 2 has 18446744073709551615 bytes at 256"},
    {"SegmentOffset",
     [](File& f) {
       f.put_field(*f.table().segments()->Get(1), fbd::DataSegment::VT_OFFSET, ~std::uint64_t{7});
     },
     "segment 1 has 8 bytes at 18446744073709551608"},
    {"SegmentAlignment",
     [](File& f) {
       f.put_field(*f.table().segments()->Get(1), fbd::DataSegment::VT_OFFSET, std::uint64_t{8});
     },
     "expected a multiple of 16"},
    {"SegmentIndex",
     [](File& f) { f.put_field(f.entry(2), fbd::NamedData::VT_SEGMENT_INDEX, std::uint32_t{4}); },
     "entry 2: 'count' refers to segment 4, the file has 4"},
    {"ScalarType",
     [](File& f) {
       f.put_field(*f.entry(0).tensor_layout(), fbd::TensorLayout::VT_SCALAR_TYPE, std::int8_t{9});
     },
     "entry 0: 'layer.weight': has scalar type 9"},
    {"NoSizes",
     [](File& f) { f.drop_field(*f.entry(0).tensor_layout(), fbd::TensorLayout::VT_SIZES); },
     "entry 0: 'layer.weight': has no sizes"},
    {"NoKey", [](File& f) { f.drop_field(f.entry(0), fbd::NamedData::VT_KEY); },
     "entry 0: has no key"},
    {"NoSegments", [](File& f) { f.drop_field(f.table(), fbd::FlatTensor::VT_SEGMENTS); },
     "has no segments"},
    {"NoEntries", [](File& f) { f.drop_field(f.table(), fbd::FlatTensor::VT_NAMED_DATA); },
     "has no named data"},
};

INSTANTIATE_TEST_SUITE_P(All, PtdBrokenFile, ::testing::ValuesIn(kBrokenFiles),
                         [](const auto& info) { return info.param.name; });

TEST(PtdBroken, EveryTruncationIsRefused) {
  const std::vector<std::byte> bytes = write(make_sample()).value();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto file = FileBytes::copy_of(std::span(bytes).first(length));
    EXPECT_FALSE(read(file->bytes())) << length;
  }
}

}  // namespace
}  // namespace tessera::ptd
