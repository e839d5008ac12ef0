// SPDX-License-Identifier: MIT
#include "ops/xnnpack_norms.h"

#include <functional>
#include <numeric>

namespace tessera::ops {
namespace {

using xnnpack::Builder;
using xnnpack::Layout;
using xnnpack::NodeKind;
using xnnpack::Wiring;
using Wire = Wiring::Wire;

/// A parameter with these sizes, of which it has the elements.
Wire parameter(Wiring& wiring, const Tensor& elements, const Shape& shape, const Wire& like) {
  Tensor tensor = elements;
  tensor.set_shape(shape);
  return wiring.constant(tensor, like);
}

Wire with_affine(Wiring& wiring, Wire x, const Normalization& normalization, const Shape& shape) {
  if (normalization.weight != nullptr) {
    const Wire weight = parameter(wiring, *normalization.weight, shape, x);
    x = wiring.binary(NodeKind::kMultiply, x, weight);
  }
  if (normalization.bias != nullptr) {
    x = wiring.binary(NodeKind::kAdd, x, parameter(wiring, *normalization.bias, shape, x));
  }
  return x;
}

/// `mean` averages over what is normalized, and its result broadcasts.
Wire normalized(Wiring& wiring, const Wire& x, double eps,
                const std::function<Wire(const Wire&)>& mean) {
  const Wire centered = wiring.binary(NodeKind::kSubtract, x, mean(x));
  const Wire variance = mean(wiring.unary(NodeKind::kSquare, centered));
  const Wire shifted =
      wiring.binary(NodeKind::kAdd, variance, wiring.number(static_cast<float>(eps), x));
  const Wire inverse = wiring.unary(NodeKind::kReciprocalSquareRoot, shifted);
  return wiring.binary(NodeKind::kMultiply, centered, inverse);
}

/// The mean over the channels of each group of [N,1,1,C], repeated for each of them.
Wire group_mean(Wiring& wiring, const Wire& means, std::uint32_t num_groups) {
  const std::uint32_t batch = means.dims[0], channels = means.dims[3];
  const std::uint32_t group_size = channels / num_groups;
  const Wire rows = wiring.reshape(means, {batch * num_groups, 1, group_size, 1});
  const std::vector<float> ones(group_size, 1.0f);
  const Wire one = wiring.constant(
      Tensor::of<float>({1, 1, group_size, 1}, std::span<const float>(ones)), means);
  const Wire repeated = wiring.binary(NodeKind::kMultiply, wiring.mean(rows), one);
  return wiring.reshape(repeated, {batch, 1, 1, channels});
}

}  // namespace

Reason check_norm(const ir::NodeView& view, std::size_t weight, std::size_t bias) {
  for (const std::size_t position : {weight, bias}) {
    const bool is_none = view.arguments.is_none(position);
    if (!is_none && constant_operand(view, position) == nullptr) {
      return "weight or bias is no constant";
    }
  }
  return check_float_tensors(view);
}

void lower_layer_norm(Builder& builder, ir::ValueId input, ir::ValueId result,
                      std::size_t num_normalized, const Normalization& normalization) {
  Wiring wiring(builder);
  const Wire x = wiring.input(input, Layout::kNchw);
  const auto split = x.dims.end() - static_cast<std::ptrdiff_t>(num_normalized);
  const auto product = [](auto begin, auto end) {
    return std::accumulate(begin, end, 1u, std::multiplies());
  };
  const std::uint32_t rows = product(x.dims.begin(), split), length = product(split, x.dims.end());
  // XNNPACK's mean is over height and width, so a row becomes an image of one channel.
  const Wire images = wiring.reshape(x, {rows, 1, length, 1});
  const auto mean = [&](const Wire& wire) { return wiring.mean(wire); };
  const Wire scaled = with_affine(wiring, normalized(wiring, images, normalization.eps, mean),
                                  normalization, {1, 1, length, 1});
  wiring.output(result, Layout::kNchw, wiring.reshape(scaled, x.dims));
}

void lower_group_norm(Builder& builder, ir::ValueId input, ir::ValueId result,
                      std::uint32_t num_groups, const Normalization& normalization) {
  Wiring wiring(builder);
  const Wire x = wiring.input(input, Layout::kNhwc);
  const auto mean = [&](const Wire& wire) {
    const Wire means = wiring.mean(wire);
    return num_groups == x.dims[3] ? means : group_mean(wiring, means, num_groups);
  };
  const Wire scaled = with_affine(wiring, normalized(wiring, x, normalization.eps, mean),
                                  normalization, {1, 1, 1, x.dims[3]});
  wiring.output(result, Layout::kNhwc, scaled);
}

}  // namespace tessera::ops
