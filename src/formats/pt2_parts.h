// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "formats/json_value.h"
#include "formats/pt2.h"
#include "formats/zip.h"

/// The parts that pt2::read consists of.
namespace tessera::pt2 {

Result<SymbolicInt> read_symbolic_int(const JsonValue& json);
Result<TensorMeta> read_tensor_meta(const JsonValue& json);
Result<Argument> read_argument(const JsonValue& json);

/// Fills everything but the weights from models/NAME.json.
Result<void> read_model(const JsonValue& json, ExportedProgram& program);

/// Adds the tensors of one configuration, for example data/weights/model_weights_config.json.
/// `budget_bytes` is what copies of tensors that are not contiguous may still take.
Result<void> read_weights(const ZipArchive& archive, const std::string& folder,
                          const std::string& config_name, std::uint64_t& budget_bytes,
                          ExportedProgram& program);

/// Adds the tensors of an entry that is an archive of torch.save itself: {name: tensor}. An empty
/// entry has none.
Result<void> read_pickled_weights(const ZipArchive& archive, const std::string& entry,
                                  std::uint64_t& budget_bytes, ExportedProgram& program);

}  // namespace tessera::pt2
