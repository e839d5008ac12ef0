// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/composite.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"

/// Poolings of the training IR as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;
using ir::ValueId;

struct MaxPool2d {
  static constexpr std::string_view kCore = "aten::max_pool2d_with_indices";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>(a.begin(), a.end());
  }
};

// ---- adaptive average pooling ------------------------------------------------------------------

Result<std::vector<TensorType>> infer_adaptive(const ir::TypeArguments& arguments) {
  return find_operator("aten::_adaptive_avg_pool2d")->infer(arguments);
}

/// Windows that tile the plane evenly are those of a plain pooling, and one window is a mean.
Result<void> decompose_adaptive(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId self = rewriter.tensor(0);
  const TensorType type = rewriter.type_of(self);
  const Dims wanted = rewriter.get<Dims>(1);
  const Dims found(type.dims.end() - 2, type.dims.end());
  if (wanted == Dims{1, 1}) {
    return rewriter.finish("aten::mean.dim", {self, Dims{-1, -2}, true, std::monostate()});
  }
  if (wanted == found) return rewriter.finish("aten::clone", {self, std::monostate()});
  Dims kernel;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!wanted[i].is_constant() || !found[i].is_constant()) break;
    if (found[i].constant() % wanted[i].constant() != 0) break;
    kernel.emplace_back(found[i].constant() / wanted[i].constant());
  }
  if (kernel.size() != 2) {
    return rewriter.finish("aten::_adaptive_avg_pool2d", {self, wanted});
  }
  return rewriter.finish("aten::avg_pool2d",
                         {self, kernel, kernel, Dims{0, 0}, false, true, std::monostate()});
}

// ---- one dimension -----------------------------------------------------------------------------

/// The core operator's arguments for windows of height 1.
Dims in_two_dims(const Dims& one, std::int64_t height) {
  return one.empty() ? Dims{} : Dims{Dim(height), one[0]};
}

template <bool kIsMax>
std::vector<ir::Argument> pooling_arguments(ir::Argument self, const auto& given) {
  const auto list = [&](std::size_t i, std::int64_t height) {
    return in_two_dims(std::get<Dims>(given[i]), height);
  };
  if constexpr (kIsMax) {
    return {self, list(1, 1), list(2, 1), list(3, 0), list(4, 1), std::get<bool>(given[5])};
  } else {
    return {self,
            list(1, 1),
            list(2, 1),
            list(3, 0),
            std::get<bool>(given[4]),
            std::get<bool>(given[5]),
            std::monostate()};
  }
}

template <bool kIsMax>
constexpr std::string_view pooling_core() {
  return kIsMax ? "aten::max_pool2d_with_indices" : "aten::avg_pool2d";
}

/// The types go the way of the calls.
template <bool kIsMax>
Result<std::vector<TensorType>> infer_1d(const ir::TypeArguments& arguments) {
  ir::Graph graph;
  TRY(expect_rank(arguments.tensor(0), "self", 2, 3));
  TensorType image = arguments.tensor(0);
  image.dims.insert(image.dims.end() - 1, Dim(1));
  const ValueId self = graph.add_input("self", image);
  const ir::NodeId pooled = TRY(graph.add_node(*find_operator(pooling_core<kIsMax>()),
                                               pooling_arguments<kIsMax>(self, arguments)));
  TensorType result = graph.value(graph.node(pooled).results[0]).type;
  result.dims.erase(result.dims.end() - 2);
  return std::vector{std::move(result)};
}

template <bool kIsMax>
Result<void> decompose_1d(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const std::vector<ir::Argument> given = graph.node(id).arguments;
  const ValueId image = TRY(rewriter.call("aten::unsqueeze_copy", {rewriter.tensor(0), Dim(-2)}));
  const ValueId pooled =
      TRY(rewriter.call(pooling_core<kIsMax>(), pooling_arguments<kIsMax>(image, given)));
  return rewriter.finish("aten::squeeze_copy.dims", {pooled, Dims{Dim(-2)}});
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kMaxPoolSamples[] = {{"(f32[1,2,8,9], [2,2], [], [0,0], [1,1], false)"}};
constexpr ir::Sample kAdaptivePoolSamples[] = {{"(f32[2,3,5,6], [1,1])"},
                                               {"(f32[2,3,6,8], [3,2])"},
                                               {"(f32[2,3,5,7], [3,2])"},
                                               {"(f32[2,3,5,7], [5,7])"}};
constexpr ir::Sample kMaxPool1dSamples[] = {{"(f32[2,3,9], [3], [2], [1], [1], false)"}};
constexpr ir::Sample kAvgPool1dSamples[] = {{"(f32[2,3,9], [3], [], [1], false, true)"}};

constexpr ir::Operator kOperators[] = {
    composite<MaxPool2d>(
        "aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
        "int[2] dilation=1, bool ceil_mode=False) -> Tensor",
        kMaxPoolSamples),
    {.schema = "aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] "
               "padding=0, int[1] dilation=1, bool ceil_mode=False) -> Tensor",
     .infer = infer_1d<true>,
     .decompose = decompose_1d<true>,
     .samples = kMaxPool1dSamples},
    {.schema = "aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] "
               "padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
     .infer = infer_1d<false>,
     .decompose = decompose_1d<false>,
     .samples = kAvgPool1dSamples},
    {.schema = "aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
     .infer = infer_adaptive,
     .decompose = decompose_adaptive,
     .samples = kAdaptivePoolSamples},
};

}  // namespace

std::span<const ir::Operator> composite_pooling_operators() { return kOperators; }

}  // namespace tessera::ops
