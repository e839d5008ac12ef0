// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "tessera/result.h"
#include "xnnpack/packed_file.h"
#include "xnnpack/packed_weights.h"

namespace tessera::xnnpack {

/// The block of weights that `pack` would make from what `description` tells: one that the process
/// or `file` (may be null) has, else a new one of `num_bytes`, which both keep.
Result<std::shared_ptr<const PackedBlock>> find_or_pack(
    const Description& description, PackedFile* file, std::size_t num_bytes,
    const std::function<void(std::byte*)>& pack);

}  // namespace tessera::xnnpack
