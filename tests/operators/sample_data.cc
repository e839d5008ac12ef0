// SPDX-License-Identifier: MIT
#include "operators/sample_data.h"

#include "base/try.h"
#include "ops/dispatch.h"

namespace tessera::testing {

Result<Tensor> make_sample_tensor(const SampleTensorId& id, DType dtype, const Shape& shape,
                                  const ElementRange& range) {
  if (!ops::contains(ops::AllTypes(), dtype)) {
    return fail(ErrorCode::kInvalidType, "samples have no {}", name_of(dtype));
  }
  Tensor tensor = TRY(Tensor::empty(dtype, shape));
  ops::dispatch<ops::AllTypes>(dtype, [&]<class T>() {
    for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
      const std::uint32_t bits = sample_bits(id, static_cast<std::uint64_t>(i));
      tensor.data<T>()[i] = sample_element<T>(bits, range);
    }
  });
  return tensor;
}

}  // namespace tessera::testing
