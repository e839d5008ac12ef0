// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/mapped_file.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace {

using namespace tessera;

constexpr std::int64_t kMaxElements = 1 << 16;

/// Named data of any key: every four bytes are a small positive float.
Result<std::span<const std::byte>> find_anything(std::string_view) {
  static const std::vector<std::byte> bytes(1 << 20, std::byte{0x3c});
  return bytes;
}

std::vector<Tensor> tensors_of(std::span<const Shape> shapes) {
  std::vector<Tensor> tensors;
  for (const auto& shape : shapes) {
    tensors.push_back(Tensor::zeros(DType::kF32, shape).value());
  }
  return tensors;
}

/// Runs at the sizes in the blob if all of them are small.
void run(xnnpack::Delegate& delegate) {
  std::vector<Shape> inputs(delegate.num_inputs());
  for (const auto& value : delegate.payload().values) {
    std::int64_t num_elements = 1;
    for (const auto dim : value.dims) {
      num_elements *= dim;
      if (num_elements > kMaxElements) return;
    }
    if (value.flags == xnnpack::ValueRecord::kExternalInput) {
      for (const auto dim : value.dims) inputs[value.external_id].push_back(dim);
    }
  }
  const auto outputs = delegate.reshape(inputs);
  if (!outputs) return;
  for (const auto& shape : *outputs) {
    if (shape.num_elements() > kMaxElements) return;
  }
  const auto input_tensors = tensors_of(inputs);
  auto output_tensors = tensors_of(*outputs);
  std::vector<const Tensor*> in;
  for (const auto& tensor : input_tensors) in.push_back(&tensor);
  std::vector<Tensor*> out;
  for (auto& tensor : output_tensors) out.push_back(&tensor);
  CHECK(delegate.run(in, out).has_value());
}

}  // namespace

/// What can be read with constants by key can be written, and read and written again; what XNNPACK
/// accepts of it runs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto blob = FileBytes::copy_of(std::as_bytes(std::span(data, size)));
  const auto payload = xnnpack::read_payload(blob->bytes());
  if (!payload) return 0;
  for (const auto& constant : payload->constants) {
    if (!constant.key.has_value()) return 0;
  }
  const auto written = xnnpack::write_payload(*payload);
  const auto again = xnnpack::read_payload(written);
  CHECK(again.has_value(), "{}", again.error().to_string());
  CHECK(xnnpack::write_payload(*again) == written);
  const auto delegate = xnnpack::Delegate::create(blob->bytes(), find_anything, nullptr);
  if (delegate) run(**delegate);
  return 0;
}
