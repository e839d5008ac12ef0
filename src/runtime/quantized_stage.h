// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "runtime/convolution_stage.h"

namespace tessera::runtime {

/// Whether a convolution of a checked payload is one that ops::QuantizedConvolution or, of as many
/// groups as channels, ops::QuantizedDepthwise computes as XNNPACK does: signed 8-bit input and
/// output, signed 8-bit weights with one scale for all or one for each output, and a 32-bit bias or
/// none.
bool is_quantized_convolution(const xnnpack::NodeRecord& node, const xnnpack::ValueRecord& input,
                              const xnnpack::ValueRecord& filter, const xnnpack::ValueRecord* bias,
                              const xnnpack::ValueRecord& output);

/// Fails with NotSupported if XNNPACK refuses the scales.
Result<std::unique_ptr<ConvolutionStage>> make_quantized_stage(
    const xnnpack::Payload& payload, const DirectConvolution& plan,
    const xnnpack::FindNamedData& find_named_data, const xnnpack::DelegateOptions& options);

}  // namespace tessera::runtime
