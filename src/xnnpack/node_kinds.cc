// SPDX-License-Identifier: MIT
#include "xnnpack/node_kinds.h"

#include <array>

#include "base/check.h"

namespace tessera::xnnpack {
namespace {

using enum NodeForm;

// In the order of NodeKind, whose first number is 1. ExecuTorch sets kKeepDims on poolings, where
// XNNPACK ignores it.
constexpr std::array<NodeKindInfo, kNumNodeKinds> kNodeKinds = {{
    {"Add", kBinary, 2, 0, true},
    {"FullyConnected", kFullyConnected, 3, kTransposeWeights, true},
    {"Softmax", kUnary, 1, 0, false},
    {"Sigmoid", kUnary, 1, 0, false},
    {"StaticTranspose", kTranspose, 1, 0, false},
    {"Clamp", kUnary, 1, 0, true},
    {"Conv2d", kConvolution, 3, 0, true},
    {"Div", kBinary, 2, 0, true},
    {"StaticResizeBilinear2D", kResize, 1, kAlignCorners, false},
    {"StaticConstantPad", kConstantPad, 1, 0, false},
    {"AvgPooling2d", kPooling, 1, kKeepDims, true},
    {"Minimum", kBinary, 2, 0, false},
    {"DepthwiseConv2d", kConvolution, 3, 0, true},
    {"MaxPooling2d", kPooling, 1, kKeepDims, true},
    {"Multiply", kBinary, 2, 0, true},
    {"Subtract", kBinary, 2, 0, true},
    {"Floor", kUnary, 1, 0, false},
    {"Convert", kUnary, 1, kMaybePack, false},
    {"GlobalAvgPooling2d", kUnary, 1, kKeepDims, false},
    {"StaticReshape", kReshape, 1, 0, false},
    {"ArgMaxPooling2d", kArgMaxPooling, 1, 0, false},
    {"SquareRoot", kUnary, 1, 0, false},
    {"Ceiling", kUnary, 1, 0, false},
    {"Hardswish", kUnary, 1, 0, false},
    {"LeakyReLU", kSlope, 1, 0, false},
    {"Maximum", kBinary, 2, 0, false},
    {"Negate", kUnary, 1, 0, false},
    {"Square", kUnary, 1, 0, false},
    {"ELU", kSlope, 1, 0, false},
    {"Abs", kUnary, 1, 0, false},
    {"PReLU", kBinary, 2, 0, false},
    {"Concatenate2", kConcatenate, 2, 0, false},
    {"Concatenate3", kConcatenate, 3, 0, false},
    {"Concatenate4", kConcatenate, 4, 0, false},
    {"StaticSlice", kSlice, 1, 0, false},
    {"ScaledDotProductAttention", kAttention, 5, 0, false},
    {"BatchMatrixMultiply", kBinary, 2, kTransposeWeights, false},
    {"Concatenate5", kConcatenate, 5, 0, false},
    {"ConvTranspose2d", kConvolution, 3, 0, true},
    {"ReciprocalSquareRoot", kUnary, 1, 0, false},
    {"Log", kUnary, 1, 0, false},
    {"Gelu", kUnary, 1, 0, false},
    {"Tanh", kUnary, 1, 0, false},
    {"Exp", kUnary, 1, 0, false},
    {"Sin", kUnary, 1, 0, false},
    {"Copy", kUnary, 1, 0, false},
    {"Cos", kUnary, 1, 0, false},
}};

std::uint64_t bits_per_element(Datatype datatype) {
  switch (datatype) {
    case Datatype::kF32:
    case Datatype::kPF32:
    case Datatype::kInt32:
    case Datatype::kQInt32:
    case Datatype::kQCInt32:
      return 32;
    case Datatype::kF16:
    case Datatype::kBF16:
      return 16;
    case Datatype::kQInt8:
    case Datatype::kQUInt8:
    case Datatype::kQCInt8:
    case Datatype::kQDInt8:
    case Datatype::kQPInt8:
      return 8;
    case Datatype::kQCInt4:
    case Datatype::kQBInt4:
      return 4;
    case Datatype::kInvalid:
      break;
  }
  CHECK(false, "datatype {} has no elements", static_cast<int>(datatype));
  return 0;
}

}  // namespace

const NodeKindInfo& info_of(NodeKind kind) {
  const auto number = static_cast<std::size_t>(kind);
  CHECK(number >= 1 && number <= kNumNodeKinds, "node kind {}", number);
  return kNodeKinds[number - 1];
}

std::string_view name_of(NodeKind kind) { return info_of(kind).name; }

bool moves_elements(NodeKind kind) {
  switch (info_of(kind).form) {
    case NodeForm::kConcatenate:
    case NodeForm::kTranspose:
    case NodeForm::kReshape:
    case NodeForm::kSlice:
    case NodeForm::kConstantPad:
      return true;
    default:
      return kind == NodeKind::kCopy || kind == NodeKind::kMaxPooling2d;
  }
}

std::uint64_t num_bytes(Datatype datatype, std::span<const std::uint32_t> dims) {
  std::uint64_t num_rows = 1;
  for (std::size_t i = 0; i + 1 < dims.size(); ++i) num_rows *= dims[i];
  const std::uint64_t row = dims.empty() ? 1 : dims.back();
  return num_rows * ((row * bits_per_element(datatype) + 7) / 8);
}

std::string_view name_of(Datatype datatype) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "invalid", "f32",    "f16",    "qint8",  "quint8", "qint32", "qcint8", "qcint32",
      "qcint4",  "qdint8", "qbint4", "qpint8", "int32",  "pf32",   "bf16"};
  const auto number = static_cast<std::size_t>(datatype);
  return number < kNames.size() ? kNames[number] : "unknown";
}

}  // namespace tessera::xnnpack
