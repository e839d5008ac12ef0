// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstring>
#include <map>

#include "base/try.h"
#include "ir/parser.h"

namespace tessera::ir {
namespace {

// Bytes of a graph's constants whose elements the text does not give.
constexpr std::uint64_t kMaxConstantBytes = std::uint64_t{1} << 30;

struct Declaration {
  Token token;  ///< of the name
  TensorType type;
};

template <class T>
Result<T> parse_element(TokenStream& tokens) {
  if constexpr (std::is_same_v<T, bool>) {
    if (tokens.is("true") || tokens.is("false")) return tokens.next().text == "true";
    return std::unexpected(tokens.error("expected true or false"));
  } else {
    std::string text = tokens.accept("-") ? "-" : "";
    text += tokens.peek().text;
    T value{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      return std::unexpected(tokens.error(
          std::format("expected an element of type {}, found '{}'", name_of(dtype_of<T>()), text)));
    }
    tokens.next();
    return value;
  }
}

template <class T>
Result<void> parse_elements_as(TokenStream& tokens, Tensor& data) {
  for (std::int64_t i = 0; i < data.num_elements(); ++i) {
    if (i > 0) TRY(tokens.expect(","));
    data.data<T>()[i] = TRY(parse_element<T>(tokens));
  }
  return {};
}

Result<void> parse_elements(TokenStream& tokens, Tensor& data) {
  switch (data.dtype()) {
    case DType::kU8:
      return parse_elements_as<std::uint8_t>(tokens, data);
    case DType::kI8:
      return parse_elements_as<std::int8_t>(tokens, data);
    case DType::kI16:
      return parse_elements_as<std::int16_t>(tokens, data);
    case DType::kU16:
      return parse_elements_as<std::uint16_t>(tokens, data);
    case DType::kI32:
      return parse_elements_as<std::int32_t>(tokens, data);
    case DType::kI64:
      return parse_elements_as<std::int64_t>(tokens, data);
    case DType::kF32:
      return parse_elements_as<float>(tokens, data);
    case DType::kF64:
      return parse_elements_as<double>(tokens, data);
    case DType::kBool:
      return parse_elements_as<bool>(tokens, data);
    default:
      return std::unexpected(tokens.error(
          std::format("elements of type {} have no text form", name_of(data.dtype()))));
  }
}

class GraphParser {
 public:
  GraphParser(TokenStream& tokens, FindOperator find_operator)
      : tokens_(tokens), find_operator_(find_operator) {}

  Result<Graph> run() {
    TRY(tokens_.expect("graph"));
    const bool is_quoted = tokens_.peek().kind == TokenKind::kString;
    graph_.name = is_quoted ? tokens_.next().text : TRY(tokens_.expect_name());
    TRY(tokens_.expect("("));
    while (!tokens_.accept(")")) {
      if (!graph_.inputs().empty()) TRY(tokens_.expect(","));
      const Declaration input = TRY(parse_declaration());
      TRY(define(input, graph_.add_input(input.token.text, input.type)));
    }
    graph_.symbols = TRY(parse_ranges(tokens_));
    TRY(tokens_.expect("{"));
    while (!tokens_.is("return")) TRY(parse_statement());
    tokens_.next();
    std::vector<ValueId> outputs;
    while (!tokens_.accept("}")) {
      if (!outputs.empty()) TRY(tokens_.expect(","));
      outputs.push_back(TRY(parse_operand()));
    }
    graph_.set_outputs(std::move(outputs));
    return std::move(graph_);
  }

 private:
  Result<Declaration> parse_declaration() {
    Declaration declaration{tokens_.peek(), {}};
    if (declaration.token.kind != TokenKind::kValueName) {
      return std::unexpected(tokens_.error("expected a value's name like %x"));
    }
    tokens_.next();
    TRY(tokens_.expect(":"));
    declaration.type = TRY(parse_type(tokens_));
    return declaration;
  }

  Result<void> define(const Declaration& declaration, ValueId id) {
    if (!ids_.emplace(declaration.token.text, id).second) {
      return std::unexpected(TokenStream::error_at(
          declaration.token, std::format("%{} is defined twice", declaration.token.text)));
    }
    graph_.value(id).name = declaration.token.text;
    graph_.value(id).type = declaration.type;
    return {};
  }

  Result<ValueId> parse_operand() {
    const Token token = tokens_.peek();
    if (token.kind != TokenKind::kValueName) {
      return std::unexpected(tokens_.error("expected a value's name like %x"));
    }
    const auto found = ids_.find(token.text);
    if (found == ids_.end()) {
      return std::unexpected(
          tokens_.error(std::format("%{} is not defined before its use", token.text)));
    }
    tokens_.next();
    return found->second;
  }

  Result<void> parse_statement() {
    std::vector<Declaration> results = {TRY(parse_declaration())};
    while (tokens_.accept(",")) results.push_back(TRY(parse_declaration()));
    TRY(tokens_.expect("="));
    if (tokens_.is("parameter")) return parse_constant(results);
    const Token start = tokens_.peek();
    const NodeId id = tokens_.is("delegate") ? TRY(parse_delegate(results)) : TRY(parse_call());
    const std::vector<ValueId> ids = graph_.node(id).results;
    if (ids.size() != results.size()) {
      return std::unexpected(TokenStream::error_at(
          start, std::format("{} results are named, the call has {}", results.size(), ids.size())));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) TRY(define(results[i], ids[i]));
    return {};
  }

  Result<void> parse_constant(const std::vector<Declaration>& results) {
    const Token start = tokens_.next();
    const std::string fully_qualified_name = TRY(tokens_.expect_string());
    Tensor data = TRY(make_constant(results[0]));
    if (tokens_.accept("{")) {
      TRY(parse_elements(tokens_, data));
      TRY(tokens_.expect("}"));
    }
    if (results.size() != 1) {
      return std::unexpected(TokenStream::error_at(start, "a parameter is one value"));
    }
    return define(results[0], graph_.add_constant(results[0].token.text, std::move(data),
                                                  fully_qualified_name));
  }

  // Puts the place in front of an error.
  template <class T>
  static Result<T> at(const Token& token, Result<T> result) {
    if (!result)
      result.error().message = TokenStream::error_at(token, result.error().message).message;
    return result;
  }

  Result<Tensor> make_constant(const Declaration& declaration) {
    const auto make = [&]() -> Result<Tensor> {
      const Shape shape = TRY(constant_shape(declaration.type));
      std::uint64_t bytes = size_of(declaration.type.dtype);
      bool is_large = false;
      for (const std::int64_t size : shape) {
        is_large |= __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
      }
      if (is_large || bytes > kMaxConstantBytes - constant_bytes_) {
        return fail(ErrorCode::kOutOfResources, "the constants of a text may have {} bytes",
                    kMaxConstantBytes);
      }
      constant_bytes_ += bytes;
      return Tensor::zeros(declaration.type.dtype, shape);
    };
    return at(declaration.token, make());
  }

  Result<const Operator*> parse_operator() {
    const Token start = tokens_.peek();
    std::string name = TRY(tokens_.expect_name());
    TRY(tokens_.expect("::"));
    name += "::" + TRY(tokens_.expect_name());
    if (tokens_.accept(".")) name += "." + TRY(tokens_.expect_name());
    const Operator* op = find_operator_(name);
    if (op != nullptr) return op;
    return std::unexpected(
        TokenStream::error_at(start, std::format("there is no operator '{}'", name)));
  }

  Result<Argument> parse_graph_argument() {
    const auto parse_tensor = [&](TokenStream&) -> Result<std::optional<ValueId>> {
      if (tokens_.peek().kind != TokenKind::kValueName) return std::nullopt;
      return TRY(parse_operand());
    };
    return parse_argument<Argument, ValueId>(tokens_, parse_tensor);
  }

  // Which argument stands next, by its name or as the one behind the last.
  Result<std::size_t> parse_position(const Schema& schema, std::size_t next) {
    const Token token = tokens_.peek();
    if (token.kind == TokenKind::kName && tokens_.is("=", 1)) {
      next = 0;
      while (next < schema.arguments.size() && schema.arguments[next].name != token.text) ++next;
      if (next < schema.arguments.size()) {
        tokens_.next();
        tokens_.next();
      }
    }
    if (next < schema.arguments.size()) return next;
    return std::unexpected(
        tokens_.error(std::format("{} has no such argument", schema.full_name())));
  }

  // `start` is where the call begins.
  Result<std::vector<Argument>> parse_arguments(const Token& start, const Schema& schema) {
    std::vector<std::optional<Argument>> given(schema.arguments.size());
    TRY(tokens_.expect("("));
    for (std::size_t next = 0; !tokens_.accept(")"); ++next) {
      if (next > 0) TRY(tokens_.expect(","));
      const Token token = tokens_.peek();
      next = TRY(parse_position(schema, next));
      if (given[next]) {
        return std::unexpected(TokenStream::error_at(token, "the argument is given twice"));
      }
      given[next] = of_kind(TRY(parse_graph_argument()), schema.arguments[next].kind);
    }
    std::vector<Argument> arguments;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i]) given[i] = TRY(at(start, default_argument(schema.arguments[i])));
      arguments.push_back(*std::move(given[i]));
    }
    return arguments;
  }

  Result<NodeId> parse_call() {
    const Token start = tokens_.peek();
    const Operator* op = TRY(parse_operator());
    std::vector<Argument> arguments = TRY(parse_arguments(start, schema_of(*op)));
    const Origin origin = TRY(parse_origin());
    return at(start, graph_.add_node(*op, std::move(arguments), origin));
  }

  Result<Origin> parse_origin() {
    Origin origin;
    if (!tokens_.accept("at")) return origin;
    origin.module_path = TRY(tokens_.expect_string());
    if (tokens_.accept(",")) origin.source_line = TRY(tokens_.expect_string());
    return origin;
  }

  Result<NodeId> parse_delegate(const std::vector<Declaration>& results) {
    tokens_.next();
    auto delegate = std::make_shared<Delegate>();
    delegate->backend_id = TRY(tokens_.expect_string());
    std::vector<ValueId> operands;
    TRY(tokens_.expect("("));
    while (!tokens_.accept(")")) {
      if (!operands.empty()) TRY(tokens_.expect(","));
      operands.push_back(TRY(parse_operand()));
    }
    const Origin origin = TRY(parse_origin());
    TRY(tokens_.expect("{"));
    if (++tokens_.depth > TokenStream::kMaxDepth) {
      return std::unexpected(tokens_.error("delegates are nested too deeply"));
    }
    delegate->body = TRY(GraphParser(tokens_, find_operator_).run());
    --tokens_.depth;
    TRY(tokens_.expect("}"));
    std::vector<TensorType> types;
    for (const Declaration& result : results) types.push_back(result.type);
    const NodeId id = graph_.add_delegate_call(std::move(delegate), operands, std::move(types));
    graph_.node(id).origin = origin;
    return id;
  }

  TokenStream& tokens_;
  FindOperator find_operator_;
  Graph graph_;
  std::map<std::string, ValueId> ids_;
  std::uint64_t constant_bytes_ = 0;
};

}  // namespace

Result<Graph> parse_graph(std::string_view text, FindOperator find_operator) {
  TokenStream tokens = TRY(TokenStream::open(text));
  Graph graph = TRY(GraphParser(tokens, find_operator).run());
  TRY(tokens.expect_end());
  return graph;
}

}  // namespace tessera::ir
