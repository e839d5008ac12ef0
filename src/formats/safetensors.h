// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "base/mapped_file.h"
#include "formats/torch_save.h"

namespace tessera {

/// Whether these bytes can only be a .safetensors file: a length, then a JSON object.
bool looks_like_safetensors(std::span<const std::byte> bytes);

/// Reads a .safetensors file: the tensors' bytes must fill the file behind the header without gap
/// or overlap, as the format demands. Tensors view the file where they are aligned.
Result<TensorMap> read_safetensors(const std::shared_ptr<const FileBytes>& file);

}  // namespace tessera
