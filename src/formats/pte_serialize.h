// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/pte.h"
#include "formats/segments.h"

namespace tessera::pte {

/// Where a segment's buffers start.
struct SubsegmentTable {
  std::uint32_t segment = 0;
  std::vector<std::uint64_t> offsets;
};

/// Which segments hold the program's bytes.
struct SegmentTables {
  std::vector<SegmentEntry> segments;
  SubsegmentTable constants;
  SubsegmentTable initial_data;      ///< no offsets: there is none
  std::vector<std::uint32_t> blobs;  ///< by delegate, those of all plans in their order
  std::vector<std::uint32_t> named;  ///< by named data
};

/// The program's FlatBuffer, still without an extended header. The program has been checked.
std::vector<std::byte> serialize(const Program& program, const SegmentTables& tables);

}  // namespace tessera::pte
