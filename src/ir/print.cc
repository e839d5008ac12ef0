// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "ir/text.h"

namespace tessera::ir {
namespace {

constexpr std::int64_t kMaxElements = 16;

// Always recognisable as a real number: "1.0", "1e-05", "inf".
template <class Real>
std::string print_real(Real value) {
  if (std::isnan(value)) return "nan";
  std::string text = std::format("{}", value);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? "\\n" : std::string(1, c);
  }
  return quoted + '"';
}

template <class Range, class PrintElement>
std::string join(const Range& range, std::string_view separator,
                 const PrintElement& print_element) {
  std::string text;
  bool is_first = true;
  for (const auto& element : range) {
    if (!is_first) text += separator;
    is_first = false;
    text += print_element(element);
  }
  return text;
}

std::string print_dim(const Dim& dim) { return dim.to_string(); }
std::string print_bool(bool value) { return value ? "true" : "false"; }

std::string print_ranges(const SymbolRanges& ranges) {
  if (ranges.empty()) return "";
  return " where " + join(ranges, ", ", [](const auto& entry) {
           const auto& [name, range] = entry;
           const bool is_bounded = range.max != DimRange::kUnbounded;
           return std::format("{} in {}..{}", name, range.min,
                              is_bounded ? std::to_string(range.max) : "");
         });
}

template <class T>
std::string print_elements_as(const Tensor& data) {
  return join(data.elements<T>(), ", ", [](T element) {
    if constexpr (std::is_same_v<T, bool>) {
      return print_bool(element);
    } else if constexpr (std::is_floating_point_v<T>) {
      return print_real(element);
    } else {
      return std::to_string(element);
    }
  });
}

std::string print_elements(const Tensor& data) {
  switch (data.dtype()) {
    case DType::kU8:
      return print_elements_as<std::uint8_t>(data);
    case DType::kI8:
      return print_elements_as<std::int8_t>(data);
    case DType::kI16:
      return print_elements_as<std::int16_t>(data);
    case DType::kU16:
      return print_elements_as<std::uint16_t>(data);
    case DType::kI32:
      return print_elements_as<std::int32_t>(data);
    case DType::kI64:
      return print_elements_as<std::int64_t>(data);
    case DType::kF32:
      return print_elements_as<float>(data);
    case DType::kF64:
      return print_elements_as<double>(data);
    case DType::kBool:
      return print_elements_as<bool>(data);
    default:
      return "";
  }
}

class Printer {
 public:
  Printer(const Graph& graph, PrintOptions options, std::string indent)
      : graph_(graph), options_(options), indent_(std::move(indent)) {}

  std::string run() {
    text_ = std::format("{}graph {}({}){} {{\n", indent_, quote_unless_name(graph_.name),
                        join(graph_.inputs(), ", ", [&](ValueId id) { return declaration(id); }),
                        print_ranges(graph_.symbols));
    for (const ValueId id : graph_.values()) {
      if (graph_.value(id).kind == ValueKind::kConstant) print_constant(id);
    }
    for (const NodeId id : graph_.nodes()) print_node(graph_.node(id));
    text_ +=
        std::format("{}  return {}\n{}}}\n", indent_,
                    join(graph_.outputs(), ", ", [&](ValueId id) { return name(id); }), indent_);
    return std::move(text_);
  }

 private:
  std::string name(ValueId id) const {
    return graph_.is_alive(id) ? "%" + graph_.value(id).name : "%<erased>";
  }
  std::string declaration(ValueId id) const {
    return name(id) + ": " + print(graph_.value(id).type);
  }
  static std::string quote_unless_name(const std::string& text) {
    const bool is_name = !text.empty() && std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    });
    return is_name ? text : quote(text);
  }

  void print_constant(ValueId id) {
    const Value& value = graph_.value(id);
    text_ += std::format("{}  {} = parameter {}", indent_, declaration(id),
                         quote(value.fully_qualified_name));
    if (options_.with_elements && value.data.has_data() && value.data.num_elements() > 0 &&
        value.data.num_elements() <= kMaxElements) {
      const std::string elements = print_elements(value.data);
      if (!elements.empty()) text_ += " {" + elements + "}";
    }
    text_ += '\n';
  }

  void print_node(const Node& node) {
    text_ += std::format("{}  {} = ", indent_,
                         join(node.results, ", ", [&](ValueId id) { return declaration(id); }));
    text_ += node.op != nullptr ? schema_of(*node.op).full_name()
                                : "delegate " + quote(node.delegate->backend_id);
    text_ += '(' + print_arguments(node) + ')';
    if (!node.origin.module_path.empty() || !node.origin.source_line.empty()) {
      text_ += " at " + quote(node.origin.module_path);
      if (!node.origin.source_line.empty()) text_ += ", " + quote(node.origin.source_line);
    }
    if (node.delegate != nullptr) {
      const std::string body = Printer(node.delegate->body, options_, indent_ + "    ").run();
      text_ += std::format(" {{\n{}{}  }}", body, indent_);
    }
    text_ += '\n';
  }

  // Tensors in front stand by position, everything behind them by name.
  std::string print_arguments(const Node& node) const {
    bool is_positional = true;
    std::size_t i = 0;
    return join(node.arguments, ", ", [&](const Argument& argument) {
      std::string text = print(argument, graph_);
      if (node.op == nullptr) return text;
      const SchemaArgument& declared = schema_of(*node.op).arguments[i++];
      is_positional &=
          declared.kind == ArgumentKind::kTensor || declared.kind == ArgumentKind::kTensorList;
      return is_positional ? text : declared.name + "=" + text;
    });
  }

  const Graph& graph_;
  PrintOptions options_;
  std::string indent_;
  std::string text_;
};

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace

std::string print(const Graph& graph, PrintOptions options) {
  return Printer(graph, options, "").run();
}

std::string print(const TensorType& type) {
  return std::format("{}[{}]", name_of(type.dtype), join(type.dims, ",", print_dim));
}

std::string print(const Argument& argument, const Graph& graph) {
  const auto name = [&](ValueId id) {
    if (id == kNoTensor) return std::string("none");
    return graph.is_alive(id) ? "%" + graph.value(id).name : std::string("%<erased>");
  };
  const auto list = [](const auto& elements, const auto& print_element) {
    return "[" + join(elements, ",", print_element) + "]";
  };
  return std::visit(
      Overloaded{[](std::monostate) { return std::string("none"); },
                 [&](ValueId id) { return name(id); },
                 [&](const std::vector<ValueId>& ids) { return list(ids, name); },
                 [](const Dim& dim) { return dim.to_string(); },
                 [](double value) { return print_real(value); },
                 [](bool value) { return print_bool(value); },
                 [](const std::string& text) { return quote(text); },
                 [&](const Dims& dims) { return list(dims, print_dim); },
                 [&](const std::vector<double>& reals) { return list(reals, print_real<double>); },
                 [&](const std::vector<bool>& flags) { return list(flags, print_bool); }},
      argument);
}

std::string print(const Signature& signature) {
  const auto print_type = [](const TensorType& type) { return print(type); };
  std::string text = "(" + join(signature.inputs, ", ", print_type) + ")";
  if (!signature.outputs.empty()) {
    text += " -> (" + join(signature.outputs, ", ", print_type) + ")";
  }
  return text + print_ranges(signature.symbols);
}

}  // namespace tessera::ir
