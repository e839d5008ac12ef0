// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "formats/ptd.h"

/// What the reader and the writer of data files share: docs/formats/ptd.md shows where the numbers
/// occur.
namespace tessera::ptd {

inline constexpr std::uint32_t kVersion = 0;
inline constexpr std::string_view kIdentifier = "FT01";
inline constexpr std::string_view kHeaderMagic = "FH01";

inline constexpr std::size_t kPrologueBytes = 8;  ///< root offset and identifier
inline constexpr std::size_t kHeaderBytes = 40;
inline constexpr std::size_t kPaddedHeaderBytes = 48;  ///< to a multiple of 16
inline constexpr std::size_t kDataAlignment = 16;      ///< that readers want of segments

/// Checks all that records can get wrong. Readers call it on what they have read, writers before
/// they write. Errors: kInvalidProgram, which the callers turn into kInvalidExternalData.
Result<void> check(const DataFile& file);

/// The parts of both formats that are shared know only kInvalidProgram.
inline Error as_data_error(Error error) {
  if (error.code == ErrorCode::kInvalidProgram) error.code = ErrorCode::kInvalidExternalData;
  return error;
}

}  // namespace tessera::ptd
