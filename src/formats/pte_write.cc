// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <map>

#include "formats/pte_layout.h"
#include "formats/pte_records.h"
#include "formats/pte_serialize.h"

namespace tessera::pte {
namespace {

using Bytes = std::span<const std::byte>;

std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

struct EarlierBytes {
  bool operator()(Bytes a, Bytes b) const { return std::ranges::lexicographical_compare(a, b); }
};

/// A segment of buffers, each at a multiple of kDataAlignment, equal ones once.
struct PackedBuffers {
  std::vector<std::uint64_t> offsets{0};  ///< by buffer index; entry 0 is a placeholder
  std::vector<std::byte> bytes;
};

PackedBuffers pack(std::span<const Bytes> buffers) {
  PackedBuffers packed;
  std::map<Bytes, std::uint64_t, EarlierBytes> offset_of;
  for (const Bytes buffer : buffers.subspan(std::min<std::size_t>(buffers.size(), 1))) {
    const std::uint64_t end = buffer.empty() ? 0 : round_up(packed.bytes.size(), kDataAlignment);
    const auto [entry, is_new] = offset_of.try_emplace(buffer, end);
    packed.offsets.push_back(entry->second);
    if (!is_new || buffer.empty()) continue;
    packed.bytes.resize(end);
    packed.bytes.insert(packed.bytes.end(), buffer.begin(), buffer.end());
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
      if (tensor == nullptr || tensor->data_buffer_index == 0 || !tensor->external_name.empty() ||
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

using SegmentOfBytes = std::map<Bytes, std::uint32_t, EarlierBytes>;

/// The segments of a file in their order, equal ones of one kind once.
class Segments {
 public:
  struct Segment {
    std::uint64_t offset;
    Bytes bytes;
  };

  std::uint32_t add(Bytes bytes) {
    const std::uint64_t end =
        segments_.empty() ? 0 : segments_.back().offset + segments_.back().bytes.size();
    const std::uint64_t offset = bytes.empty() ? end : round_up(end, kSegmentAlignment);
    segments_.push_back({offset, bytes});
    return static_cast<std::uint32_t>(segments_.size() - 1);
  }

  /// The index of the segment with these bytes, added if `known` has none.
  std::uint32_t add_once(Bytes bytes, SegmentOfBytes& known) {
    const auto found = known.find(bytes);
    if (found != known.end()) return found->second;
    return known[bytes] = add(bytes);
  }

  std::uint64_t num_bytes() const {
    return segments_.back().offset + segments_.back().bytes.size();
  }
  const std::vector<Segment>& all() const { return segments_; }

 private:
  std::vector<Segment> segments_;
};

template <class Number>
void append(std::vector<std::byte>& bytes, Number number) {
  const auto* first = reinterpret_cast<const std::byte*>(&number);
  bytes.insert(bytes.end(), first, first + sizeof number);
}

void append(std::vector<std::byte>& bytes, std::string_view letters) {
  const auto view = std::as_bytes(std::span(letters));
  bytes.insert(bytes.end(), view.begin(), view.end());
}

/// The FlatBuffer with the extended header put behind its prologue, then the segments. The
/// FlatBuffer's offsets are relative, so only the root's has to grow.
std::vector<std::byte> assemble(Bytes flatbuffer, const Segments& segments) {
  const std::uint64_t program_size = flatbuffer.size() + kExtendedHeaderBytes;
  const std::uint64_t segment_base = round_up(program_size, kSegmentAlignment);
  std::uint32_t root;
  std::memcpy(&root, flatbuffer.data(), sizeof root);

  std::vector<std::byte> file;
  file.reserve(segment_base + segments.num_bytes());
  append(file, root + static_cast<std::uint32_t>(kExtendedHeaderBytes));
  append(file, kIdentifier);
  append(file, kExtendedHeaderMagic);
  append(file, static_cast<std::uint32_t>(kExtendedHeaderBytes));
  append(file, program_size);
  append(file, segment_base);
  append(file, segments.num_bytes());
  const Bytes rest = flatbuffer.subspan(kPrologueBytes);
  file.insert(file.end(), rest.begin(), rest.end());
  for (const auto& [offset, bytes] : segments.all()) {
    if (bytes.empty()) continue;
    file.resize(segment_base + offset);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  return file;
}

}  // namespace

Result<std::vector<std::byte>> write(const Program& program) {
  TRY(check(program));
  if (program.version != kVersion) {
    return fail(ErrorCode::kInvalidArgument, "the program has version {}, expected {}",
                program.version, kVersion);
  }
  const PackedBuffers constants = pack(used_parts(program, program.constants, false));
  const PackedBuffers initial_data = pack(used_parts(program, program.mutable_initial_data, true));

  Segments segments;
  SegmentTables tables;
  tables.constants = {.segment = segments.add(constants.bytes), .offsets = constants.offsets};
  if (initial_data.offsets.size() > 1) {
    tables.initial_data = {.segment = segments.add(initial_data.bytes),
                           .offsets = initial_data.offsets};
  }
  SegmentOfBytes known_blobs;
  for (const ExecutionPlan& plan : program.plans) {
    for (const BackendDelegate& delegate : plan.delegates) {
      tables.blobs.push_back(segments.add_once(delegate.blob, known_blobs));
    }
  }
  SegmentOfBytes known_named;
  for (const auto& [key, bytes] : program.named_data) {
    tables.named.push_back(segments.add_once(bytes, known_named));
  }
  for (const auto& [offset, bytes] : segments.all()) {
    tables.segments.push_back({.offset = offset, .size = bytes.size()});
  }
  return assemble(serialize(program, tables), segments);
}

}  // namespace tessera::pte
