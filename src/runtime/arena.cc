// SPDX-License-Identifier: MIT
#include "runtime/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tessera/tensor.h"

namespace tessera::runtime {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t round_down(std::size_t value, std::size_t unit) { return value / unit * unit; }
std::size_t round_up(std::size_t value, std::size_t unit) {
  return round_down(value + unit - 1, unit);
}

/// Whole pages, sorted, disjoint.
std::vector<ByteRange> pages_of(std::span<const ByteRange> ranges) {
  std::vector<ByteRange> pages;
  for (const ByteRange& range : ranges) {
    if (range.begin == range.end) continue;
    pages.push_back({round_down(range.begin, page_bytes()), round_up(range.end, page_bytes())});
  }
  std::ranges::sort(pages, {}, &ByteRange::begin);
  std::vector<ByteRange> merged;
  for (const ByteRange& range : pages) {
    if (!merged.empty() && range.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

/// The parts of `whole` that are in none of `holes` (sorted, disjoint).
std::vector<ByteRange> without(ByteRange whole, std::span<const ByteRange> holes) {
  std::vector<ByteRange> parts;
  for (const ByteRange& hole : holes) {
    if (!overlap(whole, hole)) continue;
    if (whole.begin < hole.begin) parts.push_back({whole.begin, hole.begin});
    whole.begin = std::min(hole.end, whole.end);
  }
  if (whole.begin < whole.end) parts.push_back(whole);
  return parts;
}

}  // namespace

Result<Arena> Arena::reserve(std::size_t num_bytes) {
  const std::size_t reserved =
      round_up(std::min(num_bytes, SIZE_MAX / 2) + kTensorPaddingBytes, page_bytes());
  void* data = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return fail(ErrorCode::kMemoryAllocationFailed, "no address space for {} planned bytes",
                num_bytes);
  }
  // A huge page under a small tensor would cost what the upper bound costs; see use().
  ::madvise(data, reserved, MADV_NOHUGEPAGE);
  return Arena(static_cast<std::byte*>(data), num_bytes, reserved);
}

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      num_bytes_(other.num_bytes_),
      num_reserved_(other.num_reserved_),
      in_use_(std::move(other.in_use_)) {}

Arena::~Arena() {
  if (data_ != nullptr) ::munmap(data_, num_reserved_);
}

void Arena::use(std::span<const ByteRange> ranges) {
  std::vector<ByteRange> wanted = pages_of(ranges);
  for (const ByteRange& old : in_use_) {
    for (const ByteRange& unused : without(old, wanted)) {
      ::madvise(data_ + unused.begin, unused.end - unused.begin, MADV_NOHUGEPAGE);
      ::madvise(data_ + unused.begin, unused.end - unused.begin, MADV_DONTNEED);
    }
  }
  const auto base = reinterpret_cast<std::uintptr_t>(data_);
  for (const ByteRange& range : wanted) {
    const std::size_t begin = round_up(base + range.begin, kHugePageBytes) - base;
    const std::size_t end = round_down(base + range.end, kHugePageBytes) - base;
    if (begin < end && begin < range.end) ::madvise(data_ + begin, end - begin, MADV_HUGEPAGE);
  }
  in_use_ = std::move(wanted);
}

std::size_t Arena::committed_bytes() const {
  std::size_t bytes = 0;
  for (const ByteRange& range : in_use_) bytes += range.end - range.begin;
  return bytes;
}

}  // namespace tessera::runtime
