// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "base/try.h"
#include "ir/graph.h"

/// A few operators for the tests of src/ir, which cannot see src/ops.
namespace tessera::ir {

inline const Operator kSame = {
    .schema = "test::same(Tensor self) -> Tensor",
    .infer = [](const TypeArguments& arguments) -> Result<std::vector<TensorType>> {
      return std::vector{arguments.tensor(0)};
    }};

/// Refuses tensors of different types.
inline const Operator kAdd = {
    .schema = "test::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .infer = [](const TypeArguments& arguments) -> Result<std::vector<TensorType>> {
      if (arguments.tensor(0) != arguments.tensor(1)) {
        return fail(ErrorCode::kInvalidArgument, "the types differ");
      }
      return std::vector{arguments.tensor(0)};
    }};

inline const Operator kSplit = {
    .schema = "test::split(Tensor self) -> (Tensor, Tensor)",
    .infer = [](const TypeArguments& arguments) -> Result<std::vector<TensorType>> {
      return std::vector{arguments.tensor(0), arguments.tensor(0)};
    }};

/// Takes every kind of argument; the result has argument `size` as its sizes.
inline const Operator kEverything = {
    .schema =
        "test::everything(Tensor self, Tensor? maybe, Tensor[] list, SymInt[2] size, int i, "
        "float f, Scalar s, bool b, str t, float[] reals, bool[2] flags, int[2]? none=None, "
        "int[2] pair=3, float g=1e-05, str mode=\"a b\", bool yes=True) -> Tensor",
    .infer = [](const TypeArguments& arguments) -> Result<std::vector<TensorType>> {
      return std::vector{TensorType{arguments.tensor(0).dtype, arguments.dims(3)}};
    }};

inline const Operator* find_test_operator(std::string_view full_name) {
  for (const Operator* op : {&kSame, &kAdd, &kSplit, &kEverything}) {
    if (schema_of(*op).full_name() == full_name) return op;
  }
  return nullptr;
}

}  // namespace tessera::ir
