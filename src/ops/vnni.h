// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// What the kernels with AVX-512 VNNI share.
namespace tessera::ops {

/// Numbers of a signed 8-bit image as the kernels multiply them: vpdpbusd adds products of unsigned
/// and signed numbers.
constexpr std::uint8_t to_unsigned(std::int8_t number) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(number) ^ 0x80);
}
/// What that adds to a number.
inline constexpr std::int32_t kUnsignedOffset = 128;

#if defined(__x86_64__)
#define TESSERA_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define TESSERA_VNNI_INLINE TESSERA_VNNI __attribute__((always_inline)) inline

/// Whether functions with TESSERA_VNNI may be called.
inline bool has_vnni() {
  static const bool result = __builtin_cpu_supports("avx512vnni") != 0 &&
                             __builtin_cpu_supports("avx512bw") != 0 &&
                             __builtin_cpu_supports("avx512vl") != 0;
  return result;
}
#else
inline bool has_vnni() { return false; }
#endif

}  // namespace tessera::ops
