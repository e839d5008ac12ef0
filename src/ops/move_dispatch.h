// SPDX-License-Identifier: MIT
#pragma once

#include "ops/dispatch.h"

namespace tessera::ops {

/// Calls `body.operator()<Word>()` for the Word of MovedTypes that is as large as an element.
template <class Body>
void dispatch_size(std::size_t element_size, const Body& body) {
  [&]<class... Words>(TypeList<Words...>) {
    ((sizeof(Words) == element_size ? body.template operator()<Words>() : void()), ...);
  }(MovedTypes());
}

/// A Scalar argument as an element. An integer does not go through double on the way; a real number
/// that no 64-bit integer can be is the smallest one, as processors convert it.
template <class T, class Argument>
T scalar_as(const ir::BasicArguments<Argument>& arguments, std::size_t position) {
  if (const auto* integer = std::get_if<ir::Dim>(&arguments[position])) {
    if constexpr (std::is_same_v<T, bool>) return integer->constant() != 0;
    return static_cast<T>(integer->constant());
  }
  const double real = arguments.real(position);
  if constexpr (std::is_same_v<T, bool>) {
    return real != 0;
  } else if constexpr (std::is_integral_v<T>) {
    const bool fits = real >= -0x1p63 && real < 0x1p63;
    return static_cast<T>(fits ? static_cast<std::int64_t>(real) : INT64_MIN);
  } else {
    return static_cast<T>(real);
  }
}

}  // namespace tessera::ops
