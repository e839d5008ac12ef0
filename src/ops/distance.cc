// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/shape_rules.h"

/// Distances between rows of matrices, by the p-norm of their difference.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace cdist {
enum : std::size_t { kX1, kX2, kP, kComputeMode };
}
namespace pdist {
enum : std::size_t { kSelf, kP };
}

// ---- kernel ------------------------------------------------------------------------------------

/// p = 0 counts the elements that differ; infinity takes the largest difference.
template <class T>
double distance(const T* a, const T* b, std::int64_t count, double p) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (p == 0) {
      sum += difference != 0 ? 1 : 0;
    } else if (p == 1) {
      sum += difference;
    } else if (p == 2) {
      sum += difference * difference;
    } else if (std::isinf(p)) {
      sum = difference > sum || difference != difference ? difference : sum;
    } else {
      sum += std::pow(difference, p);
    }
  }
  if (p == 2) return std::sqrt(sum);
  return p == 0 || p == 1 || std::isinf(p) ? sum : std::pow(sum, 1 / p);
}

/// Number of the matrix of an operand that belongs to matrix `i` of the result; its sizes before
/// the last two are broadcast.
std::int64_t matrix_of(std::int64_t i, const Shape& result, const Shape& operand) {
  std::int64_t matrix = 0, stride = 1;
  for (std::size_t back = 3; back <= result.rank(); ++back) {
    const std::int64_t position = i % result[result.rank() - back];
    i /= result[result.rank() - back];
    if (back > operand.rank()) continue;
    const std::int64_t size = operand[operand.rank() - back];
    matrix += (size == 1 ? 0 : position) * stride;
    stride *= size;
  }
  return matrix;
}

Result<void> cdist_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  using namespace cdist;
  const Tensor& a = arguments.tensor(kX1);
  const Tensor& b = arguments.tensor(kX2);
  Tensor& out = outputs[0];
  const std::int64_t rows = out.size(out.rank() - 2), columns = out.size(out.rank() - 1);
  const std::int64_t length = a.size(a.rank() - 1);
  if (out.num_elements() == 0) return {};
  const double p = arguments.real(kP);
  const std::size_t grain =
      kElementsPerThread / static_cast<std::size_t>(columns * (length + 1)) + 1;
  dispatch<FloatTypes>(out.dtype(), [&]<class T>() {
    const auto num_rows = static_cast<std::size_t>(out.num_elements() / columns);
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
        const std::int64_t matrix = i / rows;
        const T* row =
            a.data<T>() + (matrix_of(matrix, out.shape(), a.shape()) * rows + i % rows) * length;
        const T* others =
            b.data<T>() + matrix_of(matrix, out.shape(), b.shape()) * columns * length;
        for (std::int64_t k = 0; k < columns; ++k) {
          out.data<T>()[i * columns + k] =
              static_cast<T>(distance(row, others + k * length, length, p));
        }
      }
    });
  });
  return {};
}

/// Each row with each later one.
Result<void> pdist_kernel(KernelContext&, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  using namespace pdist;
  const Tensor& self = arguments.tensor(kSelf);
  const std::int64_t rows = self.size(0), length = self.size(1);
  const double p = arguments.real(kP);
  dispatch<FloatTypes>(self.dtype(), [&]<class T>() {
    T* out = outputs[0].data<T>();
    const T* in = self.data<T>();
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t k = i + 1; k < rows; ++k) {
        *out++ = static_cast<T>(distance(in + i * length, in + k * length, length, p));
      }
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Result<void> expect_norm(double p) {
  if (p >= 0) return {};
  return fail(ErrorCode::kInvalidArgument, "argument 'p' is {}, expected 0 or more", p);
}

Types infer_cdist(const TypeArguments& arguments) {
  using namespace cdist;
  const TensorType& a = arguments.tensor(kX1);
  const TensorType& b = arguments.tensor(kX2);
  TRY(expect_types<FloatTypes>(a, "x1"));
  TRY(expect_same_dtype(a, "x1", b, "x2"));
  TRY(expect_rank(a, "x1", 2, Shape::kMaxRank));
  TRY(expect_rank(b, "x2", 2, Shape::kMaxRank));
  TRY(expect_norm(arguments.real(kP)));
  if (!arguments.is_none(kComputeMode)) {
    static_cast<void>(TRY(integer_argument(arguments, kComputeMode, "compute_mode", 0, 2)));
  }
  TRY(expect_equal(a.dims.back(), "last size of argument 'x1'", b.dims.back(),
                   "last size of argument 'x2'"));
  const ir::Dims batch_a(a.dims.begin(), a.dims.end() - 2);
  const ir::Dims batch_b(b.dims.begin(), b.dims.end() - 2);
  TensorType result{a.dtype, TRY(broadcast(batch_a, batch_b))};
  result.dims.push_back(a.dims[a.rank() - 2]);
  result.dims.push_back(b.dims[b.rank() - 2]);
  return std::vector{std::move(result)};
}

Types infer_pdist(const TypeArguments& arguments) {
  using namespace pdist;
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<FloatTypes>(self, "self"));
  TRY(expect_rank(self, "self", 2, 2));
  TRY(expect_norm(arguments.real(kP)));
  const ir::Dim& rows = self.dims[0];
  if (rows == ir::Dim(0)) return std::vector{TensorType{self.dtype, {0}}};
  return std::vector{TensorType{self.dtype, {floor_div(rows * (rows + ir::Dim(-1)), ir::Dim(2))}}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kCdistSamples[] = {{"(f32[3,5], f32[4,5], 2.0, none)"},
                                        {"(f32[2,3,5], f32[1,4,5], 1.0, none)"},
                                        {"(f64[3,5], f64[2,4,5], 3.0, none)"},
                                        {"(f32[3,5], f32[4,5], 0.0, none)"},
                                        {"(f32[3,5], f32[0,5], 2.0, none)"}};
constexpr ir::Sample kPdistSamples[] = {
    {"(f32[4,5], 2.0)"}, {"(f64[4,5], 1.0)"}, {"(f32[5,3], 2.5)"}, {"(f32[1,3], 2.0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor",
     .out_name = "aten::_cdist_forward.out",
     .infer = infer_cdist,
     .kernel = cdist_kernel,
     .samples = kCdistSamples},
    {.schema = "aten::_pdist_forward(Tensor self, float p=2.) -> Tensor",
     .out_name = "aten::_pdist_forward.out",
     .infer = infer_pdist,
     .kernel = pdist_kernel,
     .samples = kPdistSamples},
};

}  // namespace

std::span<const ir::Operator> distance_operators() { return kOperators; }

}  // namespace tessera::ops
