// SPDX-License-Identifier: MIT
#include "xnnpack/wiring.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/check.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {

using Wire = Wiring::Wire;

namespace {

constexpr std::array kConcatenations = {NodeKind::kConcatenate2, NodeKind::kConcatenate3,
                                        NodeKind::kConcatenate4, NodeKind::kConcatenate5};
constexpr std::size_t kMaxConcatenated = kConcatenations.size() + 1;

}  // namespace

Wire Wiring::input(ir::ValueId value, Layout layout) {
  return {builder_.input(value, layout), builder_.dims_of(value, layout)};
}

Wire Wiring::constant(const Tensor& tensor, const Wire& like) {
  const DType dtype = builder_.datatype_of(like.id) == Datatype::kF16 ? DType::kF16 : DType::kF32;
  const Tensor converted = converted_to(tensor, dtype);
  return {builder_.constant(converted), {tensor.shape().begin(), tensor.shape().end()}};
}

Wire Wiring::number(float value, const Wire& like) {
  return constant(Tensor::of<float>({1}, std::span<const float>(&value, 1)), like);
}

Wire Wiring::node(NodeRecord record, std::vector<std::uint32_t> dims) {
  const std::uint32_t id = builder_.intermediate(record.kind, record.inputs.front(), dims);
  record.outputs = {id};
  builder_.add_node(std::move(record));
  return {id, std::move(dims)};
}

Wire Wiring::unary(NodeKind kind, const Wire& input) {
  return node({.kind = kind, .inputs = {input.id}}, input.dims);
}

Wire Wiring::binary(NodeKind kind, const Wire& a, const Wire& b) {
  const Wire& longer = a.dims.size() >= b.dims.size() ? a : b;
  const Wire& shorter = a.dims.size() >= b.dims.size() ? b : a;
  std::vector<std::uint32_t> dims = longer.dims;
  const std::size_t offset = dims.size() - shorter.dims.size();
  for (std::size_t i = 0; i < shorter.dims.size(); ++i) {
    dims[offset + i] = std::max(dims[offset + i], shorter.dims[i]);
  }
  return node({.kind = kind, .inputs = {a.id, b.id}}, std::move(dims));
}

Wire Wiring::mean(const Wire& input) {
  return node({.kind = NodeKind::kGlobalAvgPooling2d, .inputs = {input.id}, .flags = kKeepDims},
              {input.dims[0], 1, 1, input.dims[3]});
}

Wire Wiring::reshape(const Wire& input, std::vector<std::uint32_t> dims) {
  std::vector<std::uint32_t> upper = dims;
  std::uint64_t rest = 1;
  for (const std::uint32_t size : input.dims) rest *= size;
  for (const std::uint32_t size : dims) {
    if (size != 0) rest /= size;
  }
  std::ranges::replace(upper, 0u, static_cast<std::uint32_t>(rest));
  return node({.kind = NodeKind::kStaticReshape,
               .inputs = {input.id},
               .params = ReshapeParams{std::move(dims)}},
              std::move(upper));
}

Wire Wiring::transpose(const Wire& input, std::vector<std::uint32_t> permutation) {
  std::vector<std::uint32_t> dims;
  for (const std::uint32_t dim : permutation) dims.push_back(input.dims[dim]);
  return node({.kind = NodeKind::kStaticTranspose,
               .inputs = {input.id},
               .params = TransposeParams{std::move(permutation)}},
              std::move(dims));
}

Wire Wiring::slice(const Wire& input, std::size_t axis, std::uint32_t offset, std::uint32_t size) {
  // Size 0 is a whole dimension, whatever its size at run time.
  SliceParams params{.offsets = std::vector<std::uint32_t>(input.dims.size(), 0),
                     .sizes = std::vector<std::uint32_t>(input.dims.size(), 0)};
  params.offsets[axis] = offset;
  params.sizes[axis] = size;
  std::vector<std::uint32_t> dims = input.dims;
  dims[axis] = size;
  return node({.kind = NodeKind::kStaticSlice, .inputs = {input.id}, .params = std::move(params)},
              std::move(dims));
}

Wire Wiring::concatenate_few(const std::vector<Wire>& inputs, std::size_t axis) {
  if (inputs.size() == 1) return inputs.front();
  NodeRecord record{.kind = kConcatenations[inputs.size() - 2],
                    .params = ConcatenateParams{static_cast<std::uint32_t>(axis)}};
  std::vector<std::uint32_t> dims = inputs.front().dims;
  dims[axis] = 0;
  for (const Wire& input : inputs) {
    record.inputs.push_back(input.id);
    dims[axis] += input.dims[axis];
  }
  return node(std::move(record), std::move(dims));
}

Wire Wiring::concatenate(std::vector<Wire> inputs, std::size_t axis) {
  CHECK(!inputs.empty(), "nothing to concatenate");
  while (inputs.size() > kMaxConcatenated) {
    // Groups first, so that every element is copied as rarely as possible.
    std::vector<Wire> groups;
    const std::size_t num_groups = (inputs.size() + kMaxConcatenated - 1) / kMaxConcatenated;
    for (std::size_t group = 0; group < num_groups; ++group) {
      const auto at = [&](std::size_t i) {
        return inputs.begin() + static_cast<std::ptrdiff_t>(i * inputs.size() / num_groups);
      };
      groups.push_back(concatenate_few({at(group), at(group + 1)}, axis));
    }
    inputs = std::move(groups);
  }
  return concatenate_few(inputs, axis);
}

}  // namespace tessera::xnnpack
