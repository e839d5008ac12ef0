// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Node kinds that are written with the same table of the blob's schema.
enum class NodeForm : std::uint8_t {
  kUnary,
  kBinary,
  kConcatenate,
  kConvolution,
  kPooling,
  kArgMaxPooling,
  kTranspose,
  kReshape,
  kSlice,
  kConstantPad,
  kResize,
  kFullyConnected,
  kSlope,
  kAttention,
};

/// What the format says about one node kind.
struct NodeKindInfo {
  std::string_view name;
  NodeForm form;
  std::size_t num_inputs;
  std::uint32_t known_flags;  ///< bits that XNNPACK gives a meaning for this kind
  bool can_clamp;             ///< XNNPACK honours the node's output range
};

inline constexpr std::uint32_t kTransposeWeights = 0x1;  ///< XNN_FLAG_TRANSPOSE_WEIGHTS, _B
inline constexpr std::uint32_t kAlignCorners = 0x8;      ///< XNN_FLAG_ALIGN_CORNERS
inline constexpr std::uint32_t kKeepDims = 0x40;         ///< XNN_FLAG_KEEP_DIMS
/// A later XNNPACK's hint that a Convert may write packed rows; without a meaning in this one.
inline constexpr std::uint32_t kMaybePack = 0x100;

inline constexpr std::size_t kNumNodeKinds = static_cast<std::size_t>(NodeKind::kCos);

/// The one table of the 47 node kinds.
const NodeKindInfo& info_of(NodeKind kind);

/// Whether the elements of the node's result are elements of its operands, or padding.
bool moves_elements(NodeKind kind);

/// Bytes of a constant with these sizes; 4-bit elements are padded to whole bytes per row. The
/// sizes' product has been checked not to overflow.
std::uint64_t num_bytes(Datatype datatype, std::span<const std::uint32_t> dims);
/// "qcint8"; "unknown" for a number that is not one of Datatype's.
std::string_view name_of(Datatype datatype);

}  // namespace tessera::xnnpack
