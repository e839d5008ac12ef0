// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"

/// Every output pixel is interpolated where a grid says: (x, y) from -1 to 1 across the image.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

enum : std::size_t { kInput, kGrid, kInterpolation, kPadding, kAlignCorners };
enum Interpolation { kBilinear, kNearest, kBicubic };
enum Padding { kZeros, kBorder, kReflection };

// ---- positions ---------------------------------------------------------------------------------

/// One dimension of the image and how coordinates become positions in it.
template <class C>
struct Axis {
  std::int64_t size = 1;
  Padding padding = kZeros;
  bool align_corners = false;

  /// Position in pixels of a coordinate from -1 to 1.
  C position(C coordinate) const {
    const C length = static_cast<C>(size);
    return align_corners ? (coordinate + 1) / 2 * (length - 1)
                         : ((coordinate + 1) * length - 1) / 2;
  }

  /// A position outside moved to the border or mirrored there; with zeros it stays.
  C inside(C at) const {
    if (padding == kZeros) return at;
    if (padding == kReflection) at = mirrored(at);
    // Written so that NaN becomes 0.
    return at > 0 ? std::min(at, static_cast<C>(size - 1)) : C(0);
  }

  /// Whether a whole-numbered position is one of a pixel.
  bool contains(C at) const { return at >= 0 && at < static_cast<C>(size); }

 private:
  /// Mirrors lie in the centers of the outer pixels or at their outer edges.
  C mirrored(C at) const {
    const C low = align_corners ? C(0) : C(-0.5);
    const C span = align_corners ? static_cast<C>(size - 1) : static_cast<C>(size);
    if (span == 0) return 0;
    const C distance = std::abs(at - low);
    const C rest = std::fmod(distance, span);
    const bool is_even = std::fmod(std::floor(distance / span), C(2)) == 0;
    return is_even ? rest + low : span - rest + low;
  }
};

/// Pixels along one dimension with their weights; pixels outside have the weight 0 and index 0.
template <class C>
struct Taps {
  std::array<std::int64_t, 4> index{};
  std::array<C, 4> weight{};
  std::size_t count = 0;

  void add(const Axis<C>& axis, C at, C tap_weight) {
    const bool is_inside = axis.contains(at);
    index[count] = is_inside ? static_cast<std::int64_t>(at) : 0;
    weight[count++] = is_inside ? tap_weight : C(0);
  }
};

/// Weights of Keys' cubic convolution with a = -0.75 for four pixels, `t` behind the second.
template <class C>
std::array<C, 4> cubic_weights(C t) {
  constexpr C a = C(-0.75);
  const auto near = [](C x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](C x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

template <class C>
Taps<C> taps_of(const Axis<C>& axis, Interpolation interpolation, C coordinate) {
  Taps<C> taps;
  const C position = axis.position(coordinate);
  if (interpolation == kBicubic) {
    const C first = std::floor(position);
    const auto weights = cubic_weights(position - first);
    for (std::size_t k = 0; k < 4; ++k) {
      taps.add(axis, axis.inside(first + static_cast<C>(k) - 1), weights[k]);
    }
  } else if (interpolation == kNearest) {
    taps.add(axis, std::nearbyint(axis.inside(position)), 1);
  } else {
    const C at = axis.inside(position), first = std::floor(at);
    taps.add(axis, first, first + 1 - at);
    taps.add(axis, first + 1, at - first);
  }
  return taps;
}

// ---- kernel ------------------------------------------------------------------------------------

template <class T, class C>
C sample(const T* plane, std::int64_t width, const Taps<C>& rows, const Taps<C>& columns) {
  C sum = 0;
  for (std::size_t y = 0; y < rows.count; ++y) {
    const T* row = plane + rows.index[y] * width;
    C part = 0;
    for (std::size_t x = 0; x < columns.count; ++x) {
      // A pixel outside counts as 0 whatever stands at index 0.
      const C pixel = columns.weight[x] == 0 ? C(0) : static_cast<C>(row[columns.index[x]]);
      part += columns.weight[x] * pixel;
    }
    sum += rows.weight[y] == 0 ? C(0) : rows.weight[y] * part;
  }
  return sum;
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor &input = arguments.tensor(kInput), &grid = arguments.tensor(kGrid);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::int64_t channels = input.size(1), height = input.size(2), width = input.size(3);
  const std::int64_t output_height = output.size(2), output_width = output.size(3);
  const auto interpolation = static_cast<Interpolation>(arguments.integer(kInterpolation));
  const auto padding = static_cast<Padding>(arguments.integer(kPadding));
  const bool align_corners = arguments.boolean(kAlignCorners);
  const auto num_rows = static_cast<std::size_t>(input.size(0) * output_height);
  const std::size_t grain =
      kElementsPerThread / 16 / static_cast<std::size_t>(output_width * channels) + 1;
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const Axis<C> rows{height, padding, align_corners}, columns{width, padding, align_corners};
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end);
           ++row) {
        const std::int64_t image = row / output_height, y = row % output_height;
        for (std::int64_t x = 0; x < output_width; ++x) {
          const T* at = grid.data<T>() + (row * output_width + x) * 2;
          const auto across = taps_of(columns, interpolation, static_cast<C>(at[0]));
          const auto down = taps_of(rows, interpolation, static_cast<C>(at[1]));
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t plane = image * channels + c;
            output.data<T>()[(plane * output_height + y) * output_width + x] = static_cast<T>(
                sample(input.data<T>() + plane * height * width, width, down, across));
          }
        }
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType &input = arguments.tensor(kInput), &grid = arguments.tensor(kGrid);
  TRY(expect_types<FloatTypes>(input, "input"));
  TRY(expect_same_dtype(input, "input", grid, "grid"));
  TRY(expect_rank(input, "input", 4, 4));
  TRY(expect_rank(grid, "grid", 4, 4));
  TRY(expect_equal(grid.dims[0], "size 0 of argument 'grid'", input.dims[0],
                   "size 0 of argument 'input'"));
  TRY(expect_equal(grid.dims[3], "size 3 of argument 'grid'", Dim(2), "that of a position"));
  for (std::size_t dim = 2; dim < 4; ++dim) {
    if (input.dims[dim] != Dim(0)) continue;
    return fail(ErrorCode::kInvalidArgument, "argument 'input' has sizes {}, expected no 0",
                to_string(input.dims));
  }
  static_cast<void>(
      TRY(integer_argument(arguments, kInterpolation, "interpolation_mode", kBilinear, kBicubic)));
  static_cast<void>(
      TRY(integer_argument(arguments, kPadding, "padding_mode", kZeros, kReflection)));
  return std::vector{
      TensorType{input.dtype, {input.dims[0], input.dims[1], grid.dims[1], grid.dims[2]}}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[1,2,5,6], f32[1,4,7,2], 0, 0, false)"}, {"(f32[2,1,5,6], f32[2,3,5,2], 0, 1, true)"},
    {"(f32[1,2,5,6], f32[1,4,7,2], 0, 2, false)"}, {"(f32[1,2,5,6], f32[1,4,7,2], 0, 2, true)"},
    {"(f32[1,2,5,6], f32[1,4,7,2], 1, 0, false)"}, {"(f32[1,2,5,6], f32[1,4,7,2], 1, 2, true)"},
    {"(f32[1,2,5,6], f32[1,4,7,2], 2, 0, true)"},  {"(f32[1,2,5,6], f32[1,4,7,2], 2, 1, false)"},
    {"(f32[1,2,5,1], f32[1,4,7,2], 2, 2, true)"},  {"(f64[1,1,4,4], f64[1,2,2,2], 0, 0, true)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int "
               "padding_mode, bool align_corners) -> Tensor",
     .out_name = "aten::grid_sampler_2d.out",
     .infer = infer,
     .kernel = kernel,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> grid_sampler_operators() { return kOperators; }

}  // namespace tessera::ops
