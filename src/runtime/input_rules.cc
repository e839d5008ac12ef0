// SPDX-License-Identifier: MIT
#include "runtime/input_rules.h"

#include <map>
#include <utility>

#include "base/try.h"
#include "runtime/values.h"

namespace tessera::runtime {
namespace {

TensorInfo info_from_bounds(const pte::TensorValue& value) {
  TensorInfo info{.dtype = value.dtype, .max_sizes = value.sizes, .min_sizes = value.sizes};
  info.is_dynamic = value.dynamism != pte::ShapeDynamism::kStatic;
  info.type_string = std::format("{}[", name_of(value.dtype));
  for (std::size_t dim = 0; dim < value.sizes.rank(); ++dim) {
    const std::int64_t bound = value.sizes[dim];
    const bool varies = info.is_dynamic && bound > 1;
    if (varies) info.min_sizes[dim] = 1;
    info.type_string += std::format("{}{}{}", dim == 0 ? "" : ", ", varies ? ".." : "", bound);
  }
  info.type_string += "]";
  return info;
}

/// Sets symbol, factor and offset if the size is linear in one symbol.
void solve(DimRule& rule) {
  const auto symbols = rule.size.symbols();
  if (symbols.size() != 1) return;
  const auto at_zero = rule.size.evaluate({{symbols[0], 0}});
  const auto at_one = rule.size.evaluate({{symbols[0], 1}});
  if (!at_zero || !at_one || *at_zero == *at_one) return;
  const std::int64_t factor = *at_one - *at_zero;
  if (!(ir::Dim(factor) * ir::Dim::symbol(symbols[0]) + ir::Dim(*at_zero) == rule.size)) return;
  rule.symbol = symbols[0];
  rule.factor = factor;
  rule.offset = *at_zero;
}

Result<DimRule> rule_from_signature(const ir::Dim& size, const ir::SymbolRanges& symbols,
                                    std::int64_t bound, bool is_dynamic) {
  const ir::DimRange range = TRY(size.range(symbols));
  if (range.max > bound || range.min > range.max || (!is_dynamic && range.min != bound)) {
    return fail(ErrorCode::kInvalidProgram, "{} is {}..{}, the program has {}{}", size.to_string(),
                range.min, range.max, is_dynamic ? "at most " : "", bound);
  }
  DimRule rule{.min = range.min, .max = range.max, .size = size};
  solve(rule);
  return rule;
}

Result<std::vector<DimRule>> apply_signature(TensorInfo& info, const ir::TensorType& type,
                                             const ir::SymbolRanges& symbols) {
  if (type.dtype != info.dtype || type.rank() != info.max_sizes.rank()) {
    return fail(ErrorCode::kInvalidProgram, "{} is not the program's {}", ir::print(type),
                info.type_string);
  }
  std::vector<DimRule> rules;
  for (std::size_t dim = 0; dim < type.rank(); ++dim) {
    rules.push_back(
        TRY(rule_from_signature(type.dims[dim], symbols, info.max_sizes[dim], info.is_dynamic)));
    info.min_sizes[dim] = rules.back().min;
    info.max_sizes[dim] = rules.back().max;
  }
  info.type_string = ir::print(type);
  return rules;
}

std::vector<DimRule> rules_from_bounds(const TensorInfo& info) {
  std::vector<DimRule> rules;
  for (std::size_t dim = 0; dim < info.max_sizes.rank(); ++dim) {
    rules.push_back({.min = info.min_sizes[dim], .max = info.max_sizes[dim], .size = 0});
  }
  return rules;
}

/// " (h)" for a symbolic size, for messages.
std::string symbol_suffix(const DimRule& rule) {
  return rule.size.is_constant() ? "" : std::format(" ({})", rule.size.to_string());
}

}  // namespace

Result<InputRules> InputRules::make(const pte::ExecutionPlan& plan,
                                    const std::optional<ir::Signature>& signature) {
  if (signature && signature->inputs.size() != plan.inputs.size()) {
    return fail(ErrorCode::kInvalidProgram, "signature has {} inputs, the method {}",
                signature->inputs.size(), plan.inputs.size());
  }
  InputRules rules;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const pte::Value& value = plan.values[static_cast<std::size_t>(plan.inputs[i])];
    const auto* tensor = std::get_if<pte::TensorValue>(&value);
    if (tensor == nullptr) {
      return fail(ErrorCode::kNotSupported, "input {} is {}, Tessera takes tensors only", i,
                  kind_of(value));
    }
    TensorInfo info = info_from_bounds(*tensor);
    if (signature) {
      auto dims = apply_signature(info, signature->inputs[i], signature->symbols);
      if (!dims) {
        return fail(ErrorCode::kInvalidProgram, "signature, input {}: {}", i, dims.error().message);
      }
      rules.dims_.push_back(*std::move(dims));
    } else {
      rules.dims_.push_back(rules_from_bounds(info));
    }
    rules.infos_.push_back(std::move(info));
  }
  return rules;
}

Result<void> InputRules::check(std::size_t index, const Tensor& tensor) const {
  const TensorInfo& info = infos_[index];
  if (tensor.dtype() != info.dtype) {
    return fail(ErrorCode::kInvalidType, "input {} is {}, expected {}", index, tensor.type_string(),
                info.type_string);
  }
  if (tensor.rank() != info.max_sizes.rank()) {
    return fail(ErrorCode::kInvalidArgument, "input {} has {} dimensions ({}), expected {} ({})",
                index, tensor.rank(), tensor.type_string(), info.max_sizes.rank(),
                info.type_string);
  }
  for (std::size_t dim = 0; dim < tensor.rank(); ++dim) {
    TRY(check_size(index, dim, tensor.size(dim)));
  }
  if (!tensor.has_data() && tensor.num_elements() > 0) {
    return fail(ErrorCode::kInvalidArgument, "input {} has no data", index);
  }
  return {};
}

Result<void> InputRules::check_size(std::size_t input, std::size_t dim, std::int64_t size) const {
  const DimRule& rule = dims_[input][dim];
  if (size < rule.min || size > rule.max) {
    const std::string expected =
        rule.min == rule.max ? std::to_string(rule.min) : std::format("{}..{}", rule.min, rule.max);
    return fail(ErrorCode::kInvalidArgument, "input {}: dimension {}{} is {}, expected {}", input,
                dim, symbol_suffix(rule), size, expected);
  }
  if (!rule.symbol.empty() && (size - rule.offset) % rule.factor != 0) {
    const std::string expected = rule.offset == 0
                                     ? std::format("a multiple of {}", std::abs(rule.factor))
                                     : std::format("a value of {}", rule.size.to_string());
    return fail(ErrorCode::kInvalidArgument, "input {}: dimension {}{} is {}, expected {}", input,
                dim, symbol_suffix(rule), size, expected);
  }
  return {};
}

Result<void> InputRules::check_together(std::span<const Shape> shapes) const {
  struct Seen {
    std::size_t input = 0, dim = 0;
  };
  ir::SymbolValues values;
  std::map<std::string, Seen> seen;
  for (std::size_t input = 0; input < dims_.size(); ++input) {
    for (std::size_t dim = 0; dim < dims_[input].size(); ++dim) {
      const DimRule& rule = dims_[input][dim];
      if (rule.symbol.empty()) continue;
      const std::int64_t value = (shapes[input][dim] - rule.offset) / rule.factor;
      const auto [known, is_new] = values.try_emplace(rule.symbol, value);
      if (is_new) {
        seen[rule.symbol] = {input, dim};
      } else if (known->second != value) {
        const Seen& first = seen[rule.symbol];
        return fail(ErrorCode::kInvalidArgument,
                    "input {}: dimension {}{} is {}, but {} is {} by input {}, dimension {}", input,
                    dim, symbol_suffix(rule), shapes[input][dim], rule.symbol, known->second,
                    first.input, first.dim);
      }
    }
  }
  for (std::size_t input = 0; input < dims_.size(); ++input) {
    for (std::size_t dim = 0; dim < dims_[input].size(); ++dim) {
      const DimRule& rule = dims_[input][dim];
      if (rule.size.is_constant() || !rule.symbol.empty()) continue;
      const auto expected = rule.size.evaluate(values);
      if (expected && *expected != shapes[input][dim]) {
        return fail(ErrorCode::kInvalidArgument, "input {}: dimension {}{} is {}, expected {}",
                    input, dim, symbol_suffix(rule), shapes[input][dim], *expected);
      }
    }
  }
  return {};
}

Result<std::vector<TensorInfo>> output_infos(const pte::ExecutionPlan& plan,
                                             const std::optional<ir::Signature>& signature) {
  const bool has_types = signature && !signature->outputs.empty();
  if (has_types && signature->outputs.size() != plan.outputs.size()) {
    return fail(ErrorCode::kInvalidProgram, "signature has {} outputs, the method {}",
                signature->outputs.size(), plan.outputs.size());
  }
  std::vector<TensorInfo> infos;
  for (const std::int32_t index : plan.outputs) {
    const pte::Value& value = plan.values[static_cast<std::size_t>(index)];
    const auto add_scalar = [&infos](DType dtype) {
      infos.push_back({.dtype = dtype, .type_string = std::format("{}[]", name_of(dtype))});
    };
    if (const auto* tensor = std::get_if<pte::TensorValue>(&value)) {
      TensorInfo info = info_from_bounds(*tensor);
      if (has_types) {
        const ir::TensorType& type = signature->outputs[infos.size()];
        auto applied = apply_signature(info, type, signature->symbols);
        if (!applied) {
          return fail(ErrorCode::kInvalidProgram, "signature, output {}: {}", infos.size(),
                      applied.error().message);
        }
      }
      infos.push_back(std::move(info));
    } else if (std::holds_alternative<std::int64_t>(value)) {
      add_scalar(DType::kI64);
    } else if (std::holds_alternative<double>(value)) {
      add_scalar(DType::kF64);
    } else if (std::holds_alternative<bool>(value)) {
      add_scalar(DType::kBool);
    } else {
      return fail(ErrorCode::kNotSupported, "output {} is {}, Tessera returns tensors and scalars",
                  infos.size(), kind_of(value));
    }
  }
  return infos;
}

}  // namespace tessera::runtime
