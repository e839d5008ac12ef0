// SPDX-License-Identifier: MIT
#pragma once

#include <xnnpack.h>

#include <memory>
#include <span>
#include <vector>

#include "xnnpack/node_records.h"
#include "xnnpack/packing_sources.h"

namespace tessera::xnnpack {

struct SubgraphDeleter {
  void operator()(xnn_subgraph* subgraph) const { xnn_delete_subgraph(subgraph); }
};
using SubgraphPtr = std::unique_ptr<xnn_subgraph, SubgraphDeleter>;

/// A subgraph and what it points to.
struct DefinedSubgraph {
  SubgraphPtr subgraph;
  /// Constants that XNNPACK reads while it runs (it does not pack them): as long as the runtime.
  std::vector<Tensor> constants;
  /// Of all constants, packed or not.
  ConstantAddresses addresses;
  /// Quantization scales: until the runtime has been created.
  std::vector<std::vector<float>> scales;
  std::vector<std::vector<std::uint16_t>> bf16_scales;
};

/// Makes an XNNPACK subgraph from a checked payload. The id of an external value is its external
/// id. `constants` has the bytes of each of the payload's constants and must live until the runtime
/// has been created. What this XNNPACK cannot do is refused with the node's name and index.
Result<DefinedSubgraph> define_subgraph(const Payload& payload,
                                        std::span<const std::span<const std::byte>> constants);

/// "invalid parameter"
std::string_view name_of(xnn_status status);

}  // namespace tessera::xnnpack
