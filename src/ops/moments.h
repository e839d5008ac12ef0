// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

#include "ops/lanes.h"

/// Means and deviations that normalisations divide by.
namespace tessera::ops {

struct Moments {
  double mean = 0;
  double variance = 0;  ///< mean of the squared differences to the mean
};

/// Of `num_runs` runs of `length` elements, `stride` elements apart. Two passes: the difference of
/// large squares would have few right digits. NaN if there are no elements.
template <class T>
Moments moments_of(const T* in, std::int64_t num_runs, std::int64_t length, std::int64_t stride) {
  const auto count = static_cast<double>(num_runs * length);
  Moments moments;
  for (std::int64_t run = 0; run < num_runs; ++run) {
    moments.mean += sum_of(in + run * stride, length, [](double x) { return x; });
  }
  moments.mean /= count;
  for (std::int64_t run = 0; run < num_runs; ++run) {
    moments.variance += sum_of(in + run * stride, length,
                               [&](double x) { return (x - moments.mean) * (x - moments.mean); });
  }
  moments.variance /= count;
  return moments;
}

/// out[i] = in[i] * scale + offset
template <class T, class Factor>
void scale_run(const T* in, T* out, std::int64_t count, Factor scale, Factor offset) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<T>(static_cast<Factor>(in[i]) * scale + offset);
  }
}

}  // namespace tessera::ops
