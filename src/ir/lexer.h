// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/result.h"

namespace tessera::ir {

enum class TokenKind { kEnd, kName, kValueName, kInteger, kReal, kString, kPunctuation };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;        ///< of a value name without '%', of a string without quotes and escapes
  std::size_t offset = 0;  ///< of its first character in the source
  std::size_t end = 0;     ///< of the character behind it
  int line = 1, column = 1;
};

/// Cuts the text form (and schemas) into tokens; the last one is kEnd. `::`, `//`, `..` and `->`
/// are one token each. `#` starts a comment.
Result<std::vector<Token>> tokenise(std::string_view text);

/// A place in a text while it is parsed.
class TokenStream {
 public:
  static Result<TokenStream> open(std::string_view text);

  const Token& peek(std::size_t ahead = 0) const;
  Token next();
  bool is(std::string_view punctuation_or_name, std::size_t ahead = 0) const;
  /// Takes the token if it is this one.
  bool accept(std::string_view punctuation_or_name);
  Result<void> expect(std::string_view punctuation_or_name);
  Result<std::string> expect_name();
  Result<std::string> expect_string();
  /// With an optional sign.
  Result<std::int64_t> expect_integer();
  Result<void> expect_end();

  /// "line 3, column 7: ..." at the next token.
  Error error(const std::string& message) const { return error_at(peek(), message); }
  static Error error_at(const Token& token, const std::string& message);
  std::string_view source(std::size_t begin, std::size_t end) const;

  /// Nesting of what is being parsed, to refuse a text that would exhaust the stack.
  int depth = 0;
  static constexpr int kMaxDepth = 100;

 private:
  std::string source_;
  std::vector<Token> tokens_;
  std::size_t position_ = 0;
};

/// Letters, digits and '_' with no digit in front, and no word of the text form.
bool is_symbol_name(std::string_view name);

}  // namespace tessera::ir
