// SPDX-License-Identifier: MIT
#include "ops/product_tile.h"

#include <cstring>
#include <type_traits>
#include <vector>

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
std::vector<ProductTiles<T>> find_tiles() {
  std::vector<ProductTiles<T>> tiles;
#if defined(__x86_64__)
  if constexpr (std::is_floating_point_v<T>) {
    if (__builtin_cpu_supports("avx512f")) tiles.push_back(avx512::make_tiles<T>());
    if (__builtin_cpu_supports("avx2")) tiles.push_back(avx2::make_tiles<T>());
  }
#endif
  tiles.push_back(baseline::make_tiles<T>());
  return tiles;
}

}  // namespace

template <class T>
std::span<const ProductTiles<T>> supported_product_tiles() {
  static const std::vector<ProductTiles<T>> tiles = find_tiles<T>();
  return tiles;
}

template std::span<const ProductTiles<float>> supported_product_tiles();
template std::span<const ProductTiles<double>> supported_product_tiles();
template std::span<const ProductTiles<std::uint64_t>> supported_product_tiles();

}  // namespace tessera::ops
