// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

/// Between channels and blocks of pixels: channel (c, y, x) of a small image is pixel (y, x) of the
/// blocks of channel c of a large one.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

constexpr std::int64_t kMaxFactor = 1 << 15;  // its square stays far from 64 bits

// ---- kernel ------------------------------------------------------------------------------------

/// Images x channels x block rows x block columns x height x width, the small image's sizes.
struct Blocks {
  Shape sizes, small, large;  ///< strides in both images

  Blocks(const Shape& shape, std::int64_t factor) {  // of the small image
    const std::size_t rank = shape.rank();
    const std::int64_t height = shape[rank - 2], width = shape[rank - 1];
    const std::int64_t channels = shape[rank - 3] / (factor * factor);
    std::int64_t images = 1;
    for (std::size_t dim = 0; dim + 3 < rank; ++dim) images *= shape[dim];
    sizes = Shape{images, channels, height, factor, width, factor};
    const std::int64_t pixels = height * width, row = width * factor;
    small = Shape{channels * factor * factor * pixels,
                  factor * factor * pixels,
                  width,
                  factor * pixels,
                  1,
                  pixels};
    large = Shape{channels * factor * factor * pixels,
                  factor * factor * pixels,
                  row * factor,
                  row,
                  factor,
                  1};
  }
};

Result<void> shuffle(KernelContext& context, const KernelArguments& arguments,
                     std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (self.num_elements() == 0) return {};
  const Blocks blocks(self.shape(), arguments.integer(1));
  strided_copy(context, size_of(self.dtype()), blocks.sizes, {self.bytes(), blocks.small},
               {outputs[0].bytes(), blocks.large});
  return {};
}

Result<void> unshuffle(KernelContext& context, const KernelArguments& arguments,
                       std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (self.num_elements() == 0) return {};
  const Blocks blocks(outputs[0].shape(), arguments.integer(1));
  strided_copy(context, size_of(self.dtype()), blocks.sizes, {self.bytes(), blocks.large},
               {outputs[0].bytes(), blocks.small});
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Result<void> expect_multiple(const Dim& size, std::int64_t divisor, std::string_view what) {
  if (!size.is_constant() || size.constant() % divisor == 0) return {};
  return fail(ErrorCode::kInvalidArgument, "{} of argument 'self' is {}, expected a multiple of {}",
              what, size.constant(), divisor);
}

Types infer_shuffle(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", 3, Shape::kMaxRank));
  const std::int64_t factor = TRY(integer_argument(arguments, 1, "upscale_factor", 1, kMaxFactor));
  ir::Dims& dims = type.dims;
  const std::size_t rank = type.rank();
  TRY(expect_multiple(dims[rank - 3], factor * factor, "the number of channels"));
  dims[rank - 3] = floor_div(dims[rank - 3], Dim(factor * factor));
  dims[rank - 2] = dims[rank - 2] * Dim(factor);
  dims[rank - 1] = dims[rank - 1] * Dim(factor);
  return std::vector{std::move(type)};
}

Types infer_unshuffle(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", 3, Shape::kMaxRank));
  const std::int64_t factor =
      TRY(integer_argument(arguments, 1, "downscale_factor", 1, kMaxFactor));
  ir::Dims& dims = type.dims;
  const std::size_t rank = type.rank();
  TRY(expect_multiple(dims[rank - 2], factor, "the height"));
  TRY(expect_multiple(dims[rank - 1], factor, "the width"));
  dims[rank - 3] = dims[rank - 3] * Dim(factor * factor);
  dims[rank - 2] = floor_div(dims[rank - 2], Dim(factor));
  dims[rank - 1] = floor_div(dims[rank - 1], Dim(factor));
  return std::vector{std::move(type)};
}

// ---- region ------------------------------------------------------------------------------------

/// Positions of blocks of this size that hold the interval.
Interval blocks_of(Interval interval, std::int64_t size) {
  return {interval.begin / size, (interval.end + size - 1) / size};
}
Interval elements_of(Interval interval, std::int64_t size) {
  return {interval.begin * size, interval.end * size};
}

Region shuffle_region(const ir::RegionQuery& query) {
  const std::int64_t factor = query.arguments.integer(1);
  Region region = query.output_region;
  const std::size_t rank = region.rank();
  region[rank - 3] = elements_of(region[rank - 3], factor * factor);
  region[rank - 2] = blocks_of(region[rank - 2], factor);
  region[rank - 1] = blocks_of(region[rank - 1], factor);
  return region;
}

Region unshuffle_region(const ir::RegionQuery& query) {
  const std::int64_t factor = query.arguments.integer(1);
  Region region = query.output_region;
  const std::size_t rank = region.rank();
  region[rank - 3] = blocks_of(region[rank - 3], factor * factor);
  region[rank - 2] = elements_of(region[rank - 2], factor);
  region[rank - 1] = elements_of(region[rank - 1], factor);
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kShuffleSamples[] = {{"(f32[1,12,5,7], 2)"},
                                          {"(f32[2,9,3,4], 3)"},
                                          {"(i8[4,2,3], 2)"},
                                          {"(f16[1,2,8,3,2], 2)"},
                                          {"(f64[0,4,2,2], 2)"}};
constexpr ir::Sample kUnshuffleSamples[] = {{"(f32[1,3,6,8], 2)"},
                                            {"(f32[2,1,9,6], 3)"},
                                            {"(u8[2,4,2], 2)"},
                                            {"(bf16[1,2,2,4,6], 2)"},
                                            {"(bool[1,4,4], 4)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
     .out_name = "aten::pixel_shuffle.out",
     .infer = infer_shuffle,
     .kernel = shuffle,
     .input_region = shuffle_region,
     .samples = kShuffleSamples},
    {.schema = "aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
     .out_name = "aten::pixel_unshuffle.out",
     .infer = infer_unshuffle,
     .kernel = unshuffle,
     .input_region = unshuffle_region,
     .samples = kUnshuffleSamples},
};

}  // namespace

std::span<const ir::Operator> pixel_shuffle_operators() { return kOperators; }

}  // namespace tessera::ops
