// SPDX-License-Identifier: MIT
#include "formats/segments.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tessera {
namespace {

constexpr std::size_t kPrologueBytes = 8;  ///< root offset and identifier

static_assert(std::endian::native == std::endian::little);

template <class Number>
void append_number(std::vector<std::byte>& bytes, Number number) {
  const auto* first = reinterpret_cast<const std::byte*>(&number);
  bytes.insert(bytes.end(), first, first + sizeof number);
}

}  // namespace

std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool EarlierBytes::operator()(std::span<const std::byte> a, std::span<const std::byte> b) const {
  return std::ranges::lexicographical_compare(a, b);
}

std::uint32_t Segments::add(std::span<const std::byte> bytes) {
  const std::uint64_t end = num_bytes();
  entries_.push_back(
      {.offset = bytes.empty() ? end : round_up(end, kSegmentAlignment), .size = bytes.size()});
  bytes_.push_back(bytes);
  return static_cast<std::uint32_t>(entries_.size() - 1);
}

std::uint32_t Segments::add_once(std::span<const std::byte> bytes, Known& known) {
  const auto found = known.find(bytes);
  if (found != known.end()) return found->second;
  return known[bytes] = add(bytes);
}

std::uint64_t Segments::num_bytes() const {
  return entries_.empty() ? 0 : entries_.back().offset + entries_.back().size;
}

void append(std::vector<std::byte>& bytes, std::uint32_t number) { append_number(bytes, number); }
void append(std::vector<std::byte>& bytes, std::uint64_t number) { append_number(bytes, number); }
void append(std::vector<std::byte>& bytes, std::string_view letters) {
  const auto view = std::as_bytes(std::span(letters));
  bytes.insert(bytes.end(), view.begin(), view.end());
}

std::vector<std::byte> assemble(std::span<const std::byte> flatbuffer,
                                std::span<const std::byte> header, const Segments& segments) {
  const std::uint64_t base = round_up(flatbuffer.size() + header.size(), kSegmentAlignment);
  std::uint32_t root;
  std::memcpy(&root, flatbuffer.data(), sizeof root);

  std::vector<std::byte> file;
  file.reserve(base + segments.num_bytes());
  append(file, root + static_cast<std::uint32_t>(header.size()));
  const auto add = [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
  };
  add(flatbuffer.subspan(sizeof root, kPrologueBytes - sizeof root));
  add(header);
  add(flatbuffer.subspan(kPrologueBytes));
  for (std::size_t i = 0; i < segments.bytes().size(); ++i) {
    if (segments.bytes()[i].empty()) continue;
    file.resize(base + segments.entries()[i].offset);
    add(segments.bytes()[i]);
  }
  return file;
}

}  // namespace tessera
