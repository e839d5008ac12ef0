// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"

/// Padding with the tensor's own elements: mirrored at the border (reflection) or the border's
/// element again (replication).
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

enum class Border { kReflection, kReplication };

struct Padding {
  std::int64_t before = 0, after = 0;
};

/// The list has two numbers per dimension, the last dimension first. Negative ones cut off.
Padding padding_of(const auto& arguments, std::size_t dim, std::size_t rank) {
  const std::size_t pair = 2 * (rank - 1 - dim);
  if (pair >= arguments.dims(1).size()) return {};
  return {arguments.integer(1, pair), arguments.integer(1, pair + 1)};
}

/// Where the element at `position`, which may lie outside, comes from.
template <Border kBorder>
std::int64_t source_of(std::int64_t position, std::int64_t size) {
  if constexpr (kBorder == Border::kReplication) {
    return std::clamp<std::int64_t>(position, 0, size - 1);
  } else if (position < 0) {
    return -position;
  } else {
    return position < size ? position : 2 * (size - 1) - position;
  }
}

// ---- kernel ------------------------------------------------------------------------------------

/// One row of the result from one row of the tensor.
template <Border kBorder, class Word>
void pad_row(const Word* in, std::int64_t size, Padding padding, Word* out, std::int64_t width) {
  const std::int64_t begin = std::clamp<std::int64_t>(padding.before, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(padding.before + size, begin, width);
  const auto at = [&](std::int64_t i) { return in[source_of<kBorder>(i - padding.before, size)]; };
  for (std::int64_t i = 0; i < begin; ++i) out[i] = at(i);
  std::memcpy(out + begin, in + begin - padding.before,
              static_cast<std::size_t>(end - begin) * sizeof(Word));
  for (std::int64_t i = end; i < width; ++i) out[i] = at(i);
}

template <Border kBorder>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::size_t inner = self.rank() - 1;
  std::array<Padding, Shape::kMaxRank> paddings;
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    paddings[dim] = padding_of(arguments, dim, self.rank());
  }
  const std::int64_t width = output.size(inner);
  const auto num_rows = static_cast<std::size_t>(output.num_elements() / width);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(width) + 1;
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(self.bytes());
    auto* out = reinterpret_cast<Word*>(output.bytes());
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        auto rest = static_cast<std::int64_t>(row);
        std::int64_t source = 0, stride = self.size(inner);
        for (std::size_t dim = inner; dim-- > 0; rest /= output.size(dim)) {
          const std::int64_t position = rest % output.size(dim) - paddings[dim].before;
          source += source_of<kBorder>(position, self.size(dim)) * stride;
          stride *= self.size(dim);
        }
        pad_row<kBorder>(in + source, self.size(inner), paddings[inner],
                         out + row * static_cast<std::size_t>(width), width);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// kDims dimensions are padded; in front of them are channels and maybe images.
template <Border kBorder, std::size_t kDims>
Types infer(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", kDims + 1, kDims + 2));
  if (arguments.dims(1).size() != 2 * kDims) {
    return fail(ErrorCode::kInvalidArgument, "argument 'padding' has {} elements, expected {}",
                arguments.dims(1).size(), 2 * kDims);
  }
  TRY(integers_argument(arguments, 1, "padding", 2 * kDims, -kMaxWindowParameter));
  for (std::size_t dim = type.rank() - kDims; dim < type.rank(); ++dim) {
    const Padding padding = padding_of(arguments, dim, type.rank());
    Dim& size = type.dims[dim];
    const std::int64_t most = std::max(padding.before, padding.after);
    if (size.is_constant() &&
        size.constant() < (kBorder == Border::kReflection ? most + 1 : std::int64_t{1})) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'padding' is {} and {} for a dimension of size {}", padding.before,
                  padding.after, size.constant());
    }
    size = size + Dim(padding.before + padding.after);
    if (size.is_constant() && size.constant() < 1) {
      return fail(ErrorCode::kInvalidArgument, "argument 'padding' leaves nothing of size {}", dim);
    }
  }
  return std::vector{std::move(type)};
}

// ---- region ------------------------------------------------------------------------------------

/// What one dimension needs. A tile that reaches the border has it at the same end as the tensor;
/// where it ends inside, its own padding lies beside the wanted box.
template <Border kBorder>
Interval padded_region(Interval wanted, Padding padding, std::int64_t size) {
  // What is cut off belongs to the real border: a part of the tensor must not lose it again.
  if (padding.before < 0 || padding.after < 0) return {0, size};
  if (wanted.size() == 0) return {0, 0};
  const Interval moved{wanted.begin - padding.before, wanted.end - padding.before};
  Interval region = clip(moved, size);
  if (moved.begin < 0) {
    region = {0,
              std::max({region.end, std::int64_t{1}, source_of<kBorder>(moved.begin, size) + 1})};
  }
  if (moved.end > size) {
    region = {std::min({region.begin, size - 1, source_of<kBorder>(moved.end - 1, size)}), size};
  }
  if (kBorder == Border::kReplication) return region;
  // A tile cannot be mirrored by more than it has.
  const std::int64_t least = std::max(padding.before, padding.after) + 1;
  region.end = std::min(std::max(region.end, region.begin + least), size);
  region.begin = std::max<std::int64_t>(std::min(region.begin, region.end - least), 0);
  return region;
}

template <Border kBorder>
Region input_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  for (std::size_t dim = 0; dim < region.rank(); ++dim) {
    region[dim] =
        padded_region<kBorder>(region[dim], padding_of(query.arguments, dim, region.rank()),
                               query.arguments.tensor(0).dims[dim].constant());
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples1d[] = {
    {"(f32[2,9], [2,3])"}, {"(f32[1,3,8], [0,4])"}, {"(i64[2,5], [4,0])"}, {"(f16[2,7], [-1,3])"}};
constexpr ir::Sample kSamples2d[] = {{"(f32[1,2,7,9], [2,3,1,0])"},
                                     {"(f32[3,6,5], [1,1,1,1])"},
                                     {"(u8[1,6,5], [0,2,3,1])"},
                                     {"(f64[2,1,4,4], [-1,2,3,-2])"},
                                     {"(bf16[0,2,3,3], [1,1,1,1])"}};
constexpr ir::Sample kSamples3d[] = {{"(f32[1,2,4,5,6], [1,2,2,1,0,3])"},
                                     {"(f32[1,3,3,3], [2,2,2,2,2,2])"},
                                     {"(i8[1,3,2,4], [1,0,0,1,1,1])"}};

template <Border kBorder, std::size_t kDims>
constexpr ir::Operator pad(std::string_view schema, std::string_view out_name,
                           std::span<const ir::Sample> samples) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer<kBorder, kDims>,
          .kernel = kernel<kBorder>,
          .input_region = input_region<kBorder>,
          .samples = samples};
}

constexpr ir::Operator kOperators[] = {
    pad<Border::kReflection, 1>("aten::reflection_pad1d(Tensor self, SymInt[2] padding) -> Tensor",
                                "aten::reflection_pad1d.out", kSamples1d),
    pad<Border::kReflection, 2>("aten::reflection_pad2d(Tensor self, SymInt[4] padding) -> Tensor",
                                "aten::reflection_pad2d.out", kSamples2d),
    pad<Border::kReflection, 3>("aten::reflection_pad3d(Tensor self, SymInt[6] padding) -> Tensor",
                                "aten::reflection_pad3d.out", kSamples3d),
    pad<Border::kReplication, 1>(
        "aten::replication_pad1d(Tensor self, SymInt[2] padding) -> Tensor",
        "aten::replication_pad1d.out", kSamples1d),
    pad<Border::kReplication, 2>(
        "aten::replication_pad2d(Tensor self, SymInt[4] padding) -> Tensor",
        "aten::replication_pad2d.out", kSamples2d),
    pad<Border::kReplication, 3>(
        "aten::replication_pad3d(Tensor self, SymInt[6] padding) -> Tensor",
        "aten::replication_pad3d.out", kSamples3d),
};

}  // namespace

std::span<const ir::Operator> border_pad_operators() { return kOperators; }

}  // namespace tessera::ops
