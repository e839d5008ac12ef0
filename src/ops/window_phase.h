// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace tessera::ops {

/// One axis of a convolution, transposed or not.
struct WindowAxis {
  std::int64_t input = 1, output = 1;  ///< sizes
  std::int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;
};

/// Outputs along one axis that are computed from the same taps: output i of the phase lies at
/// first_output + i * output_step, and a tap of it reads the input at
/// first_input + residues[residue] + (i + shift) * input_step, which is zero outside.
struct WindowPhase {
  struct Tap {
    std::int64_t kernel_index = 0;
    std::int64_t residue = 0;  ///< index in residues
    std::int64_t shift = 0;
  };

  std::int64_t input_size = 1;
  std::int64_t first_output = 0, output_step = 1, num_outputs = 0;
  std::int64_t first_input = 0, input_step = 1;
  std::int64_t max_shift = 0;
  std::vector<std::int64_t> residues;
  std::vector<Tap> taps;  ///< in ascending order of the kernel's index
};

/// The only phase of a convolution.
WindowPhase convolution_phase(const WindowAxis& axis);
/// The phases of a transposed convolution, one for each remainder of the output's position by the
/// stride. A phase may have no taps.
std::vector<WindowPhase> transposed_phases(const WindowAxis& axis);

}  // namespace tessera::ops
