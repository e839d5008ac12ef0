// SPDX-License-Identifier: MIT
#include "formats/zip_directory.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_set>

#include "base/try.h"

namespace tessera {
namespace {

constexpr std::uint32_t kLocalHeaderSignature = 0x04034b50;
constexpr std::uint32_t kCentralHeaderSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr std::size_t kLocalHeaderBytes = 30;
constexpr std::size_t kCentralHeaderBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kEnd64LocatorBytes = 20;
constexpr std::size_t kLongestComment = 0xffff;
constexpr std::uint16_t kZip64ExtraId = 1;
constexpr std::uint16_t kEncryptedFlag = 1;
constexpr std::uint16_t kStoredMethod = 0;

using Bytes = std::span<const std::byte>;

/// Little-endian number at an offset that the caller has checked.
template <class T>
T number_at(Bytes bytes, std::uint64_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[offset + i]);
  }
  return static_cast<T>(value);
}

bool fits(Bytes file, std::uint64_t offset, std::uint64_t size) {
  return offset <= file.size() && size <= file.size() - offset;
}

struct DirectoryPlace {
  std::uint64_t num_entries = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t offset = 0;
};

std::optional<std::uint64_t> find_end_record(Bytes file) {
  if (file.size() < kEndBytes) return std::nullopt;
  const std::uint64_t last = file.size() - kEndBytes;
  const std::uint64_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::uint64_t offset = last + 1; offset-- > first;) {
    if (number_at<std::uint32_t>(file, offset) == kEndSignature &&
        number_at<std::uint16_t>(file, offset + 20) == last - offset) {
      return offset;
    }
  }
  return std::nullopt;
}

Result<DirectoryPlace> read_zip64_end(Bytes file, std::uint64_t end_offset) {
  if (end_offset < kEnd64LocatorBytes ||
      number_at<std::uint32_t>(file, end_offset - kEnd64LocatorBytes) != kEnd64LocatorSignature) {
    return fail(ErrorCode::kInvalidProgram, "the zip64 locator before offset {} is missing",
                end_offset);
  }
  const auto offset = number_at<std::uint64_t>(file, end_offset - kEnd64LocatorBytes + 8);
  if (!fits(file, offset, kEnd64Bytes) ||
      number_at<std::uint32_t>(file, offset) != kEnd64Signature) {
    return fail(ErrorCode::kInvalidProgram, "there is no zip64 end record at offset {}", offset);
  }
  return DirectoryPlace{.num_entries = number_at<std::uint64_t>(file, offset + 32),
                        .size_bytes = number_at<std::uint64_t>(file, offset + 40),
                        .offset = number_at<std::uint64_t>(file, offset + 48)};
}

Result<DirectoryPlace> find_directory(Bytes file) {
  const auto end = find_end_record(file);
  if (!end) {
    return fail(ErrorCode::kInvalidProgram,
                "not a zip archive, or cut off: no end record in its {} bytes", file.size());
  }
  DirectoryPlace place{.num_entries = number_at<std::uint16_t>(file, *end + 10),
                       .size_bytes = number_at<std::uint32_t>(file, *end + 12),
                       .offset = number_at<std::uint32_t>(file, *end + 16)};
  if (place.num_entries == 0xffff || place.size_bytes == 0xffffffff || place.offset == 0xffffffff) {
    place = TRY(read_zip64_end(file, *end));
  } else if (number_at<std::uint16_t>(file, *end + 4) != 0) {
    return fail(ErrorCode::kNotSupported, "the archive is one part of several");
  }
  if (!fits(file, place.offset, place.size_bytes) ||
      place.num_entries > place.size_bytes / kCentralHeaderBytes) {
    return fail(
        ErrorCode::kInvalidProgram,
        "the directory ({} entries, {} bytes at offset {}) does not fit the file's {} bytes",
        place.num_entries, place.size_bytes, place.offset, file.size());
  }
  return place;
}

/// Fields that the 32-bit header marks as too large stand in the zip64 extra field, in this order.
Result<void> read_zip64_extra(Bytes extra, ZipEntry& entry) {
  std::uint64_t* const fields[] = {&entry.size_bytes, &entry.packed_bytes, &entry.header_offset};
  if (std::ranges::none_of(fields, [](auto* field) { return *field == 0xffffffff; })) return {};
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const auto id = number_at<std::uint16_t>(extra, at);
    const std::size_t size = number_at<std::uint16_t>(extra, at + 2);
    if (size > extra.size() - at - 4) break;
    Bytes field_bytes = extra.subspan(at + 4, size);
    at += 4 + size;
    if (id != kZip64ExtraId) continue;
    for (std::uint64_t* field : fields) {
      if (*field != 0xffffffff) continue;
      if (field_bytes.size() < 8) break;
      *field = number_at<std::uint64_t>(field_bytes, 0);
      field_bytes = field_bytes.subspan(8);
    }
    return {};
  }
  return fail(ErrorCode::kInvalidProgram, "entry '{}': its zip64 sizes are missing", entry.name);
}

Result<void> find_payload(Bytes file, ZipEntry& entry) {
  const std::uint64_t header = entry.header_offset;
  if (!fits(file, header, kLocalHeaderBytes) ||
      number_at<std::uint32_t>(file, header) != kLocalHeaderSignature) {
    return fail(ErrorCode::kInvalidProgram, "entry '{}': no local header at offset {}", entry.name,
                header);
  }
  entry.payload_offset = header + kLocalHeaderBytes + number_at<std::uint16_t>(file, header + 26) +
                         number_at<std::uint16_t>(file, header + 28);
  if (!fits(file, entry.payload_offset, entry.packed_bytes)) {
    return fail(ErrorCode::kInvalidProgram,
                "entry '{}': {} bytes at offset {} do not fit the file's {} bytes", entry.name,
                entry.packed_bytes, entry.payload_offset, file.size());
  }
  if (entry.is_stored && entry.packed_bytes != entry.size_bytes) {
    return fail(ErrorCode::kInvalidProgram,
                "entry '{}': stored without compression, but {} bytes became {}", entry.name,
                entry.size_bytes, entry.packed_bytes);
  }
  return {};
}

}  // namespace

Result<std::vector<ZipEntry>> read_zip_directory(Bytes file) {
  const DirectoryPlace place = TRY(find_directory(file));
  Bytes directory = file.subspan(place.offset, place.size_bytes);
  std::vector<ZipEntry> entries;
  entries.reserve(place.num_entries);
  std::unordered_set<std::string> names;
  for (std::uint64_t i = 0; i < place.num_entries; ++i) {
    if (directory.size() < kCentralHeaderBytes ||
        number_at<std::uint32_t>(directory, 0) != kCentralHeaderSignature) {
      return fail(ErrorCode::kInvalidProgram, "entry {} of {} of the directory is damaged", i,
                  place.num_entries);
    }
    const std::size_t name_bytes = number_at<std::uint16_t>(directory, 28);
    const std::size_t extra_bytes = number_at<std::uint16_t>(directory, 30);
    const std::size_t comment_bytes = number_at<std::uint16_t>(directory, 32);
    if (directory.size() - kCentralHeaderBytes < name_bytes + extra_bytes + comment_bytes) {
      return fail(ErrorCode::kInvalidProgram, "entry {} of {} runs past the directory's end", i,
                  place.num_entries);
    }
    const auto* name = reinterpret_cast<const char*>(directory.data() + kCentralHeaderBytes);
    ZipEntry entry{.name = std::string(name, name_bytes),
                   .is_stored = number_at<std::uint16_t>(directory, 10) == kStoredMethod,
                   .packed_bytes = number_at<std::uint32_t>(directory, 20),
                   .size_bytes = number_at<std::uint32_t>(directory, 24),
                   .header_offset = number_at<std::uint32_t>(directory, 42)};
    if ((number_at<std::uint16_t>(directory, 8) & kEncryptedFlag) != 0) {
      return fail(ErrorCode::kNotSupported, "entry '{}' is encrypted", entry.name);
    }
    if (!names.insert(entry.name).second) {
      return fail(ErrorCode::kInvalidProgram, "two entries are named '{}'", entry.name);
    }
    TRY(read_zip64_extra(directory.subspan(kCentralHeaderBytes + name_bytes, extra_bytes), entry));
    TRY(find_payload(file, entry));
    entries.push_back(std::move(entry));
    directory = directory.subspan(kCentralHeaderBytes + name_bytes + extra_bytes + comment_bytes);
  }
  return entries;
}

}  // namespace tessera
