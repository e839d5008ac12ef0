// SPDX-License-Identifier: MIT
#include "formats/zip.h"

#include <gmock/gmock.h>

#include <cstring>

#include "archive_variant.h"
#include "tessera/tensor.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const FileBytes> bytes_of(const std::string& text) {
  return FileBytes::copy_of(std::as_bytes(std::span(text)));
}

std::string text_of(const std::shared_ptr<const FileBytes>& file) {
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

template <class T>
void append(std::string& text, T number) {
  for (std::size_t i = 0; i < sizeof(T); ++i) text += static_cast<char>(number >> (8 * i) & 0xff);
}

std::string central_header(const std::string& name, std::uint32_t packed, std::uint32_t size,
                           std::uint32_t offset, const std::string& extra, int flags = 0) {
  std::string text = "PK\x01\x02";
  append<std::uint32_t>(text, 0);
  append<std::uint16_t>(text, static_cast<std::uint16_t>(flags));
  text.append(10, '\0');
  append(text, packed);
  append(text, size);
  append(text, static_cast<std::uint16_t>(name.size()));
  append(text, static_cast<std::uint16_t>(extra.size()));
  text.append(10, '\0');
  append(text, offset);
  return text + name + extra;
}

std::string local_header(const std::string& name) {
  std::string text = "PK\x03\x04";
  text.append(22, '\0');
  append(text, static_cast<std::uint16_t>(name.size()));
  append<std::uint16_t>(text, 0);
  return text + name;
}

std::string end_record(std::uint16_t count, std::uint32_t size, std::uint32_t offset) {
  std::string text("PK\x05\x06\0\0\0\0", 8);
  append(text, count);
  append(text, count);
  append(text, size);
  append(text, offset);
  return text + std::string(2, '\0');
}

/// One entry "a" with the payload "hello", all of its numbers in zip64 records.
std::string zip64_archive() {
  std::string text = local_header("a") + "hello";
  std::string extra("\x01\x00\x18\x00", 4);
  append<std::uint64_t>(extra, 5);
  append<std::uint64_t>(extra, 5);
  append<std::uint64_t>(extra, 0);
  const std::uint64_t directory = text.size();
  text += central_header("a", 0xffffffff, 0xffffffff, 0xffffffff, extra);
  const std::uint64_t end64 = text.size();
  text += "PK\x06\x06";
  append<std::uint64_t>(text, 44);
  text.append(12, '\0');
  append<std::uint64_t>(text, 1);
  append<std::uint64_t>(text, 1);
  append<std::uint64_t>(text, end64 - directory);
  append<std::uint64_t>(text, directory);
  text += std::string("PK\x06\x07\0\0\0\0", 8);
  append<std::uint64_t>(text, end64);
  append<std::uint32_t>(text, 1);
  return text + end_record(0xffff, 0xffffffff, 0xffffffff);
}

TEST(Zip, UsesStoredEntriesInPlace) {
  const auto file = FileBytes::map(testing::fixture("edge"));
  ASSERT_TRUE(file.has_value());
  const auto archive = ZipArchive::open(*file);
  ASSERT_TRUE(archive.has_value()) << archive.error().to_string();
  const auto weight = archive->read("edge/data/weights/weight_0");
  ASSERT_TRUE(weight.has_value()) << weight.error().to_string();
  EXPECT_EQ(weight->bytes.size(), 36U);
  EXPECT_GE(weight->bytes.data(), (*file)->bytes().data());
  EXPECT_LT(weight->bytes.data(), (*file)->bytes().data() + (*file)->bytes().size());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weight->bytes.data()) % 64, 0U);
  EXPECT_EQ(archive->read("edge/archive_format")->text(), "pt2");
}

TEST(Zip, BytesOutliveTheArchive) {
  ZipBytes bytes;
  {
    const auto archive = ZipArchive::open(testing::write_entries({{"a", "some text"}}));
    bytes = *archive->read("a");
  }
  EXPECT_EQ(bytes.text(), "some text");
}

TEST(Zip, UnpacksCompressedEntries) {
  const testing::Entries entries = {{"a", std::string(100000, 'x')}, {"b", "short"}, {"c", ""}};
  const auto archive = ZipArchive::open(testing::write_entries(entries, true));
  ASSERT_TRUE(archive.has_value()) << archive.error().to_string();
  EXPECT_LT(archive->file_bytes(), 1000U);
  for (const auto& [name, text] : entries) {
    const auto bytes = archive->read(name);
    ASSERT_TRUE(bytes.has_value()) << bytes.error().to_string();
    EXPECT_EQ(bytes->text(), text);
  }
}

TEST(Zip, RefusesWrongUnpackedSizes) {
  const std::string text = text_of(testing::write_entries({{"a", std::string(1000, 'x')}}, true));
  const std::size_t size_at = text.rfind("PK\x01\x02") + 24;
  for (const std::uint32_t size : {999U, 1001U, 0x7fffffffU}) {
    std::string changed = text;
    std::memcpy(changed.data() + size_at, &size, sizeof(size));
    const auto archive = ZipArchive::open(bytes_of(changed));
    ASSERT_TRUE(archive.has_value());
    EXPECT_FALSE(archive->read("a").has_value()) << size;
  }
}

TEST(Zip, ReadsZip64Records) {
  const auto archive = ZipArchive::open(bytes_of(zip64_archive()));
  ASSERT_TRUE(archive.has_value()) << archive.error().to_string();
  EXPECT_EQ(archive->read("a")->text(), "hello");
}

TEST(Zip, EveryCutIsAnError) {
  for (const std::string& text :
       {zip64_archive(), text_of(testing::write_entries({{"a", "hello"}, {"b", "world"}}))}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(ZipArchive::open(bytes_of(text.substr(0, size))).has_value()) << size;
    }
  }
}

TEST(Zip, RefusesWhatPointsOutside) {
  const std::string local = local_header("a") + "hello";
  const auto open = [&](const std::string& header) {
    const auto directory = static_cast<std::uint32_t>(local.size());
    const auto size = static_cast<std::uint32_t>(header.size());
    const auto archive =
        ZipArchive::open(bytes_of(local + header + end_record(1, size, directory)));
    return archive ? std::string() : archive.error().message;
  };
  EXPECT_EQ(open(central_header("a", 5, 5, 0, "")), "");
  EXPECT_THAT(open(central_header("a", 500, 500, 0, "")), HasSubstr("do not fit the file's"));
  EXPECT_THAT(open(central_header("a", 5, 5, 7, "")), HasSubstr("no local header at offset 7"));
  EXPECT_THAT(open(central_header("a", 5, 5, 0xfffffffe, "")), HasSubstr("no local header"));
  EXPECT_THAT(open(central_header("a", 5, 6, 0, "")), HasSubstr("6 bytes became 5"));
  EXPECT_THAT(open(central_header("a", 0xffffffff, 5, 0, "")), HasSubstr("zip64 sizes"));
  EXPECT_THAT(open(central_header("a", 5, 5, 0, "", 1)), HasSubstr("encrypted"));
}

TEST(Zip, RefusesTwoEntriesOfOneName) {
  const std::string local = local_header("a") + "hello";
  const std::string header = central_header("a", 5, 5, 0, "");
  const auto archive =
      ZipArchive::open(bytes_of(local + header + header +
                                end_record(2, static_cast<std::uint32_t>(2 * header.size()),
                                           static_cast<std::uint32_t>(local.size()))));
  ASSERT_FALSE(archive.has_value());
  EXPECT_THAT(archive.error().message, HasSubstr("two entries are named 'a'"));
}

TEST(Zip, NamesWhatIsMissing) {
  const auto archive = ZipArchive::open(testing::write_entries({{"a", "text"}}));
  EXPECT_FALSE(archive->contains("b"));
  const auto missing = archive->read("b");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto nowhere = ZipArchive::open(std::filesystem::path("no such file.pt2"));
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(nowhere.error().message, HasSubstr("no such file.pt2"));
}

}  // namespace
}  // namespace tessera
