// SPDX-License-Identifier: MIT
#include "ops/einsum.h"

#include <algorithm>
#include <cctype>

#include "base/try.h"
#include "ops/shape_rules.h"

namespace tessera::ops {
namespace {

Result<void> check_labels(std::string_view equation, const std::string& labels) {
  for (const char label : labels) {
    if (std::isalpha(static_cast<unsigned char>(label)) == 0) {
      return fail(ErrorCode::kNotSupported, "'{}' in the equation '{}', expected letters", label,
                  equation);
    }
    if (std::ranges::count(labels, label) > 1) {
      return fail(ErrorCode::kNotSupported, "label '{}' occurs twice in '{}' of the equation '{}'",
                  label, labels, equation);
    }
  }
  return {};
}

std::string labels_that_occur_once(const std::vector<std::string>& operands) {
  std::string all;
  for (const std::string& labels : operands) all += labels;
  std::ranges::sort(all);
  std::string once;
  for (const char label : all) {
    if (std::ranges::count(all, label) == 1) once += label;
  }
  return once;
}

}  // namespace

Result<Einsum> parse_einsum(std::string_view equation, std::size_t num_operands) {
  std::string text;
  std::ranges::copy_if(equation, std::back_inserter(text), [](char c) { return c != ' '; });
  const std::size_t arrow = text.find("->");
  Einsum einsum{.operands = {""}};
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      einsum.operands.emplace_back();
    } else {
      einsum.operands.back() += c;
    }
  }
  for (const std::string& labels : einsum.operands) TRY(check_labels(equation, labels));
  einsum.result =
      arrow == std::string::npos ? labels_that_occur_once(einsum.operands) : text.substr(arrow + 2);
  TRY(check_labels(equation, einsum.result));
  if (einsum.operands.size() != num_operands || num_operands == 0) {
    return fail(ErrorCode::kInvalidArgument, "{} operands for the equation '{}'", num_operands,
                equation);
  }
  for (const char label : einsum.result) {
    const auto has_label = [&](const std::string& labels) { return labels.contains(label); };
    if (std::ranges::any_of(einsum.operands, has_label)) continue;
    return fail(ErrorCode::kInvalidArgument, "no operand of the equation '{}' has the label '{}'",
                equation, label);
  }
  return einsum;
}

Result<std::map<char, ir::Dim>> einsum_sizes(const Einsum& einsum,
                                             std::span<const ir::TensorType* const> operands) {
  std::map<char, ir::Dim> sizes;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::string& labels = einsum.operands[i];
    TRY(expect_same_dtype(*operands[0], "operand 0", *operands[i], "a later operand"));
    if (operands[i]->rank() != labels.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "operand {} has {} dimensions, expected those of "
                  "'{}'",
                  i, operands[i]->rank(), labels);
    }
    for (std::size_t dim = 0; dim < labels.size(); ++dim) {
      const auto [known, is_new] = sizes.emplace(labels[dim], operands[i]->dims[dim]);
      if (is_new) continue;
      TRY(expect_equal(operands[i]->dims[dim],
                       std::format("size '{}' of operand {}", labels[dim], i), known->second,
                       "that of an earlier operand"));
    }
  }
  return sizes;
}

}  // namespace tessera::ops
