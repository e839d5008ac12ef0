// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "formats/pte.h"
#include "tessera/program.h"

namespace tessera::testing {

/// Puts small image programs together as .pte records. Tensors are dynamic up to the sizes given;
/// none shares memory with another.
class SmallProgram {
 public:
  std::int32_t tensor(const Shape& bound, bool is_dynamic = true) {
    pte::TensorValue value{DType::kF32, bound};
    for (std::uint8_t dim = 0; dim < bound.rank(); ++dim) value.dim_order.push_back(dim);
    if (is_dynamic) value.dynamism = pte::ShapeDynamism::kDynamicBound;
    value.allocation = pte::Allocation{1, static_cast<std::uint64_t>(plan_.buffer_sizes[1])};
    plan_.buffer_sizes[1] += (bound.num_elements() * 4 + 63) / 64 * 64;
    return add(value);
  }
  std::int32_t input(const Shape& bound, bool is_dynamic = true) {
    plan_.inputs.push_back(tensor(bound, is_dynamic));
    return plan_.inputs.back();
  }
  /// Weights without symmetries or zeros.
  std::int32_t weights(const Shape& shape) {
    auto& elements = weights_.emplace_back(static_cast<std::size_t>(shape.num_elements()));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      elements[i] =
          0.11F + 0.07F * static_cast<float>((i * 5) % 7) - 0.3F * static_cast<float>(i % 2);
    }
    const std::int32_t index = tensor(shape, false);
    auto& value = std::get<pte::TensorValue>(plan_.values.back());
    value.data_buffer_index = static_cast<std::uint32_t>(program_.constants.size());
    value.allocation.reset();
    program_.constants.push_back(std::as_bytes(std::span(elements)));
    return index;
  }
  std::int32_t integers(const std::vector<std::int64_t>& items) {
    pte::IntList list;
    for (const std::int64_t item : items) list.items.push_back(add(item));
    return add(list);
  }
  std::int32_t add(pte::Value value) {
    plan_.values.push_back(std::move(value));
    return static_cast<std::int32_t>(plan_.values.size() - 1);
  }
  std::int32_t none() { return add(pte::Null()); }

  /// Calls an operator with one result, which is returned.
  std::int32_t call(const std::string& name, std::vector<std::int32_t> arguments,
                    const Shape& bound, bool is_dynamic = true) {
    const std::int32_t result = tensor(bound, is_dynamic);
    arguments.insert(arguments.end(), {result, result});
    plan_.operators.push_back(name);
    plan_.chains[0].push_back(pte::KernelCall{static_cast<std::int32_t>(plan_.operators.size() - 1),
                                              std::move(arguments)});
    return result;
  }

  struct Window {
    std::int64_t kernel = 3, stride = 1, padding = 1, dilation = 1;
  };
  std::int32_t convolution(std::int32_t input, std::int64_t in, std::int64_t out,
                           const Window& window, const Shape& bound, bool is_dynamic = true) {
    const auto twice = [&](std::int64_t value) { return integers({value, value}); };
    return call(
        "aten::convolution.out",
        {input, weights({out, in, window.kernel, window.kernel}), none(), twice(window.stride),
         twice(window.padding), twice(window.dilation), add(false), twice(0), add(std::int64_t{1})},
        bound, is_dynamic);
  }

  std::shared_ptr<const Program> finish(std::int32_t output) {
    plan_.outputs = {output};
    program_.plans = {plan_};
    const auto bytes = pte::write(program_);
    if (!bytes) return nullptr;
    auto program = Program::load(std::span(*bytes));
    return program ? *program : nullptr;
  }

 private:
  pte::ExecutionPlan plan_{.name = "forward", .chains = {{}}, .buffer_sizes = {0, 0}};
  pte::Program program_{.constants = {{}}};
  std::deque<std::vector<float>> weights_;
};

/// Half resolution with a wide view, up again, and the input added: alignment 2. Height and width
/// up to 96.
inline std::shared_ptr<const Program> hourglass() {
  SmallProgram small;
  const Shape half = {1, 2, 48, 48}, full = {1, 2, 96, 96};
  const std::int32_t input = small.input({1, 2, 96, 96});
  std::int32_t value = small.convolution(input, 2, 2, {.stride = 2}, half);
  value = small.convolution(value, 2, 2, {.padding = 2, .dilation = 2}, half);
  value = small.call("aten::upsample_bilinear2d.vec_out",
                     {value, small.none(), small.add(false), small.add(std::vector<double>{2, 2})},
                     full);
  value = small.call("aten::add.out", {value, input, small.add(std::int64_t{1})}, full);
  return small.finish(value);
}

/// Loses a pixel on every side, then halves; odd sizes lose one more. Height and width up to 64.
inline std::shared_ptr<const Program> shrinker() {
  SmallProgram small;
  const std::int32_t input = small.input({1, 1, 64, 64});
  std::int32_t value = small.convolution(input, 1, 2, {.padding = 0}, {1, 2, 62, 62});
  value = small.convolution(value, 2, 1, {.kernel = 2, .stride = 2, .padding = 0}, {1, 1, 31, 31});
  return small.finish(value);
}

/// Takes 24 by 20 pixels exactly.
inline std::shared_ptr<const Program> fixed() {
  SmallProgram small;
  const std::int32_t input = small.input({1, 1, 24, 20}, false);
  std::int32_t value = small.convolution(input, 1, 2, {}, {1, 2, 24, 20}, false);
  value = small.convolution(value, 2, 1, {.kernel = 5, .padding = 2}, {1, 1, 24, 20}, false);
  return small.finish(value);
}

/// Subtracts the mean of every channel.
inline std::shared_ptr<const Program> centered() {
  SmallProgram small;
  const Shape bound = {1, 1, 64, 64};
  const std::int32_t input = small.input(bound);
  const std::int32_t mean =
      small.call("aten::mean.out", {input, small.integers({2, 3}), small.add(true), small.none()},
                 {1, 1, 1, 1});
  return small.finish(
      small.call("aten::sub.out", {input, mean, small.add(std::int64_t{1})}, bound));
}

}  // namespace tessera::testing
