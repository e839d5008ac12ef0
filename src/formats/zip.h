// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/zip_directory.h"
#include "tessera/result.h"

namespace tessera {

/// The bytes of one archive entry. kTensorPaddingBytes behind them may be read as well.
struct ZipBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< keeps the bytes alive, whatever becomes of the archive

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// A copy of its own, aligned to 64 bytes and with the bytes behind.
ZipBytes padded_copy(std::span<const std::byte> bytes);

/// A zip archive for reading. Immutable, so any number of threads may share one.
///
/// Checksums are not compared: stored entries are used in place, without reading them.
class ZipArchive {
 public:
  /// Maps the file. Errors name it.
  static Result<ZipArchive> open(const std::filesystem::path& path);
  /// The same for bytes that are in memory already.
  static Result<ZipArchive> open(const std::shared_ptr<const FileBytes>& file);
  /// The same for an archive that is an entry of another one.
  static Result<ZipArchive> open(ZipBytes bytes);

  std::uint64_t file_bytes() const { return file_.bytes.size(); }
  /// The folder of the first entry with its slash, in which PyTorch puts all others:
  /// "tiny/data/weights/weight_0" -> "tiny/".
  std::string root() const;
  /// In the order of the directory.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  bool contains(std::string_view name) const { return index_.contains(name); }
  /// The unpacked bytes: in place for a stored entry, else a copy, which may be at most
  /// kMaxUnpackedBytes long. Fails with kNotFound if there is no such entry.
  Result<ZipBytes> read(std::string_view name) const;

  static constexpr std::uint64_t kMaxUnpackedBytes = std::uint64_t{1} << 31;

 private:
  ZipArchive() = default;
  Result<ZipBytes> unpack(const ZipEntry& entry) const;

  ZipBytes file_;
  std::vector<ZipEntry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace tessera
