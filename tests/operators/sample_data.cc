// SPDX-License-Identifier: MIT
#include "operators/sample_data.h"

#include <cmath>

#include "base/try.h"

namespace tessera::testing {

namespace {

template <class T>
void fill(const SampleTensorId& id, Tensor& tensor, bool is_variance) {
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.data<T>()[i] =
        sample_element<T>(sample_bits(id, static_cast<std::uint64_t>(i)), is_variance);
  }
}

}  // namespace

Result<Tensor> make_sample_tensor(const SampleTensorId& id, DType dtype, const Shape& shape,
                                  bool is_variance) {
  Tensor tensor = TRY(Tensor::empty(dtype, shape));
  switch (dtype) {
    case DType::kF32:
      fill<float>(id, tensor, is_variance);
      return tensor;
    case DType::kF64:
      fill<double>(id, tensor, is_variance);
      return tensor;
    case DType::kI32:
      fill<std::int32_t>(id, tensor, is_variance);
      return tensor;
    case DType::kI64:
      fill<std::int64_t>(id, tensor, is_variance);
      return tensor;
    default:
      return fail(ErrorCode::kInvalidType, "samples have no {}", name_of(dtype));
  }
}

}  // namespace tessera::testing
