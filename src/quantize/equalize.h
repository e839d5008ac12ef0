// SPDX-License-Identifier: MIT
#pragma once

#include "quantize/samples.h"

namespace tessera::quantize {

/// Cross-layer equalization: between two layers with nothing but a function in between for which
/// f(s x) = s f(x), each channel is divided by a number in the first layer and multiplied by it in
/// the second, so that a channel's activations use the one range that all channels share, and the
/// second layer's weights theirs (Nagel et al. 2019; the weighing of both as Xiao et al. 2022).
/// Changes rounding only. False if there is nothing to equalize.
Result<bool> equalize(ir::Graph& graph, const Samples& samples);

}  // namespace tessera::quantize
