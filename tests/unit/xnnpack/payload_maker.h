// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::xnnpack {

/// Makes small payloads by hand: one value after the other, then nodes. Keeps the named data.
class PayloadMaker {
 public:
  PayloadMaker() { payload.constants.push_back({.key = ""}); }

  std::uint32_t input(std::vector<std::uint32_t> dims, Datatype datatype = Datatype::kF32,
                      QuantParams quant = {}) {
    return external(std::move(dims), datatype, std::move(quant), ValueRecord::kExternalInput);
  }
  /// After all inputs.
  std::uint32_t output(std::vector<std::uint32_t> dims, Datatype datatype = Datatype::kF32,
                       QuantParams quant = {}) {
    return external(std::move(dims), datatype, std::move(quant), ValueRecord::kExternalOutput);
  }
  std::uint32_t internal(std::vector<std::uint32_t> dims, Datatype datatype = Datatype::kF32,
                         QuantParams quant = {}) {
    payload.values.push_back(
        {.id = next_id_, .datatype = datatype, .dims = std::move(dims), .quant = std::move(quant)});
    return next_id_++;
  }
  template <class T>
  std::uint32_t constant(std::vector<std::uint32_t> dims, const std::vector<T>& elements,
                         Datatype datatype = Datatype::kF32, QuantParams quant = {}) {
    const auto id = internal(std::move(dims), datatype, std::move(quant));
    payload.values.back().constant_index = buffer(elements);
    return id;
  }
  /// The index of a constant with these bytes.
  template <class T>
  std::uint32_t buffer(const std::vector<T>& elements) {
    const auto bytes = std::as_bytes(std::span(elements));
    const auto key = "constant" + std::to_string(payload.constants.size());
    named_data[key].assign(bytes.begin(), bytes.end());
    payload.constants.push_back({.key = key, .size = bytes.size()});
    return static_cast<std::uint32_t>(payload.constants.size() - 1);
  }
  NodeRecord& node(NodeKind kind, std::vector<std::uint32_t> inputs, std::uint32_t output,
                   NodeParams params = {}) {
    payload.nodes.push_back({.kind = kind,
                             .inputs = std::move(inputs),
                             .outputs = {output},
                             .params = std::move(params)});
    return payload.nodes.back();
  }

  FindNamedData finder() const {
    return [this](std::string_view key) -> Result<std::span<const std::byte>> {
      const auto found = named_data.find(std::string(key));
      if (found == named_data.end()) return fail(ErrorCode::kNotFound, "no '{}'", key);
      return std::span<const std::byte>(found->second);
    };
  }
  /// The maker must outlive the delegate.
  Result<std::unique_ptr<Delegate>> create(ThreadPool* pool = nullptr,
                                           const DelegateOptions& options = {}) {
    blob_ = write_payload(payload);
    return Delegate::create(blob_, finder(), pool, options);
  }

  Payload payload;
  std::map<std::string, std::vector<std::byte>> named_data;

 private:
  std::uint32_t external(std::vector<std::uint32_t> dims, Datatype datatype, QuantParams quant,
                         std::uint32_t flags) {
    const auto id = internal(std::move(dims), datatype, std::move(quant));
    payload.values.back().external_id = payload.num_externals++;
    payload.values.back().flags = flags;
    return id;
  }

  std::uint32_t next_id_ = 0;
  std::vector<std::byte> blob_;
};

/// Numbers between -1 and 1 that look random and are always the same.
inline std::vector<float> sample_elements(std::size_t count, std::uint32_t seed = 1) {
  std::vector<float> elements(count);
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (float& element : elements) {
    state = state * 1664525u + 1013904223u;
    element = static_cast<float>(state >> 8) / static_cast<float>(1u << 23) - 1.0f;
  }
  return elements;
}

/// 3x3 convolution from 2 to 3 channels and back to NCHW, upper bound 64 by 64.
inline PayloadMaker sample_convolution(std::uint32_t size = 64) {
  PayloadMaker maker;
  const auto in = maker.input({1, 2, size, size}), out = maker.output({1, 3, size, size});
  const auto in_nhwc = maker.internal({1, size, size, 2});
  const auto out_nhwc = maker.internal({1, size, size, 3});
  const auto filter = maker.constant({3, 3, 3, 2}, sample_elements(54));
  const auto bias = maker.constant({3}, sample_elements(3, 2));
  maker.node(NodeKind::kStaticTranspose, {in}, in_nhwc, TransposeParams{{0, 2, 3, 1}});
  maker.node(NodeKind::kConv2d, {in_nhwc, filter, bias}, out_nhwc,
             ConvolutionParams{.padding_top = 1,
                               .padding_right = 1,
                               .padding_bottom = 1,
                               .padding_left = 1,
                               .kernel_height = 3,
                               .kernel_width = 3,
                               .group_input_channels = 2,
                               .group_output_channels = 3});
  maker.node(NodeKind::kStaticTranspose, {out_nhwc}, out, TransposeParams{{0, 3, 1, 2}});
  return maker;
}

}  // namespace tessera::xnnpack
