// SPDX-License-Identifier: MIT
#include "ir/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/try.h"

namespace tessera::ir {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    do {
      skip_blanks();
      Token token{.offset = position_, .line = line_, .column = column()};
      TRY(read(token));
      token.end = position_;
      tokens.push_back(std::move(token));
    } while (tokens.back().kind != TokenKind::kEnd);
    return tokens;
  }

 private:
  char at(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  int column() const { return static_cast<int>(position_ - line_start_) + 1; }

  void skip_blanks() {
    for (; position_ < text_.size(); ++position_) {
      if (at() == '#') position_ = std::min(text_.find('\n', position_), text_.size());
      if (at() == '\n') {
        ++line_;
        line_start_ = position_ + 1;
      } else if (at() != ' ' && at() != '\t' && at() != '\r') {
        return;
      }
    }
  }

  Result<void> read(Token& token) {
    if (position_ >= text_.size()) return {};
    if (is_name_start(at())) {
      token.kind = TokenKind::kName;
      token.text = take_name();
    } else if (at() == '%' && is_name_char(at(1))) {
      token.kind = TokenKind::kValueName;
      ++position_;
      token.text = take_name();
    } else if (is_digit(at())) {
      read_number(token);
    } else if (at() == '"') {
      return read_string(token);
    } else {
      return read_punctuation(token);
    }
    return {};
  }

  std::string take_name() {
    const std::size_t begin = position_;
    while (is_name_char(at())) ++position_;
    return std::string(text_.substr(begin, position_ - begin));
  }

  void skip_digits() {
    while (is_digit(at())) ++position_;
  }

  void read_number(Token& token) {
    token.kind = TokenKind::kInteger;
    skip_digits();
    if (at() == '.' && is_digit(at(1))) {
      token.kind = TokenKind::kReal;
      ++position_;
      skip_digits();
    }
    const std::size_t sign = at(1) == '+' || at(1) == '-' ? 1 : 0;
    if (at() == 'e' && is_digit(at(1 + sign))) {
      token.kind = TokenKind::kReal;
      position_ += 1 + sign;
      skip_digits();
    }
    token.text = text_.substr(token.offset, position_ - token.offset);
  }

  Result<void> read_string(Token& token) {
    token.kind = TokenKind::kString;
    for (++position_; at() != '"'; ++position_) {
      if (position_ >= text_.size() || at() == '\n') {
        return std::unexpected(TokenStream::error_at(token, "the string does not end"));
      }
      if (at() != '\\') {
        token.text += at();
        continue;
      }
      ++position_;
      token.text += at() == 'n' ? '\n' : at();
    }
    ++position_;
    return {};
  }

  Result<void> read_punctuation(Token& token) {
    static constexpr std::array<std::string_view, 4> kPairs = {"::", "//", "..", "->"};
    static constexpr std::string_view kSingles = "()[]{},:=+-*%.|!?";
    token.kind = TokenKind::kPunctuation;
    const std::string_view pair = text_.substr(position_, 2);
    if (std::ranges::contains(kPairs, pair)) {
      token.text = pair;
    } else if (kSingles.contains(at())) {
      token.text = at();
    } else {
      return std::unexpected(TokenStream::error_at(token, "unexpected character"));
    }
    position_ += token.text.size();
    return {};
  }

  std::string_view text_;
  std::size_t position_ = 0, line_start_ = 0;
  int line_ = 1;
};

std::string quoted(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end";
  return std::format("'{}{}'", token.kind == TokenKind::kValueName ? "%" : "", token.text);
}

}  // namespace

Result<std::vector<Token>> tokenise(std::string_view text) { return Lexer(text).run(); }

Result<TokenStream> TokenStream::open(std::string_view text) {
  TokenStream stream;
  stream.source_ = text;
  stream.tokens_ = TRY(tokenise(text));
  return stream;
}

const Token& TokenStream::peek(std::size_t ahead) const {
  return tokens_[std::min(position_ + ahead, tokens_.size() - 1)];
}

Token TokenStream::next() {
  const Token token = peek();
  position_ = std::min(position_ + 1, tokens_.size() - 1);
  return token;
}

bool TokenStream::is(std::string_view punctuation_or_name, std::size_t ahead) const {
  const Token& token = peek(ahead);
  return (token.kind == TokenKind::kPunctuation || token.kind == TokenKind::kName) &&
         token.text == punctuation_or_name;
}

bool TokenStream::accept(std::string_view punctuation_or_name) {
  if (!is(punctuation_or_name)) return false;
  next();
  return true;
}

Result<void> TokenStream::expect(std::string_view punctuation_or_name) {
  if (accept(punctuation_or_name)) return {};
  return std::unexpected(
      error(std::format("expected '{}', found {}", punctuation_or_name, quoted(peek()))));
}

Result<std::string> TokenStream::expect_name() {
  if (peek().kind == TokenKind::kName) return next().text;
  return std::unexpected(error(std::format("expected a name, found {}", quoted(peek()))));
}

Result<std::string> TokenStream::expect_string() {
  if (peek().kind == TokenKind::kString) return next().text;
  return std::unexpected(error(std::format("expected a string, found {}", quoted(peek()))));
}

Result<std::int64_t> TokenStream::expect_integer() {
  const bool is_negative = is("-");
  if (peek(is_negative).kind != TokenKind::kInteger) {
    return std::unexpected(error(std::format("expected an integer, found {}", quoted(peek()))));
  }
  const std::string text = (is_negative ? "-" : "") + peek(is_negative).text;
  std::int64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
    return std::unexpected(error(std::format("{} does not fit 64 bits", text)));
  }
  if (is_negative) next();
  next();
  return value;
}

Result<void> TokenStream::expect_end() {
  if (peek().kind == TokenKind::kEnd) return {};
  return std::unexpected(error(std::format("expected the end, found {}", quoted(peek()))));
}

Error TokenStream::error_at(const Token& token, const std::string& message) {
  return {ErrorCode::kInvalidArgument,
          std::format("line {}, column {}: {}", token.line, token.column, message)};
}

std::string_view TokenStream::source(std::size_t begin, std::size_t end) const {
  return std::string_view(source_).substr(begin, end - begin);
}

bool is_symbol_name(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kWords = {"none", "true", "false", "inf",
                                                             "nan",  "max",  "min",   "in"};
  return !name.empty() && is_name_start(name[0]) && std::ranges::all_of(name, is_name_char) &&
         !std::ranges::contains(kWords, name);
}

}  // namespace tessera::ir
