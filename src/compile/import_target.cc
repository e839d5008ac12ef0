// SPDX-License-Identifier: MIT
#include "compile/import_target.h"

#include <algorithm>

namespace tessera {
namespace {

/// All operators whose result is or may be a view, without overloads. Those that only sometimes
/// copy (reshape, contiguous) count as views.
constexpr std::string_view kViewOperators[] = {
    "aten::_conj",
    "aten::_reshape_alias",
    "aten::_unsafe_view",
    "aten::alias",
    "aten::as_strided",
    "aten::atleast_1d",
    "aten::atleast_2d",
    "aten::atleast_3d",
    "aten::broadcast_to",
    "aten::chunk",
    "aten::contiguous",
    "aten::detach",
    "aten::diagonal",
    "aten::dropout",
    "aten::expand",
    "aten::expand_as",
    "aten::feature_dropout",
    "aten::flatten",
    "aten::hsplit",
    "aten::imag",
    "aten::lift_fresh",
    "aten::mT",
    "aten::matrix_H",
    "aten::movedim",
    "aten::moveaxis",
    "aten::narrow",
    "aten::numpy_T",
    "aten::permute",
    "aten::positive",
    "aten::ravel",
    "aten::real",
    "aten::reshape",
    "aten::reshape_as",
    "aten::select",
    "aten::slice",
    "aten::split",
    "aten::split_with_sizes",
    "aten::squeeze",
    "aten::swapaxes",
    "aten::swapdims",
    "aten::t",
    "aten::tensor_split",
    "aten::to",
    "aten::transpose",
    "aten::type_as",
    "aten::unbind",
    "aten::unflatten",
    "aten::unfold",
    "aten::unsafe_chunk",
    "aten::unsafe_split",
    "aten::unsqueeze",
    "aten::view",
    "aten::view_as",
    "aten::vsplit",
};

std::string_view without_overload(std::string_view operator_name) {
  return operator_name.substr(0, operator_name.find('.'));
}

bool is_assertion(std::string_view name) {
  return name.starts_with("aten::_assert_") || name.starts_with("aten::sym_constrain_range") ||
         name.contains("_guards_fn");
}

bool is_number(const pt2::Argument& output) {
  if (std::holds_alternative<pt2::SymbolName>(output)) return true;
  const auto* other = std::get_if<pt2::OtherArgument>(&output);
  return other != nullptr && (other->kind == "as_sym_bool" || other->kind == "as_sym_float");
}

}  // namespace

std::string operator_name_of(std::string_view target) {
  constexpr std::string_view kPrefix = "torch.ops.";
  constexpr std::string_view kDefault = ".default";
  if (!target.starts_with(kPrefix)) return std::string(target);
  target.remove_prefix(kPrefix.size());
  if (target.ends_with(kDefault)) target.remove_suffix(kDefault.size());
  const auto dot = target.find('.');
  if (dot == std::string_view::npos) return std::string(target);
  return std::string(target.substr(0, dot)) + "::" + std::string(target.substr(dot + 1));
}

std::optional<std::string> functional_name_of(std::string_view operator_name) {
  const std::string_view base = without_overload(operator_name);
  if (!base.ends_with('_') || base.ends_with("__")) return std::nullopt;
  return std::string(base.substr(0, base.size() - 1)) +
         std::string(operator_name.substr(base.size()));
}

bool is_view_operator(std::string_view operator_name) {
  return std::ranges::contains(kViewOperators, without_overload(operator_name));
}

bool is_without_tensors(const pt2::Node& node) {
  if (is_assertion(operator_name_of(node.target))) return true;
  return !node.outputs.empty() && std::ranges::all_of(node.outputs, is_number);
}

}  // namespace tessera
