// SPDX-License-Identifier: MIT
#include "base/check.h"
#include "flat_tensor_generated.h"
#include "formats/flatbuffer_read.h"
#include "formats/ptd_records.h"

namespace tessera::ptd {
namespace {

namespace fbd = fb::data;

using Bytes = std::span<const std::byte>;
using flatbuffer::copy_items;
using flatbuffer::copy_text;
using flatbuffer::CopyBudget;
using flatbuffer::expect_present;
using flatbuffer::load;

struct FileParts {
  Bytes flatbuffer;
  std::uint64_t segment_base = 0, segment_end = 0;
};

Result<FileParts> read_header(Bytes bytes) {
  TRY(flatbuffer::check_identifier(bytes, kIdentifier));
  if (!flatbuffer::has_letters(bytes, kPrologueBytes, kHeaderMagic)) {
    return fail(ErrorCode::kInvalidProgram, "the file has no \"{}\" at byte {}", kHeaderMagic,
                kPrologueBytes);
  }
  if (bytes.size() < kPrologueBytes + kHeaderBytes) {
    return fail(ErrorCode::kInvalidProgram, "the file ends at {}, within its header", bytes.size());
  }
  const auto length = load<std::uint32_t>(bytes, 12);
  if (length < kHeaderBytes) {
    return fail(ErrorCode::kInvalidProgram, "the header's length is {}, expected at least {}",
                length, kHeaderBytes);
  }
  const auto flatbuffer_offset = load<std::uint64_t>(bytes, 16);
  const auto flatbuffer_size = load<std::uint64_t>(bytes, 24);
  if (flatbuffer_offset > bytes.size() || flatbuffer_size > bytes.size() - flatbuffer_offset) {
    return fail(ErrorCode::kInvalidProgram,
                "the FlatBuffer has {} bytes behind a header of {}, the file has {}",
                flatbuffer_size, flatbuffer_offset, bytes.size());
  }
  const auto base = load<std::uint64_t>(bytes, 32);
  const auto data_size = load<std::uint64_t>(bytes, 40);
  if (base < flatbuffer_offset + flatbuffer_size || base > bytes.size() ||
      data_size > bytes.size() - base) {
    return fail(ErrorCode::kInvalidProgram,
                "the segments' {} bytes start at {}, expected a place between the FlatBuffer's end "
                "{} and the file's end {}",
                data_size, base, flatbuffer_offset + flatbuffer_size, bytes.size());
  }
  // The header stands within the FlatBuffer, behind its prologue.
  return FileParts{.flatbuffer = bytes.first(flatbuffer_offset + flatbuffer_size),
                   .segment_base = base,
                   .segment_end = base + data_size};
}

Result<std::vector<Bytes>> read_segments(const fbd::FlatTensor& table, Bytes file,
                                         const FileParts& parts) {
  TRY(expect_present(table.segments(), "segments"));
  std::vector<Bytes> segments;
  segments.reserve(table.segments()->size());
  for (const auto* segment : *table.segments()) {
    if (segment->size() == 0) {
      segments.emplace_back();
      continue;
    }
    segments.push_back(
        TRY(flatbuffer::find_segment(file, parts.segment_base, parts.segment_end, segment->offset(),
                                     segment->size(), segments.size(), kDataAlignment)));
  }
  return segments;
}

Result<TensorLayout> read_layout(const fbd::TensorLayout& table, CopyBudget& budget) {
  TensorLayout layout;
  const auto dtype = dtype_from_number(table.scalar_type());
  if (!dtype) {
    return fail(ErrorCode::kInvalidProgram, "has scalar type {}, which is not known",
                table.scalar_type());
  }
  layout.dtype = *dtype;
  const auto sizes = TRY(copy_items<std::int32_t>(table.sizes(), "sizes", budget));
  layout.dim_order = TRY(copy_items<std::uint8_t>(table.dim_order(), "dim_order", budget));
  if (sizes.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidProgram, "has rank {}, expected at most {}", sizes.size(),
                Shape::kMaxRank);
  }
  for (const std::int32_t size : sizes) layout.sizes.push_back(size);
  return layout;
}

Result<Entry> read_entry(const fbd::NamedData& table, std::span<const Bytes> segments,
                         CopyBudget& budget) {
  Entry entry{.key = TRY(copy_text(table.key(), "key", budget))};
  if (table.segment_index() >= segments.size()) {
    return fail(ErrorCode::kInvalidProgram, "'{}' refers to segment {}, the file has {}", entry.key,
                table.segment_index(), segments.size());
  }
  entry.bytes = segments[table.segment_index()];
  if (table.tensor_layout() == nullptr) return entry;
  auto layout = read_layout(*table.tensor_layout(), budget);
  if (!layout) return with_context(std::move(layout).error(), std::format("'{}'", entry.key));
  entry.layout = *std::move(layout);
  return entry;
}

Result<DataFile> read_file(Bytes bytes) {
  const FileParts parts = TRY(read_header(bytes));
  TRY(flatbuffer::verify(
      parts.flatbuffer, "table of contents",
      [](flatbuffers::Verifier& verifier) { return fbd::VerifyFlatTensorBuffer(verifier); }));
  const fbd::FlatTensor& table = *fbd::GetFlatTensor(parts.flatbuffer.data());
  if (table.version() > kVersion) {
    return fail(ErrorCode::kNotSupported, "the file has version {}, expected at most {}",
                table.version(), kVersion);
  }
  CopyBudget budget(4 * parts.flatbuffer.size());  // writers share little or nothing
  const std::vector<Bytes> segments = TRY(read_segments(table, bytes, parts));
  TRY(expect_present(table.named_data(), "named data"));
  DataFile file{.version = table.version()};
  for (const auto* entry : *table.named_data()) {
    auto record = read_entry(*entry, segments, budget);
    if (!record) {
      return with_context(std::move(record).error(), std::format("entry {}", file.entries.size()));
    }
    file.entries.push_back(*std::move(record));
  }
  TRY(check(file));
  return file;
}

}  // namespace

Result<DataFile> read(Bytes bytes) {
  CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % kDataAlignment == 0);
  auto file = read_file(bytes);
  if (!file) return std::unexpected(as_data_error(std::move(file).error()));
  return file;
}

}  // namespace tessera::ptd
