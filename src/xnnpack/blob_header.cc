// SPDX-License-Identifier: MIT
#include "xnnpack/blob_header.h"

#include <bit>
#include <cstring>
#include <string_view>

#include "base/check.h"

namespace tessera::xnnpack {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::string_view kMagic = "XH00";
constexpr std::uint16_t kHeaderLength = 30;

// Where the fields are; they are not aligned.
constexpr std::size_t kMagicAt = 4, kLengthAt = 8, kFlatbufferOffsetAt = 10, kFlatbufferSizeAt = 14,
                      kConstantsOffsetAt = 18, kConstantsSizeAt = 22;

template <class T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void store(std::span<std::byte> bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace

bool BlobHeader::is_in(std::span<const std::byte> blob) {
  return blob.size() >= kMagicAt + kMagic.size() &&
         std::memcmp(blob.data() + kMagicAt, kMagic.data(), kMagic.size()) == 0;
}

Result<BlobHeader> BlobHeader::read(std::span<const std::byte> blob) {
  if (blob.size() < kSize) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: {} bytes, the header alone has {}",
                blob.size(), kSize);
  }
  const BlobHeader header{.flatbuffer_offset = load<std::uint32_t>(blob, kFlatbufferOffsetAt),
                          .flatbuffer_size = load<std::uint32_t>(blob, kFlatbufferSizeAt),
                          .constants_offset = load<std::uint32_t>(blob, kConstantsOffsetAt),
                          .constants_size = load<std::uint64_t>(blob, kConstantsSizeAt)};
  if (!is_inside(header.flatbuffer_offset, header.flatbuffer_size, blob.size()) ||
      !is_inside(header.constants_offset, header.constants_size, blob.size())) {
    return fail(ErrorCode::kInvalidProgram,
                "XNNPACK blob: regions [{}, +{}] and [{}, +{}] are not inside its {} bytes",
                header.flatbuffer_offset, header.flatbuffer_size, header.constants_offset,
                header.constants_size, blob.size());
  }
  const std::uint64_t flatbuffer_end =
      std::uint64_t{header.flatbuffer_offset} + header.flatbuffer_size;
  const std::uint64_t constants_end = header.constants_offset + header.constants_size;
  if (header.constants_size > 0 && header.constants_offset < flatbuffer_end &&
      header.flatbuffer_offset < constants_end) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: FlatBuffer and constants overlap");
  }
  return header;
}

void BlobHeader::write(std::span<std::byte> bytes) const {
  CHECK(bytes.size() == kSize);
  std::memset(bytes.data(), 0, bytes.size());
  std::memcpy(bytes.data() + kMagicAt, kMagic.data(), kMagic.size());
  store(bytes, kLengthAt, kHeaderLength);
  store(bytes, kFlatbufferOffsetAt, flatbuffer_offset);
  store(bytes, kFlatbufferSizeAt, flatbuffer_size);
  store(bytes, kConstantsOffsetAt, constants_offset);
  store(bytes, kConstantsSizeAt, constants_size);
}

}  // namespace tessera::xnnpack
