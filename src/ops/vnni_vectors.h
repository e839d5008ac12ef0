// SPDX-License-Identifier: MIT
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include "ops/vnni.h"

namespace tessera::ops {

inline constexpr std::int64_t kVectorBytes = 64;

/// Arrays of these stay in registers; GCC leaves those of __m512i in memory.
using Sums = std::int32_t __attribute__((vector_size(64)));

TESSERA_VNNI_INLINE Sums add_products(Sums sums, __m512i inputs, __m512i weights) {
  return reinterpret_cast<Sums>(
      _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sums), inputs, weights));
}

}  // namespace tessera::ops

#endif
