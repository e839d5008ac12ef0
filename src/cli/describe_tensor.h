// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "tessera/tensor.h"

namespace tessera::cli {

/// One line for people, for every element type: "min 0, max 1, mean 0.25", with the number of NaN
/// if there are any; the value itself of a tensor of one element.
std::string summary_of(const Tensor& tensor);

/// Prints every element to stdout, one row of the last dimension a line: "[0, 2, :] 1.5 2 0.25".
void print_elements(const Tensor& tensor);

}  // namespace tessera::cli
