// SPDX-License-Identifier: MIT
#pragma once

#include "ir/lexer.h"
#include "ir/text.h"

/// The pieces of the text form's grammar that several parsers share. Each reads from where the
/// stream stands and stops behind what it has read.
namespace tessera::ir {

Result<Dim> parse_dim(TokenStream& tokens);
Result<TensorType> parse_type(TokenStream& tokens);
/// "where h in 1..16, w in 1.." or nothing.
Result<SymbolRanges> parse_ranges(TokenStream& tokens);

/// A number, word, string or integer expression; no tensor and no list.
using Literal = std::variant<std::monostate, Dim, double, bool, std::string>;
Result<Literal> parse_literal(TokenStream& tokens);

/// The list literal of these elements, all of one kind (integers may stand among reals). `[]` gives
/// Dims.
using ListLiteral = std::variant<Dims, std::vector<double>, std::vector<bool>>;
Result<ListLiteral> gather(const TokenStream& tokens, const std::vector<Literal>& elements);

/// `[]` as the list that an argument of this kind takes; other arguments as they are.
Argument of_kind(Argument argument, ArgumentKind kind);

/// One argument. `parse_tensor(tokens)` gives Result<std::optional<T>>: nothing, and the stream
/// untouched, if no tensor stands here.
template <class Argument, class T, class ParseTensor>
Result<Argument> parse_argument(TokenStream& tokens, const ParseTensor& parse_tensor);

}  // namespace tessera::ir

#include "base/try.h"

namespace tessera::ir {

template <class Argument, class T, class ParseTensor>
Result<Argument> parse_argument(TokenStream& tokens, const ParseTensor& parse_tensor) {
  const auto widen = [](auto&& value) { return Argument(std::forward<decltype(value)>(value)); };
  if (!tokens.accept("[")) {
    if (std::optional<T> tensor = TRY(parse_tensor(tokens))) return widen(*std::move(tensor));
    return std::visit(widen, TRY(parse_literal(tokens)));
  }
  std::vector<std::optional<T>> tensors;  // nothing where none stands
  std::vector<Literal> literals;
  while (!tokens.is("]")) {
    if (!tensors.empty() || !literals.empty()) TRY(tokens.expect(","));
    std::optional<T> tensor = TRY(parse_tensor(tokens));
    if (tensor || tokens.accept("none")) {
      tensors.push_back(std::move(tensor));
    } else {
      literals.push_back(TRY(parse_literal(tokens)));
    }
  }
  if (!tensors.empty() && !literals.empty()) {
    return std::unexpected(tokens.error("tensors and numbers in one list"));
  }
  tokens.next();
  if (tensors.empty()) return std::visit(widen, TRY(gather(tokens, literals)));
  if constexpr (std::is_same_v<T, ValueId>) {
    std::vector<ValueId> ids;
    for (const std::optional<ValueId>& id : tensors) ids.push_back(id.value_or(kNoTensor));
    return widen(std::move(ids));
  } else {
    return widen(std::move(tensors));
  }
}

}  // namespace tessera::ir
