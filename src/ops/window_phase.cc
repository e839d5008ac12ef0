// SPDX-License-Identifier: MIT
#include "ops/window_phase.h"

#include <algorithm>
#include <numeric>

namespace tessera::ops {

namespace {

/// Taps that are further apart than this many outputs each have values of their own.
constexpr std::int64_t kMaxShiftPerTap = 8;

/// `starts[i]` is the input that tap i of output 0 reads; `spacing` is their distance.
void set_taps(WindowPhase& phase, const std::vector<std::int64_t>& kernel_indices,
              const std::vector<std::int64_t>& starts, std::int64_t spacing) {
  if (starts.empty()) return;
  phase.first_input = std::ranges::min(starts);
  const auto num_taps = static_cast<std::int64_t>(starts.size());
  const std::int64_t last_distance = std::ranges::max(starts) - phase.first_input;
  const bool is_sparse = last_distance / phase.input_step > kMaxShiftPerTap * num_taps;
  // Taps this far apart in the list have the same residue.
  const std::int64_t period =
      is_sparse ? num_taps : phase.input_step / std::gcd(phase.input_step, spacing);
  for (std::int64_t i = 0; i < num_taps; ++i) {
    const std::int64_t distance = starts[static_cast<std::size_t>(i)] - phase.first_input;
    const std::int64_t shift = is_sparse ? 0 : distance / phase.input_step;
    if (i < period) phase.residues.push_back(distance - shift * phase.input_step);
    phase.taps.push_back({kernel_indices[static_cast<std::size_t>(i)], i % period, shift});
    phase.max_shift = std::max(phase.max_shift, shift);
  }
}

}  // namespace

WindowPhase convolution_phase(const WindowAxis& axis) {
  WindowPhase phase{
      .input_size = axis.input, .num_outputs = axis.output, .input_step = axis.stride};
  std::vector<std::int64_t> kernel_indices, starts;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    kernel_indices.push_back(k);
    starts.push_back(k * axis.dilation - axis.padding);
  }
  set_taps(phase, kernel_indices, starts, axis.dilation);
  return phase;
}

std::vector<WindowPhase> transposed_phases(const WindowAxis& axis) {
  std::vector<WindowPhase> phases;
  for (std::int64_t first = 0; first < std::min(axis.stride, axis.output); ++first) {
    WindowPhase phase{.input_size = axis.input,
                      .first_output = first,
                      .output_step = axis.stride,
                      .num_outputs = (axis.output - first - 1) / axis.stride + 1};
    std::vector<std::int64_t> kernel_indices, starts;
    for (std::int64_t k = 0; k < axis.kernel; ++k) {
      const std::int64_t distance = first + axis.padding - k * axis.dilation;
      if (distance % axis.stride != 0) continue;
      kernel_indices.push_back(k);
      starts.push_back(distance / axis.stride);
    }
    set_taps(phase, kernel_indices, starts, axis.dilation);
    phases.push_back(std::move(phase));
  }
  return phases;
}

}  // namespace tessera::ops
