// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/check.h"
#include "formats/pte_layout.h"
#include "formats/pte_records.h"
#include "program_generated.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

using Bytes = std::span<const std::byte>;

using flatbuffer::has_letters;
using flatbuffer::load;

/// Where the parts of a file are; a file without the extended header is all program.
struct FileParts {
  Bytes program;
  bool has_extended_header = false;
  std::uint64_t segment_base = 0;
  std::uint64_t segment_end = 0;
};

Result<FileParts> read_extended_header(Bytes bytes) {
  FileParts parts{.has_extended_header = true};
  if (bytes.size() < kPrologueBytes + kOldExtendedHeaderBytes) {
    return fail(ErrorCode::kInvalidProgram, "the file ends at {}, within its extended header",
                bytes.size());
  }
  const auto length = load<std::uint32_t>(bytes, 12);
  if (length < kOldExtendedHeaderBytes || length > bytes.size() - kPrologueBytes) {
    return fail(ErrorCode::kInvalidProgram,
                "the extended header's length is {}, expected {} to {} in a file of {} bytes",
                length, kOldExtendedHeaderBytes, bytes.size() - kPrologueBytes, bytes.size());
  }
  const auto program_size = load<std::uint64_t>(bytes, 16);
  if (program_size > bytes.size() || program_size < kPrologueBytes + length) {
    return fail(ErrorCode::kInvalidProgram, "program_size is {}, expected {} to {} (the file's)",
                program_size, kPrologueBytes + length, bytes.size());
  }
  parts.program = bytes.first(program_size);
  parts.segment_base = load<std::uint64_t>(bytes, 24);
  const auto data_size =
      length < kExtendedHeaderBytes ? std::uint64_t{0} : load<std::uint64_t>(bytes, 32);
  if (data_size == 0) {
    parts.segment_end = bytes.size();
    return parts;
  }
  if (parts.segment_base < program_size || parts.segment_base > bytes.size() ||
      data_size > bytes.size() - parts.segment_base) {
    return fail(ErrorCode::kInvalidProgram,
                "the segments' {} bytes start at {}, expected a place between the program's end "
                "{} and the file's end {}",
                data_size, parts.segment_base, program_size, bytes.size());
  }
  parts.segment_end = parts.segment_base + data_size;
  return parts;
}

Result<FileParts> read_header(Bytes bytes) {
  TRY(flatbuffer::check_identifier(bytes, kIdentifier));
  if (has_letters(bytes, kPrologueBytes, kExtendedHeaderMagic)) return read_extended_header(bytes);
  return FileParts{.program = bytes};
}

Result<const fbp::Program*> verify_program(Bytes program) {
  TRY(flatbuffer::verify(program, "program", [](flatbuffers::Verifier& verifier) {
    return fbp::VerifyProgramBuffer(verifier);
  }));
  return fbp::GetProgram(program.data());
}

Result<std::vector<Bytes>> read_segments(const fbp::Program& program, Bytes file,
                                         const FileParts& parts) {
  std::vector<Bytes> segments;
  if (program.segments() == nullptr) return segments;
  segments.reserve(program.segments()->size());
  for (const auto* segment : *program.segments()) {
    if (segment->size() == 0) {
      segments.emplace_back();
      continue;
    }
    const std::size_t index = segments.size();
    if (!parts.has_extended_header) {
      return fail(ErrorCode::kInvalidProgram,
                  "segment {} has {} bytes, but the file has no extended header", index,
                  segment->size());
    }
    segments.push_back(
        TRY(flatbuffer::find_segment(file, parts.segment_base, parts.segment_end, segment->offset(),
                                     segment->size(), index, kDataAlignment)));
  }
  return segments;
}

/// The bytes of every table of a vector that may be missing, by a getter.
template <class Table, class Get>
Result<std::vector<Bytes>> read_inline_bytes(
    const flatbuffers::Vector<flatbuffers::Offset<Table>>* tables, std::string_view what, Get get) {
  std::vector<Bytes> parts;
  if (tables == nullptr) return parts;
  for (const Table* table : *tables) {
    const flatbuffers::Vector<std::uint8_t>* items = get(*table);
    if (items == nullptr || items->size() == 0) {
      parts.emplace_back();
      continue;
    }
    if (reinterpret_cast<std::uintptr_t>(items->data()) % kDataAlignment != 0) {
      return fail(ErrorCode::kInvalidProgram, "inline {} {} does not start at a multiple of {}",
                  what, parts.size(), kDataAlignment);
    }
    parts.push_back(std::as_bytes(std::span(items->data(), items->size())));
  }
  return parts;
}

Result<std::vector<Bytes>> read_inline_blobs(const fbp::Program& program) {
  return read_inline_bytes(program.backend_delegate_data(), "delegate blob",
                           [](const auto& table) { return table.data(); });
}

/// The constants of files from before there were segments.
Result<std::vector<Bytes>> read_inline_constants(const fbp::Program& program) {
  auto constants = TRY(read_inline_bytes(program.constant_buffer(), "constant",
                                         [](const auto& table) { return table.storage(); }));
  constants.resize(std::max<std::size_t>(constants.size(), 1));
  constants[0] = {};
  return constants;
}

/// The parts of a segment, each from its offset to the segment's end; entry 0 is empty.
Result<std::vector<Bytes>> read_subsegments(const fbp::SubsegmentOffsets& table,
                                            std::span<const Bytes> segments, CopyBudget& budget) {
  const auto offsets = TRY(copy_items<std::uint64_t>(table.offsets(), "offsets", budget));
  std::vector<Bytes> parts(1);
  if (offsets.size() <= 1) return parts;
  if (table.segment_index() >= segments.size()) {
    return fail(ErrorCode::kInvalidProgram, "refers to segment {}, the file has {}",
                table.segment_index(), segments.size());
  }
  const Bytes segment = segments[table.segment_index()];
  parts.reserve(offsets.size());
  for (std::size_t index = 1; index < offsets.size(); ++index) {
    const std::uint64_t offset = offsets[index];
    if (offset > segment.size()) {
      return fail(ErrorCode::kInvalidProgram, "entry {} starts at {}, segment {} has {} bytes",
                  index, offset, table.segment_index(), segment.size());
    }
    if (offset % kDataAlignment != 0 && offset != segment.size()) {
      return fail(ErrorCode::kInvalidProgram, "entry {} starts at {}, expected a multiple of {}",
                  index, offset, kDataAlignment);
    }
    parts.push_back(segment.subspan(offset));
  }
  return parts;
}

Result<std::vector<Bytes>> read_constants(const fbp::Program& program,
                                          std::span<const Bytes> segments, CopyBudget& budget) {
  std::vector<Bytes> inline_constants = TRY(read_inline_constants(program));
  if (program.constant_segment() == nullptr) return inline_constants;
  auto constants = read_subsegments(*program.constant_segment(), segments, budget);
  if (!constants) return with_context(std::move(constants).error(), "constant segment");
  if (constants->size() == 1) return inline_constants;
  if (inline_constants.size() > 1) {
    return fail(ErrorCode::kInvalidProgram,
                "has {} constants in a segment and {} inline, expected one kind only",
                constants->size() - 1, inline_constants.size() - 1);
  }
  return constants;
}

Result<std::vector<Bytes>> read_mutable_data(const fbp::Program& program,
                                             std::span<const Bytes> segments, CopyBudget& budget) {
  const auto* lists = program.mutable_data_segments();
  if (lists == nullptr || lists->size() == 0) return std::vector<Bytes>();
  // Runtimes use the first list only, whatever a tensor's mutable_data_segments_idx says.
  auto parts = read_subsegments(*lists->Get(0), segments, budget);
  if (!parts) return with_context(std::move(parts).error(), "mutable data segment");
  return parts;
}

Result<void> read_named_data(const fbp::Program& file, std::span<const Bytes> segments,
                             CopyBudget& budget, Program& program) {
  if (file.named_data() == nullptr) return {};
  for (const auto* entry : *file.named_data()) {
    const std::size_t index = program.named_data.size();
    auto key = copy_text(entry->key(), "key", budget);
    if (!key) return with_context(std::move(key).error(), std::format("named data {}", index));
    if (entry->segment_index() >= segments.size()) {
      return fail(ErrorCode::kInvalidProgram, "named data {} refers to segment {}, the file has {}",
                  index, entry->segment_index(), segments.size());
    }
    program.named_data.emplace_back(*std::move(key), segments[entry->segment_index()]);
  }
  return {};
}

}  // namespace

Result<Program> read(Bytes bytes) {
  CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % kDataAlignment == 0);
  const FileParts parts = TRY(read_header(bytes));
  const fbp::Program* file = TRY(verify_program(parts.program));
  if (file->version() > kVersion) {
    return fail(ErrorCode::kNotSupported, "the program has version {}, expected at most {}",
                file->version(), kVersion);
  }
  // Writers share little or nothing, so a few times the size is plenty.
  CopyBudget budget(4 * parts.program.size());
  Program program{.version = file->version()};
  const std::vector<Bytes> segments = TRY(read_segments(*file, bytes, parts));
  const std::vector<Bytes> inline_blobs = TRY(read_inline_blobs(*file));
  program.constants = TRY(read_constants(*file, segments, budget));
  program.mutable_initial_data = TRY(read_mutable_data(*file, segments, budget));
  TRY(read_named_data(*file, segments, budget, program));
  TRY(expect_present(file->execution_plan(), "execution plans"));
  for (const auto* plan : *file->execution_plan()) {
    auto record = read_plan(*plan, {.inline_blobs = inline_blobs, .segments = segments}, budget);
    if (!record) {
      return with_context(std::move(record).error(), std::format("plan {}", program.plans.size()));
    }
    program.plans.push_back(*std::move(record));
  }
  TRY(check(program));
  return program;
}

}  // namespace tessera::pte
