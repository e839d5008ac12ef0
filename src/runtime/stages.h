// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "xnnpack/node_records.h"

namespace tessera::runtime {

/// A convolution for Tessera's own kernel over channels-last memory. Values are indices into the
/// payload's.
struct DirectConvolution {
  std::size_t node = 0;
  bool is_quantized = false;
  std::vector<std::size_t> images;  ///< several: it reads what a concatenation would have joined
  bool reads_planes = false;        ///< its one image is channels first, N, C, H, W
  std::size_t output = 0;
  float low = 0, high = 0;  ///< with those of a clamp behind it; not if quantized
};

/// A convolution, or nodes that XNNPACK runs.
struct Stage {
  std::optional<DirectConvolution> convolution;
  std::vector<std::size_t> nodes;
};

/// Which of Tessera's convolutions are fast.
struct FastKernels {
  bool f32 = true, int8 = true;
};
/// On this processor.
FastKernels fast_kernels();

/// Splits a payload between Tessera's convolution and XNNPACK, which is slower where it reads
/// pixels through a table of pointers and where its 32 columns are more than the output channels
/// need. Empty if too little would be gained. It depends on nothing but the payload and the
/// processor, so that whole images and tiles have the same bits.
std::vector<Stage> plan_stages(const xnnpack::Payload& payload, const FastKernels& fast = {});

}  // namespace tessera::runtime
