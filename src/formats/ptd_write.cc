// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "flat_tensor_generated.h"
#include "formats/ptd_records.h"
#include "formats/segments.h"

namespace tessera::ptd {
namespace {

namespace fbd = fb::data;

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<fbd::TensorLayout> write_layout(FlatBufferBuilder& builder,
                                       const std::optional<TensorLayout>& layout) {
  if (!layout) return 0;
  const std::vector<std::int32_t> sizes(layout->sizes.begin(), layout->sizes.end());
  const auto sizes_offset = builder.CreateVector(sizes);
  const auto dim_order = builder.CreateVector(layout->dim_order);
  return fbd::CreateTensorLayout(builder, static_cast<std::int8_t>(layout->dtype), sizes_offset,
                                 dim_order);
}

/// `segment_of[i]` is entry i's segment.
void write_table(FlatBufferBuilder& builder, const DataFile& file, const Segments& segments,
                 const std::vector<std::uint32_t>& segment_of) {
  std::vector<Offset<fbd::DataSegment>> segment_offsets;
  for (const SegmentEntry& segment : segments.entries()) {
    segment_offsets.push_back(fbd::CreateDataSegment(builder, segment.offset, segment.size));
  }
  std::vector<Offset<fbd::NamedData>> entry_offsets;
  for (std::size_t i = 0; i < file.entries.size(); ++i) {
    const auto key = builder.CreateString(file.entries[i].key);
    const auto layout = write_layout(builder, file.entries[i].layout);
    entry_offsets.push_back(fbd::CreateNamedData(builder, key, segment_of[i], layout));
  }
  const auto segment_table = builder.CreateVector(segment_offsets);
  const auto entry_table = builder.CreateVector(entry_offsets);
  fbd::FinishFlatTensorBuffer(
      builder, fbd::CreateFlatTensor(builder, file.version, segment_table, entry_table));
}

std::vector<std::byte> header(std::uint64_t flatbuffer_size, const Segments& segments) {
  std::vector<std::byte> bytes;
  append(bytes, kHeaderMagic);
  append(bytes, static_cast<std::uint32_t>(kHeaderBytes));
  append(bytes, std::uint64_t{kPaddedHeaderBytes});
  append(bytes, flatbuffer_size);
  append(bytes, round_up(kPaddedHeaderBytes + flatbuffer_size, kSegmentAlignment));
  append(bytes, segments.num_bytes());
  bytes.resize(kPaddedHeaderBytes);
  return bytes;
}

}  // namespace

Result<FileParts> write_parts(const DataFile& file) {
  auto checked = check(file);
  if (!checked) return std::unexpected(as_data_error(std::move(checked).error()));
  if (file.version != kVersion) {
    return fail(ErrorCode::kInvalidArgument, "the file has version {}, expected {}", file.version,
                kVersion);
  }
  Segments segments;
  Segments::Known known;
  std::vector<std::uint32_t> segment_of;
  for (const Entry& entry : file.entries) {
    segment_of.push_back(segments.add_once(entry.bytes, known));
  }
  FlatBufferBuilder builder;
  write_table(builder, file, segments, segment_of);
  const auto flatbuffer = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  FileParts parts = assemble(flatbuffer, header(flatbuffer.size(), segments), segments);
  // Readers want the file to reach the segments' base even if no segment has bytes.
  if (segments.num_bytes() == 0) {
    parts.parts.push_back(zeros(round_up(parts.size(), kSegmentAlignment) - parts.size()));
  }
  return parts;
}

Result<std::vector<std::byte>> write(const DataFile& file) { return TRY(write_parts(file)).join(); }

}  // namespace tessera::ptd
