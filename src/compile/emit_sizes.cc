// SPDX-License-Identifier: MIT
#include "compile/emit_sizes.h"

#include "base/check.h"
#include "base/try.h"
#include "ir/dim_fold.h"

namespace tessera::compiler {
namespace {

using ir::Dim;

/// Where a symbol can be read off: size `dim` of `input` is factor * symbol + offset.
struct Source {
  ir::ValueId input;
  std::int64_t dim = 0;
  std::int64_t factor = 1, offset = 0;
};

std::optional<Source> source_of(const ir::Graph& graph, const std::string& symbol) {
  for (const ir::ValueId input : graph.inputs()) {
    const ir::Dims& dims = graph.value(input).type.dims;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i].symbols() != std::vector{symbol}) continue;
      const auto at_0 = dims[i].evaluate({{symbol, 0}}), at_1 = dims[i].evaluate({{symbol, 1}});
      if (!at_0 || !at_1 || *at_1 <= *at_0) continue;
      const std::int64_t factor = *at_1 - *at_0;
      if (dims[i] != Dim(factor) * Dim::symbol(symbol) + Dim(*at_0)) continue;
      return Source{input, static_cast<std::int64_t>(i), factor, *at_0};
    }
  }
  return std::nullopt;
}

std::string_view name_of(ir::AtomKind kind) {
  switch (kind) {
    case ir::AtomKind::kFloorDiv:
      return "executorch_prim::floordiv.Scalar";
    case ir::AtomKind::kMod:
      return "executorch_prim::mod.Scalar";
    case ir::AtomKind::kMax:
      return "executorch_prim::sym_max.Scalar";
    case ir::AtomKind::kMin:
      return "executorch_prim::sym_min.Scalar";
    case ir::AtomKind::kSymbol:
    case ir::AtomKind::kTooLarge:
      break;
  }
  CHECK(false, "an atom of kind {}", static_cast<int>(kind));
  return "";
}

}  // namespace

std::int32_t SizeEmitter::call(std::string_view name, std::int32_t a, std::int32_t b) {
  const std::int32_t result = access_.add_value(std::int64_t{0});
  access_.add_call({.operator_index = access_.operator_index(name), .arguments = {a, b, result}});
  return result;
}

Result<std::int32_t> SizeEmitter::index_of(const Dim& dim) {
  if (dim.is_constant()) return constant(dim.constant());
  const std::string text = dim.to_string();
  if (const auto found = known_.find(text); found != known_.end()) return found->second;
  return known_[text] = TRY((ir::fold<std::int32_t>(dim, *this)));
}

Result<std::int32_t> SizeEmitter::constant(std::int64_t value) { return access_.add_value(value); }

Result<std::int32_t> SizeEmitter::symbol(const std::string& name) {
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  const auto source = source_of(graph_, name);
  if (!source) {
    return fail(ErrorCode::kNotSupported, "no input has a size that gives the symbol {}", name);
  }
  const std::int32_t input = TRY(access_.index_of(source->input));
  std::int32_t value = call("aten::sym_size.int", input, access_.add_value(source->dim));
  if (source->offset != 0) {
    value = call("executorch_prim::sub.Scalar", value, access_.add_value(source->offset));
  }
  if (source->factor != 1) {
    value = call("executorch_prim::floordiv.Scalar", value, access_.add_value(source->factor));
  }
  return known_[name] = value;
}

Result<std::int32_t> SizeEmitter::add(std::int32_t a, std::int32_t b) {
  return call("executorch_prim::add.Scalar", a, b);
}

Result<std::int32_t> SizeEmitter::multiply(std::int32_t a, std::int32_t b) {
  return call("executorch_prim::mul.Scalar", a, b);
}

Result<std::int32_t> SizeEmitter::combine(ir::AtomKind kind, std::int32_t a, std::int32_t b) {
  return call(name_of(kind), a, b);
}

}  // namespace tessera::compiler
