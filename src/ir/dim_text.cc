// SPDX-License-Identifier: MIT
#include <charconv>

#include "base/try.h"
#include "ir/dim_polynomial.h"
#include "ir/parser.h"

namespace tessera::ir {
namespace {

bool is_symbol(const Dim& dim) {
  if (dim.is_constant()) return false;
  const auto& terms = DimAccess::terms(dim);
  return terms.size() == 1 && terms[0].coefficient == 1 && terms[0].factors.size() == 1 &&
         terms[0].factors[0]->kind == AtomKind::kSymbol;
}

std::string print_operand(const Dim& dim) {
  const bool is_bare = is_symbol(dim) || (dim.is_constant() && dim.constant() >= 0);
  return is_bare ? dim.to_string() : "(" + dim.to_string() + ")";
}

std::string print_atom(const Atom& atom) {
  switch (atom.kind) {
    case AtomKind::kSymbol:
      return atom.name;
    case AtomKind::kFloorDiv:
      return print_operand(atom.left) + "//" + print_operand(atom.right);
    case AtomKind::kMod:
      return print_operand(atom.left) + " % " + print_operand(atom.right);
    case AtomKind::kMax:
      return std::format("max({}, {})", atom.left.to_string(), atom.right.to_string());
    case AtomKind::kMin:
      return std::format("min({}, {})", atom.left.to_string(), atom.right.to_string());
    case AtomKind::kTooLarge:
      break;
  }
  return "<too large>";
}

// The term with its sign left out.
std::string print_magnitude(const Term& term, bool is_alone) {
  std::string text;
  const std::uint64_t magnitude =
      term.coefficient < 0 ? 0 - static_cast<std::uint64_t>(term.coefficient) : term.coefficient;
  if (magnitude != 1 || term.factors.empty()) text = std::to_string(magnitude);
  for (const AtomPtr& atom : term.factors) {
    if (!text.empty()) text += '*';
    const bool divides = atom->kind == AtomKind::kFloorDiv || atom->kind == AtomKind::kMod;
    const bool needs_parentheses =
        divides && !(is_alone && term.factors.size() == 1 && magnitude == 1);
    text += needs_parentheses ? "(" + print_atom(*atom) + ")" : print_atom(*atom);
  }
  return text;
}

Result<Dim> parse_sum(TokenStream& tokens);

Result<Dim> parse_unary(TokenStream& tokens) {
  const Token start = tokens.peek();
  if (start.kind == TokenKind::kInteger ||
      (tokens.is("-") && tokens.peek(1).kind == TokenKind::kInteger)) {
    return Dim(TRY(tokens.expect_integer()));
  }
  if (++tokens.depth > TokenStream::kMaxDepth) {
    return std::unexpected(tokens.error("the expression is nested too deeply"));
  }
  Dim result;
  if (tokens.accept("-")) {
    result = TRY(parse_unary(tokens)) * Dim(-1);
  } else if (tokens.accept("(")) {
    result = TRY(parse_sum(tokens));
    TRY(tokens.expect(")"));
  } else if ((tokens.is("max") || tokens.is("min")) && tokens.is("(", 1)) {
    const bool is_max = tokens.next().text == "max";
    tokens.next();
    const Dim left = TRY(parse_sum(tokens));
    TRY(tokens.expect(","));
    const Dim right = TRY(parse_sum(tokens));
    TRY(tokens.expect(")"));
    result = is_max ? max(left, right) : min(left, right);
  } else {
    const std::string name = TRY(tokens.expect_name());
    if (!is_symbol_name(name)) {
      return std::unexpected(
          TokenStream::error_at(start, std::format("'{}' is no name for a symbol", name)));
    }
    result = Dim::symbol(name);
  }
  --tokens.depth;
  return result;
}

// What stands behind '%': the lexer takes "%4" and "%w" for a value's name.
Result<Dim> parse_modulus(const Token& token) {
  TokenStream tokens = TRY(TokenStream::open(token.text));
  const Dim modulus = TRY(parse_unary(tokens));
  TRY(tokens.expect_end());
  return modulus;
}

Result<Dim> parse_product(TokenStream& tokens) {
  Dim product = TRY(parse_unary(tokens));
  while (true) {
    const Token token = tokens.peek();
    if (tokens.accept("*")) {
      product = product * TRY(parse_unary(tokens));
      continue;
    }
    const bool is_modulo = tokens.is("%") || token.kind == TokenKind::kValueName;
    if (!is_modulo && !tokens.is("//")) return product;
    tokens.next();
    const Dim divisor =
        token.kind == TokenKind::kValueName ? TRY(parse_modulus(token)) : TRY(parse_unary(tokens));
    if (divisor == Dim(0)) {
      return std::unexpected(TokenStream::error_at(token, "division by zero"));
    }
    product = is_modulo ? mod(product, divisor) : floor_div(product, divisor);
  }
}

Result<Dim> parse_sum(TokenStream& tokens) {
  Dim sum = TRY(parse_product(tokens));
  while (true) {
    if (tokens.accept("+")) {
      sum = sum + TRY(parse_product(tokens));
    } else if (tokens.accept("-")) {
      sum = sum - TRY(parse_product(tokens));
    } else {
      return sum;
    }
  }
}

}  // namespace

std::string Dim::to_string() const {
  if (is_constant()) return std::to_string(constant_);
  std::string text;
  for (const Term& term : polynomial_->terms) {
    const bool is_first = text.empty();
    // The smallest integer has no positive counterpart to subtract.
    const bool is_subtracted = !is_first && term.coefficient < 0 && term.coefficient != INT64_MIN;
    if (!is_first) text += is_subtracted ? " - " : " + ";
    if (term.coefficient < 0 && !is_subtracted) text += '-';
    text += print_magnitude(term, term.coefficient > 0 || is_subtracted);
  }
  return text;
}

Result<Dim> parse_dim(TokenStream& tokens) {
  const Token start = tokens.peek();
  Dim dim = TRY(parse_sum(tokens));
  if (!DimAccess::is_too_large(dim)) return dim;
  return std::unexpected(TokenStream::error_at(
      start, std::format("an expression of more than {} terms", DimAccess::kMaxSize)));
}

Result<Dim> Dim::parse(std::string_view text) {
  TokenStream tokens = TRY(TokenStream::open(text));
  const Dim dim = TRY(parse_dim(tokens));
  TRY(tokens.expect_end());
  return dim;
}

}  // namespace tessera::ir
