// SPDX-License-Identifier: MIT
#include "ops/slice_bounds.h"

#include <algorithm>

namespace tessera::ops {

namespace {

using ir::Dim;

/// Where a slice may begin or end at the most: what exporters write for "to the end" is above.
constexpr std::int64_t kFarAway = std::int64_t{1} << 62;

Dim bound(const Dim* position, const Dim& border, const Dim& size) {
  if (position == nullptr || (position->is_constant() && position->constant() >= kFarAway)) {
    return position == nullptr ? border : size;
  }
  if (position->is_constant() && size.is_constant()) {
    const std::int64_t at = std::max(position->constant(), -kFarAway);
    return std::clamp<std::int64_t>(at < 0 ? at + size.constant() : at, 0, size.constant());
  }
  // A program that slices off more than a varying size has is refused when it runs with that size.
  if (!position->is_constant() || position->constant() == 0) return *position;
  return position->constant() < 0 ? size + *position : min(*position, size);
}

}  // namespace

SliceBounds slice_bounds(const Dim* start, const Dim* end, std::int64_t step, const Dim& size) {
  const Dim first = bound(start, Dim(0), size), last = bound(end, size, size);
  const Dim distance = last - first;
  if (distance.is_constant() && distance.constant() <= 0) return {first, Dim(0), step};
  return {first, step == 1 ? distance : floor_div(distance - Dim(1), Dim(step)) + Dim(1), step};
}

}  // namespace tessera::ops
