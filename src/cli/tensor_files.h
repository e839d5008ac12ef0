// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "tessera/tensor.h"

namespace tessera::cli {

/// .bin and .raw files are a tensor's bytes (little-endian, the last dimension varies fastest) and
/// nothing else.
bool is_raw(const std::filesystem::path& path);

/// Fails unless the file has exactly the bytes of this type.
Result<Tensor> read_raw(const std::filesystem::path& path, DType dtype, const Shape& shape);

/// Fails if there is no folder for a file that is to be written: before the work, not after it.
Result<void> check_folder_of(const std::filesystem::path& path);

/// The file is whole or not there.
Result<void> write_raw(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace tessera::cli
