// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <zip.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/zip.h"

/// Zip archives taken apart, changed and put together again.
namespace tessera::testing {

using Entries = std::map<std::string, std::string>;

inline std::filesystem::path fixture(const std::string& model) {
  return std::filesystem::path(TESSERA_TEST_DATA) / "fixtures" / model / "model.pt2";
}

inline Entries read_entries(const std::filesystem::path& path) {
  Entries entries;
  const auto archive = ZipArchive::open(path);
  EXPECT_TRUE(archive.has_value()) << archive.error().to_string();
  if (!archive) return entries;
  for (const ZipEntry& entry : archive->entries()) {
    entries[entry.name] = archive->read(entry.name)->text();
  }
  return entries;
}

inline std::shared_ptr<const FileBytes> write_entries(const Entries& entries,
                                                      bool compressed = false) {
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  zip_source_keep(target);
  zip_t* archive = zip_open_from_source(target, ZIP_TRUNCATE, nullptr);
  for (const auto& [name, text] : entries) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
    EXPECT_GE(index, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                             compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  EXPECT_EQ(zip_close(archive), 0);
  zip_stat_t info;
  zip_source_stat(target, &info);
  std::vector<std::byte> bytes(info.size);
  zip_source_open(target);
  EXPECT_EQ(zip_source_read(target, bytes.data(), bytes.size()),
            static_cast<zip_int64_t>(bytes.size()));
  zip_source_close(target);
  zip_source_free(target);
  return FileBytes::copy_of(bytes);
}

/// Replaces the only or first occurrence, which must exist.
inline void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto position = text.find(from);
  ASSERT_NE(position, std::string::npos) << "no " << from;
  text.replace(position, from.size(), to);
}

}  // namespace tessera::testing
