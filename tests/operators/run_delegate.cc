// SPDX-License-Identifier: MIT
#include "operators/run_delegate.h"

#include "base/try.h"
#include "xnnpack/builder.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::testing {

Result<Tensor> run_delegate(ir::Graph graph, std::span<const Tensor> inputs) {
  const xnnpack::Lowered lowered = TRY(xnnpack::lower(graph));
  // XNNPACK may read a little behind the end of a constant; tensors have room for that.
  const auto find = [&](std::string_view key) -> Result<std::span<const std::byte>> {
    for (const auto& [name, tensor] : lowered.named_data) {
      if (name == key) return std::span<const std::byte>(tensor.bytes(), tensor.num_bytes());
    }
    return fail(ErrorCode::kNotFound, "no data '{}'", key);
  };
  const auto delegate = TRY(xnnpack::Delegate::create(lowered.blob, find, nullptr));
  std::vector<Shape> shapes;
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) {
    shapes.push_back(input.shape());
    pointers.push_back(&input);
  }
  const auto output_shapes = TRY(delegate->reshape(shapes));
  const DType dtype = graph.value(graph.outputs().front()).type.dtype;
  Tensor output = TRY(Tensor::empty(dtype, output_shapes[0]));
  Tensor* outputs[] = {&output};
  TRY(delegate->run(pointers, outputs));
  return output;
}

Result<std::vector<xnnpack::NodeKind>> delegate_kinds(ir::Graph graph) {
  const xnnpack::Lowered lowered = TRY(xnnpack::lower(graph));
  const xnnpack::Payload payload = TRY(xnnpack::read_payload(lowered.blob));
  std::vector<xnnpack::NodeKind> kinds;
  for (const xnnpack::NodeRecord& node : payload.nodes) kinds.push_back(node.kind);
  return kinds;
}

}  // namespace tessera::testing
