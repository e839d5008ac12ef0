// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

/// Loops that are compiled once for every x86-64 and once for newer processors, chosen at run time.
/// Fused multiplication and addition is left out on purpose: both versions give the same bits.
namespace tessera::ops {

#if defined(__x86_64__)
#define TESSERA_WIDE_TARGET __attribute__((target("avx2,f16c"), flatten))

inline bool has_wide_vectors() {
  static const bool result =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("f16c") != 0;
  return result;
}
#else
#define TESSERA_WIDE_TARGET __attribute__((flatten))

inline bool has_wide_vectors() { return false; }
#endif

/// The next loop may be vectorized without a question to the addresses: an iteration reads nothing
/// that another one writes.
#if defined(__clang__)
#define TESSERA_INDEPENDENT_ITERATIONS  // its pragma is an error where a loop has calls
#else
#define TESSERA_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif

namespace detail {
template <class Function, class Out, class... In>
[[gnu::always_inline]] inline void map_block(const Function& function, Out* out, std::size_t count,
                                             const In*... in) {
  TESSERA_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<Out>(function(in[i]...));
}

template <class Function, class Out, class... In>
__attribute__((flatten)) void map_narrow(const Function& function, Out* out, std::size_t count,
                                         const In*... in) {
  map_block(function, out, count, in...);
}

template <class Function, class Out, class... In>
TESSERA_WIDE_TARGET void map_wide(const Function& function, Out* out, std::size_t count,
                                  const In*... in) {
  map_block(function, out, count, in...);
}
}  // namespace detail

/// out[i] = function(in[i]...). `out` is an input's memory or overlaps none of them.
template <class Function, class Out, class... In>
void map_vectorized(const Function& function, Out* out, std::size_t count, const In*... in) {
  if (has_wide_vectors()) {
    detail::map_wide(function, out, count, in...);
  } else {
    detail::map_narrow(function, out, count, in...);
  }
}

}  // namespace tessera::ops
