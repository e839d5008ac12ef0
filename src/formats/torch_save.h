// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "formats/zip.h"
#include "tessera/tensor.h"

namespace tessera {

/// Tensors by name. They keep what holds their bytes alive.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

/// Reads what torch.save of PyTorch 1.6 and newer wrote for a dict of tensors: a zip archive with
/// data.pkl and a file for each storage. Entries that are no tensors are left out. If the dict has
/// another one under "state_dict", "model_state_dict" or "model", that is read. Tensors view the
/// archive where it has them contiguous and aligned; copies are taken off `budget_bytes`.
Result<TensorMap> read_torch_save(const ZipArchive& archive, std::uint64_t& budget_bytes);

}  // namespace tessera
