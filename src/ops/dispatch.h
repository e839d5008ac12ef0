// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "base/check.h"
#include "ir/kernel_context.h"
#include "ops/element_types.h"
#include "tessera/tensor.h"

namespace tessera::ops {

/// Calls `body.operator()<T>()` for the T of the list that has this dtype. Infer has seen to it
/// that one has.
template <class List, class Body>
void dispatch(DType dtype, const Body& body) {
  const bool is_found = [&]<class... Ts>(TypeList<Ts...>) {
    return ((dtype == dtype_of<Ts>() ? (body.template operator()<Ts>(), true) : false) || ...);
  }(List());
  CHECK(is_found, "no kernel for {}", name_of(dtype));
}

/// Elements that one thread takes at least, so that starting it costs little in comparison.
inline constexpr std::size_t kElementsPerThread = 16384;

/// out[i] = function(in[i]), computed in Compute<T> and rounded once.
template <class T, class Out, class Function>
void map_elements(ir::KernelContext& context, const T* in, Out* out, std::int64_t count,
                  const Function& function) {
  context.parallel_for(static_cast<std::size_t>(count), kElementsPerThread,
                       [&](std::size_t begin, std::size_t end) {
                         for (std::size_t i = begin; i < end; ++i) {
                           out[i] = static_cast<Out>(function(static_cast<Compute<T>>(in[i])));
                         }
                       });
}

}  // namespace tessera::ops
