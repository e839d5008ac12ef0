// SPDX-License-Identifier: MIT
#include "xnnpack/packed_file.h"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/try.h"
#include "xnnpack/platform.h"

namespace tessera::xnnpack {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'S', 'R', 'P', 'A', 'C', 'K', '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kAlignment = 64;  // as PackedBlock's

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t header_bytes = 64;
  std::uint64_t hash_seed = 0;
  ContentHash platform;
  std::uint64_t index_offset = 0;
  std::uint64_t num_entries = 0;
  std::uint64_t checksum = 0;  ///< of this header with 0 here and of the index
};
struct IndexEntry {
  ContentHash content;
  std::uint32_t kernel_seed = 0;
  std::uint32_t reserved = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(Header) == kAlignment && sizeof(IndexEntry) == 40);

std::size_t aligned(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

std::uint64_t checksum_of(Header header, std::span<const IndexEntry> index) {
  header.checksum = 0;
  Description description;
  description.add(std::as_bytes(std::span(&header, 1)));
  description.add(std::as_bytes(index));
  return description.hash(/*seed=*/0).low;
}

std::unexpected<Error> unusable(std::string_view why) {
  return fail(ErrorCode::kInvalidExternalData, "packed weights: {}", why);
}

Result<Header> read_header(std::span<const std::byte> bytes) {
  Header header;
  if (bytes.size() < sizeof header) return unusable("no header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || header.version != kVersion ||
      header.header_bytes != sizeof header) {
    return unusable("another format or version");
  }
  if (header.platform != packing_platform()) return unusable("for another processor or XNNPACK");
  const std::uint64_t size = bytes.size();
  if (header.index_offset < sizeof header || header.index_offset > size ||
      (size - header.index_offset) % sizeof(IndexEntry) != 0 ||
      (size - header.index_offset) / sizeof(IndexEntry) != header.num_entries) {
    return unusable("the index is not where the header says");
  }
  return header;
}

}  // namespace

Result<PackedFile::Contents> PackedFile::read(const std::filesystem::path& path) {
  Contents contents;
  contents.file = TRY(FileBytes::map(path));
  const auto bytes = contents.file->bytes();
  const Header header = TRY(read_header(bytes));
  std::vector<IndexEntry> index(header.num_entries);
  if (!index.empty()) {
    std::memcpy(index.data(), bytes.data() + header.index_offset,
                index.size() * sizeof(IndexEntry));
  }
  if (checksum_of(header, index) != header.checksum) return unusable("header or index is damaged");
  contents.hash_seed = header.hash_seed;
  for (const IndexEntry& entry : index) {
    if (entry.offset < sizeof header || entry.offset % kAlignment != 0 ||
        entry.offset > header.index_offset || entry.size > header.index_offset - entry.offset) {
      return unusable("a block is out of bounds");
    }
    contents.entries.emplace(PackedKey{.hash_seed = header.hash_seed,
                                       .content = entry.content,
                                       .kernel_seed = entry.kernel_seed},
                             Entry{.bytes = bytes.subspan(entry.offset, entry.size)});
  }
  return contents;
}

std::shared_ptr<PackedFile> PackedFile::open(const std::filesystem::path& path) {
  auto result = std::shared_ptr<PackedFile>(new PackedFile(path));
  if (auto contents = read(path)) {
    result->contents_ = *std::move(contents);
  } else {
    result->contents_.hash_seed = random_seed();
  }
  return result;
}

std::shared_ptr<const PackedBlock> PackedFile::find(const PackedKey& key) const {
  const auto found = contents_.entries.find(key);
  if (found == contents_.entries.end()) return nullptr;
  const Entry& entry = found->second;
  if (entry.added != nullptr) return entry.added;
  return PackedBlock::view(contents_.file, entry.bytes);
}

bool PackedFile::contains(const PackedKey& key) const { return contents_.entries.contains(key); }

void PackedFile::add(const PackedKey& key, std::shared_ptr<const PackedBlock> block) {
  contents_.entries[key] = {block->bytes(), block};
  has_additions_ = true;
}

Result<void> PackedFile::save() {
  if (!has_additions_) return {};
  has_additions_ = false;
  auto entries = contents_.entries;
  auto now = read(path_);  // what another process may have added meanwhile
  if (now && now->hash_seed == contents_.hash_seed) entries.merge(now->entries);

  static constexpr std::array<std::byte, kAlignment> kPadding{};
  Header header{.hash_seed = contents_.hash_seed,
                .platform = packing_platform(),
                .index_offset = sizeof(Header),
                .num_entries = entries.size()};
  std::vector<IndexEntry> index;
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(&header, 1))};
  for (const auto& [key, entry] : entries) {
    index.push_back({.content = key.content,
                     .kernel_seed = key.kernel_seed,
                     .offset = header.index_offset,
                     .size = entry.bytes.size()});
    const std::size_t size = aligned(entry.bytes.size());
    parts.push_back(entry.bytes);
    parts.push_back(std::span(kPadding).first(size - entry.bytes.size()));
    header.index_offset += size;
  }
  header.checksum = checksum_of(header, index);
  parts.push_back(std::as_bytes(std::span<const IndexEntry>(index)));
  auto written = write_parts_atomically(path_, parts);
  // Delegates keep the blocks alive from here on, not this.
  std::erase_if(contents_.entries, [](const auto& entry) { return entry.second.added != nullptr; });
  return written;
}

}  // namespace tessera::xnnpack
