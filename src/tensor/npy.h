// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <span>

#include "tessera/tensor.h"

namespace tessera {

/// Reads NumPy's .npy (versions 1 to 3, little-endian, C order). The tensor owns its memory.
Result<Tensor> read_npy(const std::filesystem::path& path);

/// The same from bytes; `name` is for messages.
Result<Tensor> parse_npy(std::span<const std::byte> bytes, const std::string& name);

/// Writes version 1.0; the file is whole or not there.
Result<void> write_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace tessera
