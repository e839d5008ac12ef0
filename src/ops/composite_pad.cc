// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"

/// Padding by mode as calls of core operators.
namespace tessera::ops {

namespace {

enum Position : std::size_t { kSelf, kPad, kMode, kValue };

/// The core operator for a mode.
Result<std::string> core_of(const std::string& mode, std::size_t num_pads) {
  if (mode == "constant") return "aten::constant_pad_nd";
  const std::size_t num_dims = num_pads / 2;
  const bool is_known = mode == "reflect" || mode == "replicate";
  if (is_known && num_pads % 2 == 0 && num_dims >= 1 && num_dims <= 3) {
    return std::format("aten::{}_pad{}d", mode == "reflect" ? "reflection" : "replication",
                       num_dims);
  }
  return fail(ErrorCode::kNotSupported,
              "mode '{}' with {} paddings, expected 'constant', or 'reflect' or 'replicate' with "
              "2, 4 or 6",
              mode, num_pads);
}

template <class A>
std::vector<A> core_arguments(std::span<const A> given) {
  std::vector<A> arguments = {given[kSelf], given[kPad]};
  if (std::get<std::string>(given[kMode]) == "constant") {
    const bool has_value = !std::holds_alternative<std::monostate>(given[kValue]);
    arguments.push_back(has_value ? given[kValue] : A(ir::Dim(0)));
  }
  return arguments;
}

Result<std::vector<ir::TensorType>> infer(const ir::TypeArguments& arguments) {
  const std::string core = TRY(core_of(arguments.text(kMode), arguments.dims(kPad).size()));
  std::vector<ir::TypeArguments::Argument> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) given.push_back(arguments[i]);
  const auto mapped = core_arguments<ir::TypeArguments::Argument>(given);
  return find_operator(core)->infer(ir::TypeArguments(mapped));
}

Result<void> decompose(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const std::string core =
      TRY(core_of(rewriter.get<std::string>(kMode), rewriter.get<ir::Dims>(kPad).size()));
  const std::vector<ir::Argument> given = graph.node(id).arguments;
  return rewriter.finish(core, core_arguments<ir::Argument>(given));
}

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5], [1,2], \"constant\", none)"},
                                   {"(f32[2,3,5,6], [1,2,0,1], \"constant\", 2.5)"},
                                   {"(f32[2,3,5,6], [1,2,2,1], \"reflect\", none)"},
                                   {"(f32[2,3,5,6], [1,2,2,1], \"replicate\", none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> "
               "Tensor",
     .infer = infer,
     .decompose = decompose,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> composite_pad_operators() { return kOperators; }

}  // namespace tessera::ops
