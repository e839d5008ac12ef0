// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "ops/affine.h"
#include "ops/dispatch.h"

namespace tessera::ops {

/// A tensor as runs of elements that share parameters: run i has params[i % params.size()].
struct AffineRuns {
  std::int64_t num_runs = 1;
  std::int64_t length = 1;
  std::vector<AffineParams> params;
};

inline AffineRuns one_run(const Tensor& tensor, const AffineParams& params) {
  return {1, tensor.num_elements(), {params}};
}
/// One scale for each position along an axis.
Result<AffineRuns> channel_runs(const Tensor& tensor, std::int64_t axis, const Tensor& scales,
                                const Tensor* zero_points);
/// One scale for each row of the last dimension.
Result<AffineRuns> token_runs(const Tensor& tensor, const Tensor& scales,
                              const Tensor* zero_points);

/// What infer checks for these.
Result<void> expect_one_param(const ir::TensorType& scale, const ir::TensorType& zero_point);
Result<void> expect_channel_params(const ir::TypeArguments& arguments, std::size_t axis_position,
                                   const ir::TensorType& scales, const ir::TensorType* zero_points);
Result<void> expect_token_params(const ir::TensorType& input, const ir::TensorType& scales,
                                 const ir::TensorType& zero_points);
/// An integer argument that fits into 32 bits.
Result<void> expect_zero_point(const ir::TypeArguments& arguments, std::size_t position);
/// A ScalarType argument that names one of QuantizedTypes.
Result<DType> quantized_dtype_argument(const ir::TypeArguments& arguments, std::size_t position);

/// Calls body(first element, count, params), for parts of long runs too.
template <class Body>
void for_each_run(ir::KernelContext& context, const AffineRuns& runs, const Body& body) {
  if (runs.length == 0 || runs.num_runs == 0) return;
  const std::int64_t part = std::min<std::int64_t>(runs.length, kElementsPerThread);
  const std::int64_t parts = (runs.length + part - 1) / part;
  const auto num_params = static_cast<std::int64_t>(runs.params.size());
  context.parallel_for(
      static_cast<std::size_t>(runs.num_runs * parts),
      kElementsPerThread / static_cast<std::size_t>(part), [&](std::size_t begin, std::size_t end) {
        for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
          const std::int64_t run = i / parts, start = i % parts * part;
          body(run * runs.length + start, std::min(part, runs.length - start),
               runs.params[static_cast<std::size_t>(run % num_params)]);
        }
      });
}

}  // namespace tessera::ops
