// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/pte.h"
#include "tessera/program.h"

/// Small programs written by hand, with f32 tensors of rank 1 unless said otherwise.
namespace tessera::testing {

class PlanBuilder {
 public:
  PlanBuilder() {
    plan_.name = "forward";
    plan_.chains.resize(1);
    plan_.buffer_sizes = {0, 1 << 20};
    program_.constants = {{}};
    program_.mutable_initial_data = {{}};
  }

  std::int32_t add(pte::Value value) {
    plan_.values.push_back(std::move(value));
    return static_cast<std::int32_t>(plan_.values.size() - 1);
  }
  static pte::TensorValue tensor_value(const Shape& sizes, DType dtype = DType::kF32) {
    pte::TensorValue value{.dtype = dtype, .sizes = sizes};
    for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
      value.dim_order.push_back(static_cast<std::uint8_t>(dim));
    }
    return value;
  }
  std::int32_t unplanned(const Shape& sizes, DType dtype = DType::kF32) {
    return add(tensor_value(sizes, dtype));
  }
  std::int32_t planned(const Shape& sizes, std::uint64_t offset, bool is_dynamic = false) {
    pte::TensorValue value = tensor_value(sizes);
    value.allocation = pte::Allocation{1, offset};
    if (is_dynamic) value.dynamism = pte::ShapeDynamism::kDynamicBound;
    return add(std::move(value));
  }
  std::int32_t dynamic(const Shape& bound, std::uint64_t offset) {
    return planned(bound, offset, true);
  }
  std::int32_t constant(const std::vector<float>& elements) {
    pte::TensorValue value = tensor_value({static_cast<std::int64_t>(elements.size())});
    value.data_buffer_index = static_cast<std::uint32_t>(program_.constants.size());
    bytes_.push_back(std::make_unique<std::vector<float>>(elements));
    program_.constants.push_back(std::as_bytes(std::span(*bytes_.back())));
    return add(std::move(value));
  }

  std::int32_t operator_index(const std::string& name) {
    for (std::size_t i = 0; i < plan_.operators.size(); ++i) {
      if (plan_.operators[i] == name) return static_cast<std::int32_t>(i);
    }
    plan_.operators.push_back(name);
    return static_cast<std::int32_t>(plan_.operators.size() - 1);
  }
  void call(const std::string& name, std::vector<std::int32_t> arguments) {
    append(pte::KernelCall{operator_index(name), std::move(arguments)});
  }
  void relu(std::int32_t x, std::int32_t y) { call("aten::relu.out", {x, y, y}); }
  void neg(std::int32_t x, std::int32_t y) { call("aten::neg.out", {x, y, y}); }
  void plus(std::int32_t a, std::int32_t b, std::int32_t sum) {
    call("aten::add.out", {a, b, add(std::int64_t{1}), sum, sum});
  }
  void append(pte::Instruction instruction) { plan_.chains[0].push_back(std::move(instruction)); }
  void returns(std::vector<std::int32_t> inputs, std::vector<std::int32_t> outputs) {
    plan_.inputs = std::move(inputs);
    plan_.outputs = std::move(outputs);
  }
  void signature(const std::string& text) {
    signature_ = text;
    program_.named_data = {{pte::signature_key(plan_.name), std::as_bytes(std::span(signature_))}};
  }
  pte::Program& program() { return program_; }

  void delegate(pte::BackendDelegate delegate) { plan_.delegates.push_back(std::move(delegate)); }
  /// The file.
  Result<std::vector<std::byte>> bytes() {
    program_.plans = {plan_};
    return pte::write(program_);
  }
  Result<std::shared_ptr<const Program>> load(const LoadOptions& options = {}) {
    const auto bytes = this->bytes();
    if (!bytes) return std::unexpected(bytes.error());
    return Program::load(*bytes, options);
  }
  Result<std::unique_ptr<Method>> load_method() {
    const auto program = load();
    if (!program) return std::unexpected(program.error());
    return (*program)->load_method();
  }
  /// The message of the error that loading gives; empty if it gives none.
  Error load_error() {
    const auto method = load_method();
    return method ? Error{.message = ""} : method.error();
  }

 private:
  pte::ExecutionPlan plan_;
  pte::Program program_;
  std::string signature_;
  std::vector<std::unique_ptr<std::vector<float>>> bytes_;
};

inline Tensor tensor_of(const std::vector<float>& elements) {
  return Tensor::of(Shape{static_cast<std::int64_t>(elements.size())},
                    std::span<const float>(elements));
}

inline std::vector<float> elements_of(const Result<Tensor>& tensor) {
  EXPECT_TRUE(tensor.has_value()) << tensor.error().message;
  if (!tensor) return {};
  return {tensor->elements<float>().begin(), tensor->elements<float>().end()};
}

inline void expect_ok(const Result<void>& result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
}

/// Sets input 0, runs, returns output 0.
inline std::vector<float> run(Method& method, const std::vector<float>& input) {
  expect_ok(method.set_input(0, tensor_of(input)));
  expect_ok(method.execute());
  return elements_of(method.output(0));
}

}  // namespace tessera::testing
