// SPDX-License-Identifier: MIT
// tests/data/checkpoints is made by tools/make_checkpoints.py.
#include "formats/checkpoint.h"

#include <gmock/gmock.h>

#include <functional>

#include "archive_variant.h"

namespace tessera {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::Entries;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI64,
                             DType::kI32, DType::kI16, DType::kI8,  DType::kU8,   DType::kU16,
                             DType::kU32, DType::kU64, DType::kBool};

std::filesystem::path file(const std::string& name) {
  return std::filesystem::path(TESSERA_TEST_DATA) / "checkpoints" / name;
}

Checkpoint checkpoint_of(const std::string& name) {
  auto checkpoint = read_checkpoint(file(name));
  EXPECT_TRUE(checkpoint.has_value()) << checkpoint.error().to_string();
  return checkpoint ? *std::move(checkpoint) : Checkpoint();
}

std::string error_of(const std::shared_ptr<const FileBytes>& bytes) {
  const auto checkpoint = read_checkpoint(bytes);
  return checkpoint ? std::string() : checkpoint.error().message;
}

std::string error_of(const std::string& text) {
  return error_of(FileBytes::copy_of(std::as_bytes(std::span(text))));
}

/// Elements 0 to 5 as the dtype's bytes; booleans 0, 1, 1, ...
template <class T>
void expect_counts(const Tensor& tensor) {
  ASSERT_EQ(tensor.num_elements(), 6);
  for (int i = 0; i < 6; ++i) {
    const int expected = tensor.dtype() == DType::kBool ? i > 0 : i;
    EXPECT_EQ(static_cast<float>(tensor.data<T>()[i]), static_cast<float>(expected));
  }
}

void expect_all_types(const TensorMap& tensors) {
  for (const DType dtype : kDTypes) {
    SCOPED_TRACE(name_of(dtype));
    const auto found = tensors.find(name_of(dtype));
    ASSERT_NE(found, tensors.end());
    const Tensor& tensor = found->second;
    EXPECT_EQ(tensor.type_string(), std::string(name_of(dtype)) + "[2, 3]");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes()) % size_of(dtype), 0U);
  }
  expect_counts<float>(tensors.find("f32")->second);
  expect_counts<double>(tensors.find("f64")->second);
  expect_counts<Half>(tensors.find("f16")->second);
  expect_counts<BFloat16>(tensors.find("bf16")->second);
  expect_counts<std::int64_t>(tensors.find("i64")->second);
  expect_counts<std::int32_t>(tensors.find("i32")->second);
  expect_counts<std::int16_t>(tensors.find("i16")->second);
  expect_counts<std::int8_t>(tensors.find("i8")->second);
  expect_counts<std::uint8_t>(tensors.find("u8")->second);
  expect_counts<std::uint16_t>(tensors.find("u16")->second);
  expect_counts<std::uint32_t>(tensors.find("u32")->second);
  expect_counts<std::uint64_t>(tensors.find("u64")->second);
  expect_counts<bool>(tensors.find("bool")->second);
  EXPECT_EQ(tensors.find("empty")->second.type_string(), "f32[0, 3]");
}

TEST(Checkpoint, ReadsSafetensors) {
  const Checkpoint checkpoint = checkpoint_of("all_types.safetensors");
  EXPECT_EQ(checkpoint.format, ".safetensors");
  EXPECT_EQ(checkpoint.tensors.size(), 14U);
  expect_all_types(checkpoint.tensors);
}

TEST(Checkpoint, ReadsTorchSave) {
  for (const std::string name : {"all_types.pth", "training_state.pt"}) {
    SCOPED_TRACE(name);
    const Checkpoint checkpoint = checkpoint_of(name);
    EXPECT_EQ(checkpoint.format, "torch.save");
    EXPECT_EQ(checkpoint.tensors.size(), 20U);  // without "epochs"
    expect_all_types(checkpoint.tensors);
    const auto elements = [&](const std::string& tensor) {
      return checkpoint.tensors.at(tensor).elements<float>();
    };
    EXPECT_THAT(elements("grid"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    EXPECT_THAT(elements("turned"), ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    EXPECT_EQ(checkpoint.tensors.at("turned").type_string(), "f32[4, 3]");
    EXPECT_THAT(elements("row"), ElementsAre(4, 5, 6, 7));
    EXPECT_THAT(elements("column"), ElementsAre(2, 6, 10));
    EXPECT_THAT(elements("parameter"), ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(checkpoint.tensors.at("scalar").type_string(), "i64[]");
    EXPECT_EQ(*checkpoint.tensors.at("scalar").data<std::int64_t>(), 7);
    // Views of one storage share it, in the mapped file.
    EXPECT_EQ(elements("row").data(), elements("grid").data() + 4);
  }
}

TEST(Checkpoint, TensorsOutliveEverythingElse) {
  Tensor grid;
  {
    grid = checkpoint_of("all_types.pth").tensors.at("grid");
  }
  EXPECT_EQ(grid.data<float>()[11], 11);
}

TEST(Checkpoint, ReadsCompressedArchives) {
  const auto checkpoint =
      read_checkpoint(testing::write_entries(testing::read_entries(file("all_types.pth")), true));
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().to_string();
  expect_all_types(checkpoint->tensors);
}

/// Archives of torch.save in archives of older PyTorch lie anywhere.
TEST(Checkpoint, MisalignedStoragesAreCopiedOnce) {
  const auto whole = FileBytes::map(file("all_types.pth")).value();
  std::vector<std::byte> shifted(1);
  shifted.insert(shifted.end(), whole->bytes().begin(), whole->bytes().end());
  const auto outer = FileBytes::copy_of(shifted);
  const auto archive =
      ZipArchive::open(ZipBytes{.bytes = outer->bytes().subspan(1), .owner = outer});
  ASSERT_TRUE(archive.has_value()) << archive.error().message;
  std::uint64_t budget_bytes = whole->bytes().size();
  const auto tensors = read_torch_save(*archive, budget_bytes);
  ASSERT_TRUE(tensors.has_value()) << tensors.error().message;
  expect_all_types(*tensors);
  EXPECT_EQ(tensors->at("row").data<float>(), tensors->at("grid").data<float>() + 4);
  std::uint64_t small_budget_bytes = 10;
  const auto refused = read_torch_save(*archive, small_budget_bytes);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("larger than the file"));
}

TEST(Checkpoint, OtherFilesAreRecognised) {
  const auto message = [](const std::string& name) {
    const auto checkpoint = read_checkpoint(file(name));
    EXPECT_FALSE(checkpoint.has_value());
    return checkpoint ? std::string() : checkpoint.error().message;
  };
  EXPECT_THAT(message("legacy.pth"), AllOf(HasSubstr("legacy.pth: "), HasSubstr("PyTorch 1.5")));
  EXPECT_THAT(message("whole_module.pth"),
              AllOf(HasSubstr("data.pkl: byte "), HasSubstr("'torch.nn.modules.linear.Linear'"),
                    HasSubstr("state_dict()")));
  EXPECT_THAT(message("nothing.pth"), HasSubstr("nothing.pth"));
  EXPECT_THAT(error_of(FileBytes::map(testing::fixture("edge")).value()),
              HasSubstr("exported program (.pt2)"));
  EXPECT_THAT(error_of(testing::write_entries({{"m/code/m.py", ""}, {"m/constants.pkl", ""}})),
              HasSubstr("TorchScript"));
  EXPECT_THAT(error_of(testing::write_entries({{"letter.txt", "dear"}})),
              HasSubstr("no entry 'data.pkl'"));
  EXPECT_THAT(error_of("a letter to my grandmother"), HasSubstr("found neither"));
  EXPECT_THAT(error_of(""), HasSubstr("found neither"));
}

std::string error_with(const std::function<void(Entries&)>& change) {
  Entries entries = testing::read_entries(file("all_types.pth"));
  change(entries);
  return error_of(testing::write_entries(entries));
}

TEST(Checkpoint, DamagedArchivesNameTheTensor) {
  EXPECT_EQ(error_with([](Entries&) {}), "");
  EXPECT_THAT(error_with([](Entries& entries) { entries.erase("all_types/data/0"); }),
              AllOf(HasSubstr("tensor 'f32'"), HasSubstr("no entry 'all_types/data/0'")));
  EXPECT_THAT(
      error_with([](Entries& entries) { entries["all_types/data/0"].resize(20); }),
      AllOf(HasSubstr("tensor 'f32'"), HasSubstr("expected 6 elements of 4 bytes, found 20")));
  EXPECT_THAT(error_with([](Entries& entries) { entries["all_types/byteorder"] = "big"; }),
              HasSubstr("'little', found 'big'"));
  // Sizes 2, 3 of f32 become 200, 3.
  EXPECT_THAT(error_with([](Entries& entries) {
                testing::replace(entries["all_types/data.pkl"], "K\2K\3\x86", "K\xc8K\3\x86");
              }),
              AllOf(HasSubstr("tensor 'f32'"), HasSubstr("needs 600 elements, the storage has 6")));
  EXPECT_THAT(error_with([](Entries& entries) { entries["all_types/data.pkl"] = "\x80\2N."; }),
              HasSubstr("expected a dict of tensors, found None"));
}

std::string safetensors(const std::string& header, std::size_t num_data_bytes) {
  std::string text(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  return text + header + std::string(num_data_bytes, '\1');
}

std::string entry(const std::string& dtype, const std::string& shape, int begin, int end) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[)" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(Safetensors, BytesMustBeCoveredOnce) {
  const auto error = [](int begin, int end, std::size_t num_bytes) {
    return error_of(safetensors(
        R"({"a":)" + entry("F32", "[2]", 0, 8) + R"(,"b":)" + entry("U8", "[4]", begin, end) + "}",
        num_bytes));
  };
  EXPECT_EQ(error(8, 12, 12), "");
  EXPECT_THAT(error(7, 11, 11),
              AllOf(HasSubstr("'b'"), HasSubstr("expected 8"), HasSubstr("overlap")));
  EXPECT_THAT(error(9, 13, 13), AllOf(HasSubstr("'b'"), HasSubstr("leave a gap")));
  EXPECT_THAT(error(8, 12, 11), HasSubstr("take 12 bytes, the file has 11"));
  EXPECT_THAT(error(8, 12, 13), HasSubstr("take 12 bytes, the file has 13"));
  EXPECT_THAT(error(8, 11, 11), HasSubstr("u8[4] takes 4 bytes, found 3"));
  EXPECT_THAT(error(12, 8, 12), HasSubstr("is no range"));
  EXPECT_THAT(error(-4, 0, 12), HasSubstr("is no range"));
}

TEST(Safetensors, WrongHeadersNameThePlace) {
  const auto error = [](const std::string& tensor) {
    return error_of(safetensors(R"({"a":)" + tensor + "}", 8));
  };
  EXPECT_THAT(error(entry("F8_E4M3", "[8]", 0, 8)),
              AllOf(HasSubstr("header['a'].dtype"), HasSubstr("'F8_E4M3'")));
  EXPECT_THAT(error(entry("F32", "[-2]", 0, 8)), AllOf(HasSubstr("header['a']"), HasSubstr("-2")));
  EXPECT_THAT(error(entry("F32", "[2000000000,2000000000,2000000000]", 0, 8)),
              AllOf(HasSubstr("header['a']"), HasSubstr("overflows")));
  EXPECT_THAT(error(entry("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", 0, 8)),
              HasSubstr("17 dimensions"));
  EXPECT_THAT(error(entry("F32", "2", 0, 8)), HasSubstr("expected an array"));
  EXPECT_THAT(error(R"({"dtype":"F32","shape":[2]})"), HasSubstr("'data_offsets' is missing"));
  EXPECT_THAT(error(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})"), HasSubstr("two offsets"));
  EXPECT_THAT(error("5"), HasSubstr("expected an object"));
  EXPECT_THAT(error_of(safetensors("{", 0)), HasSubstr("not valid JSON"));
  std::string huge = safetensors("{}", 0);
  huge[5] = '\1';
  EXPECT_THAT(error_of(huge), HasSubstr("the header has 1099511627778 bytes"));
}

TEST(Safetensors, MisalignedTensorsAreCopied) {
  const std::string text = safetensors(
      R"({"a":)" + entry("U8", "[1]", 0, 1) + R"(,"b":)" + entry("F32", "[8]", 1, 33) + "}", 33);
  const auto checkpoint = read_checkpoint(FileBytes::copy_of(std::as_bytes(std::span(text))));
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().to_string();
  const Tensor& tensor = checkpoint->tensors.at("b");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes()) % 4, 0U);
  EXPECT_THAT(std::span(tensor.bytes(), 32), Each(std::byte{1}));
}

}  // namespace
}  // namespace tessera
