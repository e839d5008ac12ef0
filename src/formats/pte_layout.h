// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// The program file's fixed numbers; docs/formats/pte.md shows where they occur.
namespace tessera::pte {

inline constexpr std::uint32_t kVersion = 0;  ///< EXECUTORCH_SCHEMA_VERSION
inline constexpr std::string_view kIdentifier = "ET12";
inline constexpr std::string_view kExtendedHeaderMagic = "eh00";

inline constexpr std::size_t kPrologueBytes = 8;  ///< root offset and identifier
inline constexpr std::size_t kExtendedHeaderBytes = 32;
inline constexpr std::size_t kOldExtendedHeaderBytes = 24;  ///< before segment_data_size

inline constexpr std::size_t kDataAlignment = 16;  ///< of constants; readers want it of segments

}  // namespace tessera::pte
