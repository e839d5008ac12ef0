// SPDX-License-Identifier: MIT
#include "ops/product_tile.h"

#include <cstring>
#include <type_traits>

namespace tessera::ops {

namespace {

// 4 rows of 2 vectors leave room for the operands in 16 registers, 8 rows in 32.
namespace baseline {
#define TILE_TARGET
constexpr std::size_t kVectorBytes = 16;
constexpr std::int64_t kMaxRows = 4;
#include "ops/product_tile.inc"
#undef TILE_TARGET
}  // namespace baseline

#if defined(__x86_64__)
namespace avx2 {
#define TILE_TARGET __attribute__((target("avx2")))
constexpr std::size_t kVectorBytes = 32;
constexpr std::int64_t kMaxRows = 4;
#include "ops/product_tile.inc"
#undef TILE_TARGET
}  // namespace avx2

namespace avx512 {
#define TILE_TARGET __attribute__((target("avx512f")))
constexpr std::size_t kVectorBytes = 64;
constexpr std::int64_t kMaxRows = 8;
#include "ops/product_tile.inc"
#undef TILE_TARGET
}  // namespace avx512
#endif

template <class T>
ProductTiles<T> choose_tiles() {
#if defined(__x86_64__)
  if constexpr (std::is_floating_point_v<T>) {
    if (__builtin_cpu_supports("avx512f")) return avx512::make_tiles<T>();
    if (__builtin_cpu_supports("avx2")) return avx2::make_tiles<T>();
  }
#endif
  return baseline::make_tiles<T>();
}

}  // namespace

template <class T>
const ProductTiles<T>& product_tiles() {
  static const ProductTiles<T> tiles = choose_tiles<T>();
  return tiles;
}

template const ProductTiles<float>& product_tiles();
template const ProductTiles<double>& product_tiles();
template const ProductTiles<std::uint64_t>& product_tiles();

}  // namespace tessera::ops
