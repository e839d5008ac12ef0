// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "formats/pte_layout.h"
#include "formats/pte_records.h"
#include "formats/pte_serialize.h"
#include "formats/segments.h"

namespace tessera::pte {
namespace {

using Bytes = std::span<const std::byte>;

/// A segment of buffers, each at a multiple of kDataAlignment, equal ones once.
struct PackedBuffers {
  std::vector<std::uint64_t> offsets{0};  ///< by buffer index; entry 0 is a placeholder
  std::vector<Bytes> parts;               ///< the buffers, and zeros between them
  std::uint64_t size = 0;
};

PackedBuffers pack(std::span<const Bytes> buffers) {
  PackedBuffers packed;
  std::map<Bytes, std::uint64_t, EarlierBytes> offset_of;
  for (const Bytes buffer : buffers.subspan(std::min<std::size_t>(buffers.size(), 1))) {
    const std::uint64_t end = buffer.empty() ? 0 : round_up(packed.size, kDataAlignment);
    const auto [entry, is_new] = offset_of.try_emplace(buffer, end);
    packed.offsets.push_back(entry->second);
    if (!is_new || buffer.empty()) continue;
    packed.parts.push_back(zeros(end - packed.size));
    packed.parts.push_back(buffer);
    packed.size = end + buffer.size();
  }
  return packed;
}

/// How much of each buffer the program's tensors mean: readers only know where a buffer starts. A
/// buffer that no tensor names has no bytes.
std::vector<Bytes> used_parts(const Program& program, std::span<const Bytes> buffers,
                              bool is_planned) {
  std::vector<std::size_t> sizes(buffers.size());
  for (const ExecutionPlan& plan : program.plans) {
    for (const Value& value : plan.values) {
      const auto* tensor = std::get_if<TensorValue>(&value);
      if (tensor == nullptr || tensor->data_buffer_index == 0 || tensor->is_external ||
          tensor->allocation.has_value() != is_planned) {
        continue;
      }
      std::size_t& size = sizes[tensor->data_buffer_index];
      size = std::max(size, tensor->num_bytes());
    }
  }
  std::vector<Bytes> parts;
  for (std::size_t index = 0; index < buffers.size(); ++index) {
    parts.push_back(buffers[index].first(sizes[index]));
  }
  return parts;
}

std::vector<std::byte> extended_header(std::uint64_t flatbuffer_size, const Segments& segments) {
  const std::uint64_t program_size = flatbuffer_size + kExtendedHeaderBytes;
  std::vector<std::byte> header;
  append(header, kExtendedHeaderMagic);
  append(header, static_cast<std::uint32_t>(kExtendedHeaderBytes));
  append(header, program_size);
  append(header, round_up(program_size, kSegmentAlignment));
  append(header, segments.num_bytes());
  return header;
}

}  // namespace

Result<FileParts> write_parts(const Program& program) {
  TRY(check(program));
  if (program.version != kVersion) {
    return fail(ErrorCode::kInvalidArgument, "the program has version {}, expected {}",
                program.version, kVersion);
  }
  const PackedBuffers constants = pack(used_parts(program, program.constants, false));
  const PackedBuffers initial_data = pack(used_parts(program, program.mutable_initial_data, true));

  Segments segments;
  SegmentTables tables;
  tables.constants = {.segment = segments.add(constants.parts), .offsets = constants.offsets};
  if (initial_data.offsets.size() > 1) {
    tables.initial_data = {.segment = segments.add(initial_data.parts),
                           .offsets = initial_data.offsets};
  }
  Segments::Known known_blobs;
  for (const ExecutionPlan& plan : program.plans) {
    for (const BackendDelegate& delegate : plan.delegates) {
      tables.blobs.push_back(segments.add_once(delegate.blob, known_blobs));
    }
  }
  Segments::Known known_named;
  for (const auto& [key, bytes] : program.named_data) {
    tables.named.push_back(segments.add_once(bytes, known_named));
  }
  tables.segments = segments.entries();
  const std::vector<std::byte> flatbuffer = serialize(program, tables);
  return assemble(flatbuffer, extended_header(flatbuffer.size(), segments), segments);
}

Result<std::vector<std::byte>> write(const Program& program) {
  return TRY(write_parts(program)).join();
}

}  // namespace tessera::pte
