// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>

#include "base/mapped_file.h"
#include "formats/torch_save.h"

namespace tessera {

/// A model's weights without the model.
struct Checkpoint {
  std::string_view format;  ///< ".safetensors" or "torch.save"
  TensorMap tensors;
};

/// Reads a .safetensors file or what torch.save wrote for a state_dict (.pth, .pt), told apart by
/// their content. Tensors share the mapped file's bytes where they are aligned. Errors name the
/// file. See docs/formats/checkpoints.md.
Result<Checkpoint> read_checkpoint(const std::filesystem::path& path);
/// The same for bytes in memory.
Result<Checkpoint> read_checkpoint(const std::shared_ptr<const FileBytes>& file);

}  // namespace tessera
