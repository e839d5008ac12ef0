// SPDX-License-Identifier: MIT
#include "tensor/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/try.h"

namespace tessera {
namespace {

// Layout of the file: numpy/lib/format.py, "Format Version 1.0" to "3.0".
constexpr std::string_view kMagic("\x93NUMPY", 6);

struct TypeCode {
  std::string_view code;
  DType dtype;
};
constexpr std::array kTypeCodes = {
    TypeCode{"<f4", DType::kF32}, TypeCode{"<f8", DType::kF64}, TypeCode{"<f2", DType::kF16},
    TypeCode{"<i8", DType::kI64}, TypeCode{"<i4", DType::kI32}, TypeCode{"<i2", DType::kI16},
    TypeCode{"|i1", DType::kI8},  TypeCode{"|u1", DType::kU8},  TypeCode{"<u2", DType::kU16},
    TypeCode{"<u4", DType::kU32}, TypeCode{"<u8", DType::kU64}, TypeCode{"|b1", DType::kBool},
};

/// The text behind `'key':` up to the end of the header.
Result<std::string_view> value_of(std::string_view header, std::string_view key) {
  const auto position = header.find(std::format("'{}':", key));
  if (position == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "the .npy header has no '{}'", key);
  }
  auto text = header.substr(position + key.size() + 3);
  const auto start = text.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

Result<DType> parse_dtype(std::string_view header) {
  const std::string_view text = TRY(value_of(header, "descr"));
  for (const TypeCode& entry : kTypeCodes) {
    if (text.size() > 4 && text.substr(1).starts_with(entry.code)) return entry.dtype;
  }
  return fail(ErrorCode::kInvalidType, "the .npy element type {} is not supported",
              text.substr(0, text.find(',')));
}

Result<Shape> parse_shape(std::string_view header) {
  std::string_view text = TRY(value_of(header, "shape"));
  const auto close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "the .npy shape is not a tuple");
  }
  text = text.substr(1, close - 1);
  Shape shape;
  while (true) {
    const auto start = text.find_first_of("0123456789-");
    if (start == std::string_view::npos) return shape;
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), size);
    if (error != std::errc() || size < 0 || shape.rank() == Shape::kMaxRank) {
      return fail(ErrorCode::kInvalidArgument, "the .npy shape ({}) is not usable", text);
    }
    shape.push_back(size);
    text = text.substr(static_cast<std::size_t>(end - text.data()));
  }
}

struct Layout {
  std::size_t header_begin = 0;
  std::size_t header_size = 0;
};

Result<Layout> find_header(std::span<const std::byte> bytes) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(ErrorCode::kInvalidArgument, "not a .npy file");
  }
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  Layout layout{.header_begin = 10, .header_size = byte_at(8) | byte_at(9) << 8};
  if (byte_at(6) >= 2) {
    layout = {.header_begin = 12,
              .header_size = layout.header_size | byte_at(10) << 16 | byte_at(11) << 24};
  }
  if (layout.header_size > bytes.size() - layout.header_begin) {
    return fail(ErrorCode::kInvalidArgument, "the .npy header is cut off");
  }
  return layout;
}

Result<Tensor> parse(std::span<const std::byte> bytes) {
  const Layout layout = TRY(find_header(bytes));
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + layout.header_begin,
                                layout.header_size);
  const DType dtype = TRY(parse_dtype(header));
  if (TRY(value_of(header, "fortran_order")).starts_with("True")) {
    return fail(ErrorCode::kNotSupported, "the .npy array is in Fortran order, expected C order");
  }
  const Shape shape = TRY(parse_shape(header));
  const auto data = bytes.subspan(layout.header_begin + layout.header_size);
  std::size_t expected = size_of(dtype);
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(expected, static_cast<std::size_t>(size), &expected)) {
      expected = data.size() + 1;
      break;
    }
  }
  if (expected != data.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}{} needs {} bytes, the .npy file has {}",
                name_of(dtype), shape.to_string(), expected, data.size());
  }
  Tensor tensor = TRY(Tensor::empty(dtype, shape));
  if (!data.empty()) std::memcpy(tensor.bytes(), data.data(), data.size());
  return tensor;
}

std::string header_of(const Tensor& tensor) {
  const auto* entry = std::ranges::find(kTypeCodes, tensor.dtype(), &TypeCode::dtype);
  std::string sizes;
  for (const std::int64_t size : tensor.shape()) sizes += std::format("{}, ", size);
  std::string text =
      std::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", entry->code, sizes);
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  return text + '\n';
}

}  // namespace

Result<Tensor> parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  auto tensor = parse(bytes);
  if (!tensor) return with_context(std::move(tensor).error(), name);
  return tensor;
}

Result<Tensor> read_npy(const std::filesystem::path& path) {
  const auto file = TRY(FileBytes::map(path));
  return parse_npy(file->bytes(), path.string());
}

Result<void> write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  if (std::ranges::find(kTypeCodes, tensor.dtype(), &TypeCode::dtype) == kTypeCodes.end()) {
    return fail(ErrorCode::kInvalidType, "{}: .npy has no element type for {}", path.string(),
                name_of(tensor.dtype()));
  }
  const std::string header = header_of(tensor);
  std::vector<std::byte> bytes;
  bytes.reserve(10 + header.size() + tensor.num_bytes());
  const auto append = [&](const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  append(kMagic.data(), kMagic.size());
  const std::uint8_t prologue[4] = {1, 0, static_cast<std::uint8_t>(header.size()),
                                    static_cast<std::uint8_t>(header.size() >> 8)};
  append(prologue, sizeof prologue);
  append(header.data(), header.size());
  const Tensor elements = TRY(tensor.contiguous());
  append(elements.bytes(), elements.num_bytes());
  return write_file_atomically(path, bytes);
}

}  // namespace tessera
