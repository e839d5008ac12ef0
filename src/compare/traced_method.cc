// SPDX-License-Identifier: MIT
#include "compare/traced_method.h"

#include <algorithm>

#include "base/try.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/payload_part.h"
#include "xnnpack/tensor_dtype.h"

namespace tessera::compare {

using runtime::DelegateInstruction;
using runtime::Step;

Result<std::unique_ptr<TracedMethod>> TracedMethod::load(const Program& program,
                                                         std::string_view name,
                                                         std::size_t num_threads) {
  const auto* entry = TRY(program.impl().find_method(name));
  auto impl = TRY(Method::Impl::load(program.impl(), *entry, {.num_threads = num_threads}));
  std::unique_ptr<TracedMethod> traced(new TracedMethod);
  traced->impl_ = impl.get();
  traced->method_ = std::make_unique<Method>(std::move(impl));
  traced->list_ = list_operations(*traced->impl_);
  traced->layers_ = find_layers(traced->list_);
  for (std::size_t i = 0; i < traced->layers_.size(); ++i) {
    traced->layers_by_step_[traced->value_of(i).step].push_back(i);
  }
  return traced;
}

Result<void> TracedMethod::execute(const Visitor& visitor) {
  visitor_ = &visitor;
  shown_.clear();
  impl_->observer = [this](const Step& step) { return observe(step); };
  auto result = method_->execute();
  impl_->observer = nullptr;
  visitor_ = nullptr;
  return result;
}

Result<void> TracedMethod::observe(const Step& step) {
  const auto layers = layers_by_step_.find(&step);
  if (layers == layers_by_step_.end() || std::ranges::contains(shown_, &step)) return {};
  shown_.push_back(&step);
  if (const auto* call = std::get_if<DelegateInstruction>(&step.body)) {
    auto shown = show_delegate(step, *call, layers->second);
    if (!shown) return with_context(std::move(shown).error(), step.name);
    return {};
  }
  for (const std::size_t layer : layers->second) TRY(show_kernel(step, layer));
  return {};
}

Result<void> TracedMethod::show_kernel(const Step&, std::size_t layer) {
  const TracedValue& value = value_of(layer);
  const Tensor& tensor = value.slot->tensor;
  if (!visitor_->wants(layer, static_cast<std::size_t>(tensor.num_elements()))) return {};
  return visitor_->take(layer, {TRY(real_numbers(tensor, value.quant))});
}

Result<void> TracedMethod::show_delegate(const Step& step, const DelegateInstruction& call,
                                         std::span<const std::size_t> layers) {
  const xnnpack::Payload& payload = call.delegate->payload();
  xnnpack::ShapeInference shapes(payload);
  TRY(shapes.run(call.argument_shapes));
  std::vector<std::size_t> wanted, values;
  for (const std::size_t layer : layers) {
    const std::size_t value = *value_of(layer).payload_value;
    const auto num_elements = static_cast<std::size_t>(shapes.shape(value).num_elements());
    if (!visitor_->wants(layer, num_elements)) continue;
    wanted.push_back(layer);
    if (payload.values[value].flags == 0) values.push_back(value);
  }
  if (wanted.empty()) return {};
  xnnpack::Delegate& delegate = *TRY(delegate_for(step, call, values));
  static_cast<void>(TRY(delegate.reshape(call.argument_shapes)));

  // The delegate's own outputs, too, into memory of their own.
  std::vector<std::size_t> outputs(shapes.outputs().begin(), shapes.outputs().end());
  outputs.insert(outputs.end(), values.begin(), values.end());
  std::map<std::size_t, Tensor> tensors;
  std::vector<Tensor*> results;
  for (const std::size_t output : outputs) {
    const auto dtype = xnnpack::tensor_dtype(payload.values[output].datatype);
    if (!dtype) return fail(ErrorCode::kNotSupported, "output of a type without tensors");
    tensors[output] = TRY(Tensor::empty(*dtype, shapes.shape(output)));
    results.push_back(&tensors[output]);
  }
  TRY(delegate.run(call.inputs, results));
  for (const std::size_t layer : wanted) {
    const TracedValue& value = value_of(layer);
    const Tensor& tensor = tensors.at(*value.payload_value);
    TRY(visitor_->take(layer, {TRY(real_numbers(tensor, value.quant)), value.is_channels_last}));
  }
  return {};
}

Result<xnnpack::Delegate*> TracedMethod::delegate_for(const Step& step,
                                                      const DelegateInstruction& call,
                                                      std::vector<std::size_t> values) {
  TracedDelegate& traced = delegates_[&step];
  if (traced.delegate == nullptr || traced.values != values) {
    traced.delegate = nullptr;  // its memory goes before the next one needs some
    traced.delegate =
        TRY(xnnpack::Delegate::create(xnnpack::with_outputs(call.delegate->payload(), values),
                                      impl_->find_named_data(), impl_->pool.get(), {}));
    traced.values = std::move(values);
  }
  return traced.delegate.get();
}

}  // namespace tessera::compare
