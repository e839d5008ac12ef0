// SPDX-License-Identifier: MIT
#include "formats/zip.h"

#include <zip.h>

#include <memory>

#include "base/try.h"
#include "tessera/tensor.h"

namespace tessera {
namespace {

/// Deflate packs at most 1032 bytes into one, so a larger promise is a lie.
constexpr std::uint64_t kMaxPackingRatio = 1032;

struct ZipCloser {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

std::unexpected<Error> zip_failure(const ZipEntry& entry, const char* what) {
  return fail(ErrorCode::kInvalidProgram, "entry '{}' cannot be unpacked: {}", entry.name, what);
}

Result<std::unique_ptr<zip_t, ZipCloser>> open_with_libzip(std::span<const std::byte> file,
                                                           const ZipEntry& entry) {
  zip_error_t error;
  zip_error_init(&error);
  zip_t* archive = nullptr;
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  if (source != nullptr) {
    archive = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (archive == nullptr) zip_source_free(source);
  }
  const std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (archive == nullptr) return zip_failure(entry, text.c_str());
  return std::unique_ptr<zip_t, ZipCloser>(archive);
}

}  // namespace

ZipBytes padded_copy(std::span<const std::byte> bytes) {
  std::vector<std::byte> padded(bytes.begin(), bytes.end());
  padded.resize(bytes.size() + kTensorPaddingBytes);
  auto copy = FileBytes::copy_of(padded);
  return {.bytes = copy->bytes().first(bytes.size()), .owner = copy};
}

Result<ZipArchive> ZipArchive::open(const std::filesystem::path& path) {
  auto archive = open(TRY(FileBytes::map(path)));
  if (!archive) return with_context(std::move(archive).error(), path.string());
  return archive;
}

Result<ZipArchive> ZipArchive::open(const std::shared_ptr<const FileBytes>& file) {
  return open(ZipBytes{.bytes = file->bytes(), .owner = file});
}

Result<ZipArchive> ZipArchive::open(ZipBytes file) {
  ZipArchive archive;
  archive.entries_ = TRY(read_zip_directory(file.bytes));
  archive.file_ = std::move(file);
  for (std::size_t i = 0; i < archive.entries_.size(); ++i) {
    archive.index_.emplace(archive.entries_[i].name, i);
  }
  return archive;
}

std::string ZipArchive::root() const {
  if (entries_.empty()) return {};
  const std::string& name = entries_.front().name;
  const auto slash = name.find('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash + 1);
}

Result<ZipBytes> ZipArchive::read(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    return fail(ErrorCode::kNotFound, "the archive has no entry '{}'", name);
  }
  const ZipEntry& entry = entries_[found->second];
  if (!entry.is_stored) return unpack(entry);
  const auto bytes = file_.bytes.subspan(entry.payload_offset, entry.size_bytes);
  const std::uint64_t behind = file_bytes() - entry.payload_offset - entry.size_bytes;
  if (behind < kTensorPaddingBytes) return padded_copy(bytes);
  return ZipBytes{.bytes = bytes, .owner = file_.owner};
}

Result<ZipBytes> ZipArchive::unpack(const ZipEntry& entry) const {
  if (entry.size_bytes > kMaxUnpackedBytes ||
      entry.size_bytes / kMaxPackingRatio > entry.packed_bytes) {
    return fail(ErrorCode::kInvalidProgram,
                "entry '{}': {} bytes cannot become {} (at most {} are unpacked)", entry.name,
                entry.packed_bytes, entry.size_bytes, kMaxUnpackedBytes);
  }
  const auto archive = TRY(open_with_libzip(file_.bytes, entry));
  const std::unique_ptr<zip_file_t, ZipCloser> file(
      zip_fopen(archive.get(), entry.name.c_str(), 0));
  if (file == nullptr) return zip_failure(entry, zip_strerror(archive.get()));
  std::vector<std::byte> bytes(entry.size_bytes);
  const zip_int64_t num_read = zip_fread(file.get(), bytes.data(), bytes.size());
  std::byte rest{};
  if (num_read < 0 || static_cast<std::uint64_t>(num_read) != entry.size_bytes ||
      zip_fread(file.get(), &rest, 1) != 0) {
    return zip_failure(entry, "damaged, or its size is not the directory's");
  }
  return padded_copy(bytes);
}

}  // namespace tessera
