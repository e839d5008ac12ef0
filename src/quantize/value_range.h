// SPDX-License-Identifier: MIT
#pragma once

namespace tessera::quantize {

/// Real numbers from min to max, both finite.
struct ValueRange {
  float min = 0, max = 0;
  friend bool operator==(const ValueRange&, const ValueRange&) = default;
};

}  // namespace tessera::quantize
