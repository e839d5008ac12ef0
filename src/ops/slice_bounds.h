// SPDX-License-Identifier: MIT
#pragma once

#include "ir/operator.h"

/// What slice_copy and slice_scatter have in common: elements start, start + step, ... of a
/// dimension.
namespace tessera::ops {

struct SliceBounds {
  ir::Dim start, length;
  std::int64_t step = 1;
};

/// As Python's slices: negative positions count from the back, those outside are moved to the
/// border, null is the border. `size` is the dimension's.
SliceBounds slice_bounds(const ir::Dim* start, const ir::Dim* end, std::int64_t step,
                         const ir::Dim& size);

/// Arguments `start`, `end` and `step` behind each other; the step is a constant from 1 on.
template <class T>
SliceBounds slice_bounds(const ir::BasicArguments<T>& arguments, std::size_t position,
                         const ir::Dim& size) {
  const auto at = [&](std::size_t i) { return arguments.is_none(i) ? nullptr : &arguments.dim(i); };
  return slice_bounds(at(position), at(position + 1), arguments.integer(position + 2), size);
}

}  // namespace tessera::ops
