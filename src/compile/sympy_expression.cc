// SPDX-License-Identifier: MIT
#include "compile/sympy_expression.h"

#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "base/try.h"
#include "compile/sympy_fraction.h"

namespace tessera {
namespace {

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxLength = 1 << 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

/// Precedence climbing, Python's: sums, products, sign, power, primary.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<SympyFraction> parse_all() {
    SympyFraction result = TRY(parse_sum());
    if (!rest().empty()) return unexpected_text();
    return result;
  }

 private:
  std::string_view rest() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
    return text_.substr(position_);
  }
  bool accept(std::string_view token) {
    if (!rest().starts_with(token)) return false;
    position_ += token.size();
    return true;
  }
  std::unexpected<Error> unexpected_text() {
    const std::string_view found = rest().substr(0, 16);
    if (found.empty()) return fail(ErrorCode::kInvalidProgram, "it ends too early");
    return fail(ErrorCode::kInvalidProgram, "'{}' at character {} is not understood", found,
                position_);
  }
  Result<void> expect(std::string_view token) {
    if (!accept(token)) return unexpected_text();
    return {};
  }

  Result<SympyFraction> parse_sum() {
    if (++depth_ > kMaxDepth) {
      return fail(ErrorCode::kInvalidProgram, "more than {} brackets are open", kMaxDepth);
    }
    SympyFraction sum = TRY(parse_product());
    while (true) {
      if (accept("+")) {
        sum = TRY(add(sum, TRY(parse_product())));
      } else if (accept("-")) {
        sum = TRY(add(sum, TRY(negate(TRY(parse_product())))));
      } else {
        --depth_;
        return sum;
      }
    }
  }

  Result<SympyFraction> parse_product() {
    SympyFraction product = TRY(parse_signed());
    while (true) {
      if (accept("//")) {
        product = TRY(floor_divide(product, TRY(parse_signed())));
      } else if (accept("/")) {
        product = TRY(divide(product, TRY(parse_signed())));
      } else if (accept("*")) {
        product = TRY(multiply(product, TRY(parse_signed())));
      } else if (accept("%")) {
        product = TRY(modulo(product, TRY(parse_signed())));
      } else {
        return product;
      }
    }
  }

  Result<SympyFraction> parse_signed() {
    bool is_negative = false;
    while (accept("-")) is_negative = !is_negative;
    SympyFraction value = TRY(parse_primary());
    if (accept("**")) {
      const bool has_negative_exponent = accept("-");
      SympyFraction exponent = TRY(parse_primary());
      if (has_negative_exponent) exponent = TRY(negate(exponent));
      value = TRY(power(value, exponent));
    }
    return is_negative ? negate(value) : value;
  }

  Result<SympyFraction> parse_primary() {
    if (accept("(")) {
      SympyFraction inner = TRY(parse_sum());
      TRY(expect(")"));
      return inner;
    }
    const std::string_view text = rest();
    if (text.empty()) return unexpected_text();
    if (is_digit(text.front())) return parse_number(read_while(is_number_part));
    if (!is_name_start(text.front())) return unexpected_text();
    const std::string_view name = read_while(is_name_part);
    if (accept("(")) return parse_call(name);
    return make_symbol(name);
  }

  Result<SympyFraction> parse_call(std::string_view name) {
    if (name == "Symbol" || name == "Float") {
      const std::string_view text = TRY(parse_quoted());
      TRY(skip_keywords());
      return name == "Symbol" ? make_symbol(text) : parse_number(text);
    }
    std::vector<SympyFraction> arguments;
    do {
      arguments.push_back(TRY(parse_sum()));
    } while (accept(","));
    TRY(expect(")"));
    return call_sympy_function(name, arguments);
  }

  Result<std::string_view> parse_quoted() {
    TRY(expect("'"));
    const std::size_t end = text_.find('\'', position_);
    if (end == std::string_view::npos) {
      position_ = text_.size();
      return unexpected_text();
    }
    const std::string_view inside = text_.substr(position_, end - position_);
    position_ = end + 1;
    return inside;
  }

  /// Assumptions like ", positive=True" and the closing bracket.
  Result<void> skip_keywords() {
    while (accept(",")) {
      rest();
      if (read_while(is_name_part).empty()) return unexpected_text();
      TRY(expect("="));
      rest();
      if (read_while(is_name_part).empty()) return unexpected_text();
    }
    return expect(")");
  }

  template <class Predicate>
  std::string_view read_while(Predicate predicate) {
    const std::size_t begin = position_;
    while (position_ < text_.size() && predicate(text_[position_])) ++position_;
    return text_.substr(begin, position_ - begin);
  }
  static bool is_number_part(char c) { return is_digit(c) || c == '.'; }

  static Result<SympyFraction> negate(const SympyFraction& value) {
    return SympyFraction{value.numerator * ir::Dim(-1), value.denominator};
  }

  static Result<SympyFraction> make_symbol(std::string_view name) {
    static constexpr std::string_view kNoNumbers[] = {"oo",  "int_oo", "nan",
                                                      "zoo", "true",   "false"};
    for (const std::string_view word : kNoNumbers) {
      if (name == word) return fail(ErrorCode::kNotSupported, "'{}' is no integer", name);
    }
    if (name.empty() || !is_name_start(name.front())) {
      return fail(ErrorCode::kInvalidProgram, "'{}' is no name of a symbol", name);
    }
    for (const char c : name) {
      if (!is_name_part(c)) return fail(ErrorCode::kInvalidProgram, "a symbol's name has '{}'", c);
    }
    return SympyFraction{ir::Dim::symbol(std::string(name))};
  }

  /// Whole numbers, and floating point ones that are a whole number of 1/65536.
  static Result<SympyFraction> parse_number(std::string_view text) {
    constexpr std::int64_t kUnits = 65536;
    const char* const end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text.data(), end, whole);
        read.ec == std::errc() && read.ptr == end) {
      return SympyFraction{ir::Dim(whole)};
    }
    double real = 0;
    const auto read = std::from_chars(text.data(), end, real);
    const double units = real * kUnits;
    if (read.ec != std::errc() || read.ptr != end || std::abs(units) > 1e15 ||
        units != std::floor(units)) {
      return fail(ErrorCode::kNotSupported, "the number '{}' cannot be computed with exactly",
                  text);
    }
    return SympyFraction{ir::Dim(static_cast<std::int64_t>(units)), kUnits};
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<ir::Dim> parse_sympy(std::string_view text) {
  if (text.size() > kMaxLength) {
    return fail(ErrorCode::kInvalidProgram, "an expression of {} characters, at most {} are read",
                text.size(), kMaxLength);
  }
  auto value = Parser(text).parse_all();
  if (!value) {
    return with_context(std::move(value).error(), std::format("expression '{}'", text));
  }
  return floor_of(*value);
}

}  // namespace tessera
