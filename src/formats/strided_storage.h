// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "formats/zip.h"
#include "tessera/tensor.h"

namespace tessera {

/// Copies of weights may take as much as the file itself and this, so that a small file cannot ask
/// for much memory.
inline constexpr std::uint64_t kSpareCopyBytes = std::uint64_t{64} << 20;

/// What a tensor shows of its storage, as PyTorch's files say it. All in elements.
struct StridedView {
  Shape sizes;
  Shape strides;            ///< as many as sizes
  std::int64_t offset = 0;  ///< of the first element
};

/// The tensor in the order of its sizes: a view of the storage where it lies there so and aligned,
/// else a copy, whose bytes are taken off `budget_bytes`. Fails on numbers that are negative,
/// overflow or lead out of the storage.
Result<Tensor> tensor_of(DType dtype, const StridedView& view, const ZipBytes& storage,
                         std::uint64_t& budget_bytes);

}  // namespace tessera
