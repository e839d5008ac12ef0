// SPDX-License-Identifier: MIT
#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <format>
#include <utility>
#include <vector>

#include "base/try.h"
#include "formats/json_value.h"
#include "formats/tensor_layout.h"

namespace tessera {
namespace {

constexpr std::size_t kLengthBytes = 8;
/// The format's own limit (MAX_HEADER_SIZE of huggingface/safetensors).
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kMetadata = "__metadata__";

constexpr std::pair<std::string_view, DType> kDTypes[] = {
    {"F32", DType::kF32},   {"F16", DType::kF16}, {"BF16", DType::kBF16}, {"F64", DType::kF64},
    {"I64", DType::kI64},   {"I32", DType::kI32}, {"I16", DType::kI16},   {"I8", DType::kI8},
    {"U8", DType::kU8},     {"U16", DType::kU16}, {"U32", DType::kU32},   {"U64", DType::kU64},
    {"BOOL", DType::kBool},
};

struct Entry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< behind the header
};

std::uint64_t header_bytes(std::span<const std::byte> file) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(file[i]);
  }
  return length;
}

Result<DType> read_dtype(const JsonValue& json) {
  const std::string name = TRY(json.text());
  for (const auto& [known, dtype] : kDTypes) {
    if (known == name) return dtype;
  }
  return fail(ErrorCode::kNotSupported, "{}: element type '{}' is none of Tessera's", json.place(),
              name.substr(0, 32));
}

Result<Shape> read_shape(const JsonValue& json) {
  const auto elements = TRY(json.elements());
  if (elements.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kNotSupported, "{}: {} dimensions, at most {} are read", json.place(),
                elements.size(), Shape::kMaxRank);
  }
  Shape shape;
  for (const JsonValue& element : elements) shape.push_back(TRY(element.integer()));
  return shape;
}

Result<Entry> read_entry(const std::string& name, const JsonValue& json) {
  Entry entry{.name = name,
              .dtype = TRY(read_dtype(TRY(json.member("dtype")))),
              .shape = TRY(read_shape(TRY(json.member("shape"))))};
  const JsonValue offsets = TRY(json.member("data_offsets"));
  const auto range = TRY(offsets.elements());
  if (range.size() != 2) return offsets.mismatch("two offsets");
  const std::int64_t begin = TRY(range[0].integer()), end = TRY(range[1].integer());
  if (begin < 0 || begin > end) {
    return fail(ErrorCode::kInvalidProgram, "{}: {} to {} is no range of bytes", offsets.place(),
                begin, end);
  }
  entry.begin = static_cast<std::uint64_t>(begin);
  entry.end = static_cast<std::uint64_t>(end);

  std::array<std::uint8_t, Shape::kMaxRank> order{};
  for (std::size_t dim = 0; dim < order.size(); ++dim) order[dim] = static_cast<std::uint8_t>(dim);
  auto checked = check_layout(entry.dtype, entry.shape, std::span(order).first(entry.shape.rank()));
  if (!checked) return with_context(std::move(checked).error(), json.place());
  const auto needed = static_cast<std::uint64_t>(entry.shape.num_elements()) * size_of(entry.dtype);
  if (needed != entry.end - entry.begin) {
    return fail(ErrorCode::kInvalidProgram, "{}: {}{} takes {} bytes, found {} ({} to {})",
                offsets.place(), name_of(entry.dtype), entry.shape.to_string(), needed,
                entry.end - entry.begin, begin, end);
  }
  return entry;
}

/// In the order of their bytes, which must follow each other from 0 to the file's end.
Result<void> check_cover(std::vector<Entry>& entries, std::uint64_t num_bytes) {
  std::ranges::sort(entries, {},
                    [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      return fail(ErrorCode::kInvalidProgram,
                  "tensor '{}' starts at byte {}, expected {}: the tensors {}", entry.name,
                  entry.begin, expected, entry.begin < expected ? "overlap" : "leave a gap");
    }
    expected = entry.end;
  }
  if (expected == num_bytes) return {};
  return fail(ErrorCode::kInvalidProgram, "the tensors take {} bytes, the file has {} for them",
              expected, num_bytes);
}

Result<std::vector<Entry>> read_header(std::string_view text) {
  const JsonDocument document = TRY(JsonDocument::parse(text, "header"));
  std::vector<Entry> entries;
  for (const auto& [name, json] : TRY(document.root().members())) {
    if (name != kMetadata) entries.push_back(TRY(read_entry(name, json)));
  }
  return entries;
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  return bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'};
}

Result<TensorMap> read_safetensors(const std::shared_ptr<const FileBytes>& file) {
  const auto bytes = file->bytes();
  if (bytes.size() < kLengthBytes) {
    return fail(ErrorCode::kInvalidProgram, "{} bytes are no .safetensors file", bytes.size());
  }
  const std::uint64_t length = header_bytes(bytes);
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    return fail(ErrorCode::kInvalidProgram,
                "the header has {} bytes, expected at most {} in a file of {}", length,
                kMaxHeaderBytes, bytes.size());
  }
  const auto header = bytes.subspan(kLengthBytes, length);
  auto entries = TRY(read_header({reinterpret_cast<const char*>(header.data()), header.size()}));
  const auto data = bytes.subspan(kLengthBytes + length);
  TRY(check_cover(entries, data.size()));

  TensorMap tensors;
  for (const Entry& entry : entries) {
    const auto elements = data.subspan(entry.begin, entry.end - entry.begin);
    const bool is_aligned =
        reinterpret_cast<std::uintptr_t>(elements.data()) % size_of(entry.dtype) == 0;
    if (is_aligned && data.size() - entry.end >= kTensorPaddingBytes) {
      // The mapping is read-only and nobody writes to a constant.
      tensors[entry.name] =
          Tensor::view(entry.dtype, entry.shape, const_cast<std::byte*>(elements.data()), file);
    } else {
      tensors[entry.name] = Tensor::of_bytes(entry.dtype, entry.shape, elements);
    }
  }
  return tensors;
}

}  // namespace tessera
