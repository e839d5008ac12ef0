// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "base/check.h"
#include "xnnpack/delegate.h"

namespace tessera::xnnpack {

/// The type of an external value's elements in memory.
inline DType dtype_of(Datatype datatype) {
  switch (datatype) {
    case Datatype::kF32:
      return DType::kF32;
    case Datatype::kF16:
      return DType::kF16;
    case Datatype::kQInt8:
      return DType::kI8;
    case Datatype::kQUInt8:
      return DType::kU8;
    case Datatype::kInt32:
    case Datatype::kQInt32:
      return DType::kI32;
    default:
      CHECK(false, "datatype {} has no dtype", static_cast<int>(datatype));
      return DType::kF32;
  }
}

/// Reshapes and runs; outputs are new tensors. Empty if something failed.
inline std::vector<Tensor> run_delegate(Delegate& delegate, const std::vector<Tensor>& inputs) {
  std::vector<Shape> shapes;
  std::vector<const Tensor*> input_pointers;
  for (const auto& input : inputs) {
    shapes.push_back(input.shape());
    input_pointers.push_back(&input);
  }
  const auto output_shapes = delegate.reshape(shapes);
  EXPECT_TRUE(output_shapes) << output_shapes.error().to_string();
  if (!output_shapes) return {};
  std::vector<Tensor> outputs(output_shapes->size());
  for (const auto& value : delegate.payload().values) {
    if (value.flags != ValueRecord::kExternalOutput) continue;
    const std::size_t index = value.external_id - inputs.size();
    outputs[index] = Tensor::zeros(dtype_of(value.datatype), (*output_shapes)[index]).value();
  }
  std::vector<Tensor*> output_pointers;
  for (auto& output : outputs) output_pointers.push_back(&output);
  const auto done = delegate.run(input_pointers, output_pointers);
  EXPECT_TRUE(done) << done.error().to_string();
  return done ? outputs : std::vector<Tensor>();
}

}  // namespace tessera::xnnpack
