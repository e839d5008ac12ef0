// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/try.h"
#include "ops/exact_scale.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/upsample_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TypeArguments;

enum : std::size_t { kInput, kOutputSize, kScaleFactors };

// ---- kernel ------------------------------------------------------------------------------------

/// Which input every output along one dimension is, with ATen's arithmetic in float.
std::vector<std::int32_t> sources_of(const KernelArguments& arguments, std::size_t dim,
                                     std::int64_t input, std::int64_t output) {
  const auto scale = static_cast<float>(
      upsample_scale(input, output, false, scale_factor(arguments, kScaleFactors, dim)));
  std::vector<std::int32_t> sources;
  for (std::int64_t i = 0; i < output; ++i) {
    std::int64_t source = i;
    if (output == 2 * input) {
      source = i / 2;
    } else if (output != input) {
      source = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    }
    sources.push_back(static_cast<std::int32_t>(std::min(source, input - 1)));
  }
  return sources;
}

template <class Word>
void widen_row(const Word* in, const std::vector<std::int32_t>& columns, bool is_doubled,
               Word* out) {
  if (is_doubled) {  // by far the most frequent case, and without loads at random places
    for (std::size_t i = 0; i < columns.size() / 2; ++i) out[2 * i] = out[2 * i + 1] = in[i];
  } else {
    for (std::size_t i = 0; i < columns.size(); ++i) out[i] = in[columns[i]];
  }
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::int64_t height = input.size(2), width = input.size(3);
  const auto rows = sources_of(arguments, 0, height, output.size(2));
  const auto columns = sources_of(arguments, 1, width, output.size(3));
  const bool is_doubled = output.size(3) == 2 * width;
  const auto num_rows = static_cast<std::size_t>(input.size(0) * input.size(1)) * rows.size();
  dispatch_size(size_of(input.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(input.bytes());
    auto* out = reinterpret_cast<Word*>(output.bytes());
    const std::size_t grain = kElementsPerThread / columns.size() + 1;
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      std::int64_t last = -1;
      for (std::size_t row = begin; row < end; ++row) {
        const std::int64_t source =
            static_cast<std::int64_t>(row / rows.size()) * height + rows[row % rows.size()];
        Word* to = out + row * columns.size();
        if (source == last) {
          std::memcpy(to, to - columns.size(), columns.size() * sizeof(Word));
        } else {
          widen_row(in + source * width, columns, is_doubled, to);
        }
        last = source;
      }
    });
  });
  return {};
}

// ---- shape, region -----------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  return infer_upsample(arguments, kOutputSize, kScaleFactors);
}

Region input_region(const ir::RegionQuery& query) {
  const Shape shape = shape_at(query.arguments, kInput);
  Region region = query.output_region;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t dim = 2 + i;
    const double scale = upsample_scale(shape[dim], query.results[0].dims[dim].constant(), false,
                                        scale_factor(query.arguments, kScaleFactors, i));
    // With other scales it depends on the place in the whole image how products are rounded.
    if (!is_power_of_two(scale)) {
      region[dim] = {0, shape[dim]};
      continue;
    }
    // Up to where a tile has the last wanted output, which is rounded down, too.
    region[dim] =
        clip({static_cast<std::int64_t>(std::floor(static_cast<double>(region[dim].begin) * scale)),
              static_cast<std::int64_t>(std::ceil(static_cast<double>(region[dim].end) * scale))},
             shape[dim]);
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[1,3,7,9], none, [2.0, 2.0])"}, {"(f32[1,2,8,12], none, [0.5, 4.0])"},
    {"(f32[2,2,6,8], [9,11], none)"},     {"(f32[1,3,6,8], [12,16], none)"},
    {"(u8[1,2,5,7], none, [3.0, 2.0])"},  {"(f32[1,2,10,7], none, [1.7, 1.0])"},
    {"(f64[1,2,4,5], none, [2.0, 2.0])"}, {"(f16[1,2,4,5], none, [4.0, 2.0])"},
    {"(bf16[0,2,4,5], [8,3], none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? "
               "scale_factors) -> Tensor",
     .out_name = "aten::upsample_nearest2d.vec_out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> upsample_nearest_operators() { return kOperators; }

}  // namespace tessera::ops
