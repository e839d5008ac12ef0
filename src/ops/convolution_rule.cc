// SPDX-License-Identifier: MIT
#include "ops/convolution_rule.h"

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/shape_rules.h"
#include "xnnpack/wiring.h"

namespace tessera::ops {

using namespace convolution;

namespace {

using ir::NodeView;
using xnnpack::ConvolutionParams;
using xnnpack::Layout;
using xnnpack::NodeKind;
using xnnpack::Wiring;

/// Element `index` of a list that has one for each spatial dimension; a signal has height 1
/// besides.
std::uint32_t spatial(const NodeView& view, std::size_t position, std::size_t index,
                      std::uint32_t of_height) {
  const bool is_signal = view.arguments.tensor(kInput).rank() == 3;
  if (is_signal && index == 0) return of_height;
  return static_cast<std::uint32_t>(list_element(view.arguments, position, is_signal ? 0 : index));
}

/// The weight in f32, which XNNPACK wants with f16, too, and with a height, [out or in, in or out
/// per group, height, width].
Tensor image_weight(const NodeView& view) {
  Tensor weight = as_filter(*constant_operand(view, kWeight));
  if (weight.rank() == 3) {
    weight.set_shape({weight.size(0), weight.size(1), 1, weight.size(2)});
  }
  return weight;
}

/// From [a, b, area] elements to those of a filter at to(a, b, position).
template <class To>
Result<Tensor> reordered(const Tensor& weight, const Shape& shape, const To& to) {
  Tensor filter = TRY(Tensor::empty(weight.dtype(), shape));
  const std::int64_t area = weight.size(2) * weight.size(3);
  dispatch<TypeList<float, std::int8_t>>(weight.dtype(), [&]<class T>() {
    const T* from = weight.data<T>();
    for (std::int64_t a = 0; a < weight.size(0); ++a) {
      for (std::int64_t b = 0; b < weight.size(1); ++b) {
        for (std::int64_t at = 0; at < area; ++at) filter.data<T>()[to(a, b, at)] = *from++;
      }
    }
  });
  return filter;
}

/// OIHW -> OHWI; depthwise, where I is 1, -> [1,H,W,O].
Result<Tensor> plain_filter(const Tensor& weight, bool is_depthwise) {
  const std::int64_t num_out = weight.size(0), num_in = weight.size(1);
  const std::int64_t area = weight.size(2) * weight.size(3);
  const Shape shape = is_depthwise ? Shape{1, weight.size(2), weight.size(3), num_out}
                                   : Shape{num_out, weight.size(2), weight.size(3), num_in};
  if (area == 1) {  // in that order already
    Tensor filter = weight;
    filter.set_shape(shape);
    return filter;
  }
  return reordered(weight, shape, [&](std::int64_t out, std::int64_t in, std::int64_t at) {
    return is_depthwise ? at * num_out + out : (out * area + at) * num_in + in;
  });
}

/// [groups * in, out, H, W] -> [groups * out, H, W, in].
Result<Tensor> transposed_filter(const Tensor& weight, std::int64_t groups) {
  const std::int64_t num_in = weight.size(0) / groups, num_out = weight.size(1);
  const std::int64_t area = weight.size(2) * weight.size(3);
  const Shape shape{groups * num_out, weight.size(2), weight.size(3), num_in};
  return reordered(weight, shape, [&](std::int64_t input, std::int64_t out, std::int64_t at) {
    const std::int64_t group = input / num_in, in = input % num_in;
    return ((group * num_out + out) * area + at) * num_in + in;
  });
}

ConvolutionParams params_of(const NodeView& view, const Tensor& weight) {
  const auto groups = static_cast<std::uint32_t>(view.arguments.integer(kGroups));
  const bool is_transposed = view.arguments.boolean(kTransposed);
  const auto first = static_cast<std::uint32_t>(weight.size(0)) / groups;
  const auto second = static_cast<std::uint32_t>(weight.size(1));
  const std::uint32_t top = spatial(view, kPadding, 0, 0), left = spatial(view, kPadding, 1, 0);
  ConvolutionParams params{.padding_top = top,
                           .padding_right = left,
                           .padding_bottom = top,
                           .padding_left = left,
                           .kernel_height = static_cast<std::uint32_t>(weight.size(2)),
                           .kernel_width = static_cast<std::uint32_t>(weight.size(3)),
                           .subsampling_height = spatial(view, kStride, 0, 1),
                           .subsampling_width = spatial(view, kStride, 1, 1),
                           .dilation_height = spatial(view, kDilation, 0, 1),
                           .dilation_width = spatial(view, kDilation, 1, 1),
                           .group_input_channels = is_transposed ? first : second,
                           .group_output_channels = is_transposed ? second : first,
                           .groups = groups};
  if (is_transposed) {
    params.adjustment_height = spatial(view, kOutputPadding, 0, 0);
    params.adjustment_width = spatial(view, kOutputPadding, 1, 0);
  }
  return params;
}

/// [N,C,L] as the image [N,1,L,C].
Wiring::Wire signal_as_image(Wiring& wiring, const NodeView& view) {
  const auto rows = wiring.transpose(wiring.input(operand(view, kInput), Layout::kNchw), {0, 2, 1});
  const bool varies = !view.arguments.tensor(kInput).dims[2].is_constant();
  return wiring.reshape(rows, {rows.dims[0], 1, varies ? 0 : rows.dims[1], rows.dims[2]});
}

/// And back.
void output_signal(Wiring& wiring, const NodeView& view, const Wiring::Wire& image) {
  const bool varies = !view.results[0].dims[2].is_constant();
  const auto rows =
      wiring.reshape(image, {image.dims[0], varies ? 0 : image.dims[2], image.dims[3]});
  wiring.output(view.node.results[0], Layout::kNchw, wiring.transpose(rows, {0, 2, 1}));
}

}  // namespace

Reason check_convolution(const NodeView& view) {
  const bool is_signal = view.arguments.tensor(kInput).rank() == 3;
  if (Reason reason = check_float_image(view, is_signal ? 3 : 4)) return reason;
  if (constant_operand(view, kWeight) == nullptr) return "the weight is no constant";
  const bool has_computed_bias =
      !view.arguments.is_none(kBias) && constant_operand(view, kBias) == nullptr;
  if (has_computed_bias) return "the bias is no constant";
  if (is_signal && !view.arguments.tensor(kInput).dims[0].is_constant()) return "the batch varies";
  if (!view.arguments.boolean(kTransposed)) return std::nullopt;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint32_t adjustment = spatial(view, kOutputPadding, i, 0);
    const std::uint32_t stride = spatial(view, kStride, i, 1);
    if (adjustment >= stride) {
      return std::format("output padding {} is not below stride {}", adjustment, stride);
    }
  }
  return std::nullopt;
}

Reason check_int8_convolution(const NodeView& view, std::span<const float>, float) {
  if (!view.arguments.boolean(kTransposed) || view.arguments.integer(kGroups) == 1) {
    return std::nullopt;
  }
  return std::format("a transposed convolution has {} groups", view.arguments.integer(kGroups));
}

Result<void> lower_convolution(const NodeView& view, xnnpack::Builder& builder) {
  const bool is_signal = view.arguments.tensor(kInput).rank() == 3;
  const bool is_transposed = view.arguments.boolean(kTransposed);
  const Tensor weight = image_weight(view);
  // ExecuTorch writes every convolution with one input channel per group as a depthwise one.
  const bool is_depthwise = !is_transposed && weight.size(1) == 1;
  const Tensor filter = is_transposed
                            ? TRY(transposed_filter(weight, view.arguments.integer(kGroups)))
                            : TRY(plain_filter(weight, is_depthwise));
  const Tensor* bias = constant_operand(view, kBias);
  Wiring wiring(builder);
  const Wiring::Wire input = is_signal ? signal_as_image(wiring, view)
                                       : wiring.input(operand(view, kInput), Layout::kNhwc);
  const ir::ValueId weight_value = operand(view, kWeight);
  const std::uint32_t filter_id = builder.weight(weight_value, filter, is_depthwise ? 3 : 0);
  const std::uint32_t bias_id = builder.bias(bias, operand(view, kInput), weight_value);
  xnnpack::NodeRecord record{.kind = is_transposed  ? NodeKind::kConvTranspose2d
                                     : is_depthwise ? NodeKind::kDepthwiseConv2d
                                                    : NodeKind::kConv2d,
                             .inputs = {input.id, filter_id, bias_id},
                             .params = params_of(view, weight)};
  if (!is_signal) {
    record.outputs = {builder.output(view.node.results[0], Layout::kNhwc)};
    builder.add_node(std::move(record));
    return {};
  }
  const auto dims = builder.dims_of(view.node.results[0], Layout::kNchw);
  output_signal(wiring, view, wiring.node(std::move(record), {dims[0], 1, dims[2], dims[1]}));
  return {};
}

}  // namespace tessera::ops
