// SPDX-License-Identifier: MIT
#include "formats/segments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace tessera {
namespace {

constexpr std::size_t kPrologueBytes = 8;  ///< root offset and identifier

static_assert(std::endian::native == std::endian::little);

std::size_t total_size(std::span<const std::span<const std::byte>> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  return size;
}

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
  return add(std::vector<std::span<const std::byte>>{bytes});
}

std::uint32_t Segments::add(std::vector<std::span<const std::byte>> parts) {
  const std::uint64_t end = num_bytes();
  const std::uint64_t size = total_size(parts);
  entries_.push_back({.offset = size == 0 ? end : round_up(end, kSegmentAlignment), .size = size});
  parts_.push_back(std::move(parts));
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

std::span<const std::byte> zeros(std::size_t count) {
  static constexpr std::array<std::byte, kSegmentAlignment> kZeros{};
  CHECK(count <= kZeros.size());
  return std::span(kZeros).first(count);
}

FileParts assemble(std::span<const std::byte> flatbuffer, std::span<const std::byte> header,
                   const Segments& segments) {
  const std::uint64_t base = round_up(flatbuffer.size() + header.size(), kSegmentAlignment);
  std::uint32_t root;
  std::memcpy(&root, flatbuffer.data(), sizeof root);

  FileParts file;
  file.head.reserve(flatbuffer.size() + header.size());
  append(file.head, root + static_cast<std::uint32_t>(header.size()));
  const auto add = [&file](std::span<const std::byte> bytes) {
    file.head.insert(file.head.end(), bytes.begin(), bytes.end());
  };
  add(flatbuffer.subspan(sizeof root, kPrologueBytes - sizeof root));
  add(header);
  add(flatbuffer.subspan(kPrologueBytes));

  file.parts.emplace_back(file.head);
  std::uint64_t end = file.head.size();
  for (std::size_t i = 0; i < segments.entries().size(); ++i) {
    const SegmentEntry& entry = segments.entries()[i];
    if (entry.size == 0) continue;
    file.parts.push_back(zeros(base + entry.offset - end));
    file.parts.insert(file.parts.end(), segments.parts(i).begin(), segments.parts(i).end());
    end = base + entry.offset + entry.size;
  }
  return file;
}

std::size_t FileParts::size() const { return total_size(parts); }

std::vector<std::byte> FileParts::join() const {
  std::vector<std::byte> bytes;
  bytes.reserve(size());
  for (const auto part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

}  // namespace tessera
