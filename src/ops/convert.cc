// SPDX-License-Identifier: MIT
#include "ops/convert.h"

#include <cstring>

#include "ops/dispatch.h"
#include "ops/vectorize.h"

namespace tessera::ops {

namespace {

/// Bool is stored in a byte, which files may fill with anything.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

}  // namespace

void convert_elements(DType from, const void* in, DType to, void* out, std::size_t count) {
  if (from == to) {
    if (count > 0) std::memcpy(out, in, count * size_of(from));
    return;
  }
  dispatch<AllTypes>(from, [&]<class From>() {
    dispatch<AllTypes>(to, [&]<class To>() {
      const auto convert = [](Stored<From> value) {
        if constexpr (std::is_same_v<From, bool>) {
          return static_cast<Stored<To>>(convert_element<To>(value != 0));
        } else {
          return static_cast<Stored<To>>(convert_element<To>(value));
        }
      };
      map_vectorized(convert, static_cast<Stored<To>*>(out), count,
                     static_cast<const Stored<From>*>(in));
    });
  });
}

}  // namespace tessera::ops
