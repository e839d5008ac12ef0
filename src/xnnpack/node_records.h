// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tessera/tensor.h"

/// An XNNPACK delegate's blob as plain records. They know nothing of xnn_subgraph: define_nodes is
/// one reader of them, the tiling planner another.
namespace tessera::xnnpack {

/// "No operand", for example no bias (XNN_INVALID_VALUE_ID).
inline constexpr std::uint32_t kNoValue = 0xFFFFFFFF;

/// Element types in the blob's own numbers (xnnpack.h permutes 10 to 12: translate by name).
enum class Datatype : std::int16_t {
  kInvalid = 0,
  kF32 = 1,
  kF16 = 2,
  kQInt8 = 3,
  kQUInt8 = 4,
  kQInt32 = 5,
  kQCInt8 = 6,
  kQCInt32 = 7,
  kQCInt4 = 8,
  kQDInt8 = 9,
  kQBInt4 = 10,
  kQPInt8 = 11,
  kInt32 = 12,
  kPF32 = 13,
  kBF16 = 14,
};

struct PerTensorQuant {
  float scale = 0;
  std::int32_t zero_point = 0;
};
struct PerChannelQuant {
  std::int32_t channel_dim = 0;
  std::vector<float> scales;             ///< inline, or
  std::uint32_t scale_buffer_index = 0;  ///< in Payload::constants
  std::uint32_t num_scales = 0;
};
struct PerChannelGroupQuant {
  std::int32_t channel_dim = 0;
  std::int32_t group_size = 0;
  std::vector<float> scales;
  std::uint32_t scale_buffer_index = 0;
  std::uint32_t num_scales = 0;
};
struct PerTokenDynamicQuant {
  std::int32_t num_nonbatch_dims = 0;
};
using QuantParams = std::variant<std::monostate, PerTensorQuant, PerChannelQuant,
                                 PerChannelGroupQuant, PerTokenDynamicQuant>;

/// A tensor of the delegate. Sizes are in the order in which the nodes see them (NHWC for
/// convolutions); symbolic ones stand at their upper bound.
struct ValueRecord {
  static constexpr std::uint32_t kExternalInput = 1;  ///< bits of `flags`
  static constexpr std::uint32_t kExternalOutput = 2;

  std::uint32_t id = 0;  ///< what nodes call it
  Datatype datatype = Datatype::kF32;
  std::vector<std::uint32_t> dims;
  std::uint32_t constant_index = 0;      ///< in Payload::constants; 0: not a constant
  std::uint32_t external_id = kNoValue;  ///< position among the delegate's arguments
  std::uint32_t flags = 0;
  QuantParams quant;
};

/// Node kinds in the order of the blob's union; the number is the union's type byte.
enum class NodeKind : std::uint8_t {
  kAdd = 1,
  kFullyConnected,
  kSoftmax,
  kSigmoid,
  kStaticTranspose,
  kClamp,
  kConv2d,
  kDiv,
  kStaticResizeBilinear2D,
  kStaticConstantPad,
  kAvgPooling2d,
  kMinimum,
  kDepthwiseConv2d,
  kMaxPooling2d,
  kMultiply,
  kSubtract,
  kFloor,
  kConvert,
  kGlobalAvgPooling2d,
  kStaticReshape,
  kArgMaxPooling2d,
  kSquareRoot,
  kCeiling,
  kHardswish,
  kLeakyReLU,
  kMaximum,
  kNegate,
  kSquare,
  kELU,
  kAbs,
  kPReLU,
  kConcatenate2,
  kConcatenate3,
  kConcatenate4,
  kStaticSlice,
  kScaledDotProductAttention,
  kBatchMatrixMultiply,
  kConcatenate5,
  kConvTranspose2d,
  kReciprocalSquareRoot,
  kLog,
  kGelu,
  kTanh,
  kExp,
  kSin,
  kCopy,
  kCos,
};
/// "Conv2d", as in the blob's schema without the XNN prefix.
std::string_view name_of(NodeKind kind);

/// Convolution, depthwise and transposed convolution. Filter OHWI; depthwise [1,kh,kw,channels].
struct ConvolutionParams {
  std::uint32_t padding_top = 0, padding_right = 0, padding_bottom = 0, padding_left = 0;
  std::uint32_t kernel_height = 1, kernel_width = 1;
  std::uint32_t subsampling_height = 1, subsampling_width = 1;  ///< stride
  std::uint32_t dilation_height = 1, dilation_width = 1;
  std::uint32_t group_input_channels = 1, group_output_channels = 1, groups = 1;
  std::uint32_t adjustment_height = 0, adjustment_width = 0;  ///< output padding when transposed
};
struct PoolingParams {
  std::uint32_t padding_top = 0, padding_right = 0, padding_bottom = 0, padding_left = 0;
  std::uint32_t pooling_height = 1, pooling_width = 1;
  std::uint32_t stride_height = 1, stride_width = 1;
  std::uint32_t dilation_height = 1, dilation_width = 1;
};
struct TransposeParams {
  std::vector<std::uint32_t> permutation;
};
struct ReshapeParams {
  std::vector<std::uint32_t> new_shape;  ///< one 0 stands for "what is left"
};
struct SliceParams {
  std::vector<std::uint32_t> offsets, sizes;  ///< size 0: the rest
};
struct ConstantPadParams {
  std::vector<std::uint32_t> pre_paddings, post_paddings;
  float value = 0;
};
struct ResizeParams {
  std::uint32_t new_height = 0, new_width = 0;
};
struct ConcatenateParams {
  std::uint32_t axis = 0;
};
struct SlopeParams {
  float slope = 0;  ///< ELU's alpha, leaky ReLU's negative slope
};
using NodeParams =
    std::variant<std::monostate, ConvolutionParams, PoolingParams, TransposeParams, ReshapeParams,
                 SliceParams, ConstantPadParams, ResizeParams, ConcatenateParams, SlopeParams>;

struct NodeRecord {
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  NodeKind kind = NodeKind::kCopy;
  /// Operands in the schema's order: convolution and fully connected input, filter, bias (kNoValue
  /// if absent); concatenation 2 to 5 inputs.
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> outputs;  ///< one; argmax pooling two (value, index)
  NodeParams params;
  std::uint32_t flags = 0;
  float output_min = -kInfinity, output_max = kInfinity;
  std::uint32_t debug_handle = 0;
};

/// Where a constant's bytes are: in the program's named data under `key`, or inline in the blob.
struct ConstantRecord {
  std::optional<std::string> key;
  std::uint64_t offset = 0;  ///< inline only, from the start of the blob's constant data
  std::uint64_t size = 0;    ///< bytes
};

/// One delegate: values, nodes in execution order, constants (index 0 is reserved).
struct Payload {
  std::vector<ValueRecord> values;
  std::vector<NodeRecord> nodes;
  std::vector<ConstantRecord> constants;
  std::uint32_t num_externals = 0;
  std::span<const std::byte> inline_constants;  ///< views the blob
};

}  // namespace tessera::xnnpack
