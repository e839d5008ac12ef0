// SPDX-License-Identifier: MIT
#include "runtime/stage_constants.h"

#include <algorithm>

#include "base/check.h"

namespace tessera::runtime {

const xnnpack::ValueRecord& StageConstants::value_of(std::uint32_t id) const {
  const auto found = std::ranges::find(payload_.values, id, &xnnpack::ValueRecord::id);
  CHECK(found != payload_.values.end(), "payloads are checked when they are read");
  return *found;
}

Result<ConstantElements<float>> StageConstants::scales_of(const xnnpack::ValueRecord& value) const {
  if (const auto* quant = std::get_if<xnnpack::PerTensorQuant>(&value.quant)) {
    return ConstantElements<float>(std::vector{quant->scale});
  }
  const auto& quant = std::get<xnnpack::PerChannelQuant>(value.quant);
  if (quant.scale_buffer_index == 0) return ConstantElements<float>(quant.scales);
  return ConstantElements<float>(
      TRY(xnnpack::constant_bytes(payload_, quant.scale_buffer_index, find_named_data_)),
      quant.num_scales);
}

std::uint64_t hash_seed_of(const xnnpack::DelegateOptions& options) {
  return options.packed_file != nullptr ? options.packed_file->hash_seed()
                                        : xnnpack::PackedWeights::of_process().hash_seed();
}

}  // namespace tessera::runtime
