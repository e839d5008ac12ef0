// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "compare/difference_sums.h"
#include "tessera/tensor.h"
#include "xnnpack/node_records.h"

namespace tessera::compare {

/// What a layer computed.
struct LayerValue {
  Tensor numbers;                 ///< f32, contiguous
  bool is_channels_last = false;  ///< its sizes are N, H, W, C
};

struct LayerSums {
  DifferenceSums all;
  ChannelSums channels;
};

/// A copy of the tensor as real numbers. Its type is one that ops::convert_elements takes.
Result<Tensor> real_numbers(const Tensor& tensor,
                            const std::optional<xnnpack::PerTensorQuant>& quant);

/// Adds the difference of two values of one layer, element by element in one layout. Where it is
/// not certain which layouts the two have, the way in which they differ least counts. False, with
/// nothing added, if their sizes differ in all layouts. Sizes of 1 do not count.
Result<bool> add_difference(const LayerValue& first, const LayerValue& second, LayerSums& sums);

}  // namespace tessera::compare
