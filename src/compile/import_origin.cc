// SPDX-License-Identifier: MIT
#include "compile/import_origin.h"

#include <algorithm>
#include <format>
#include <optional>
#include <string_view>

namespace tessera {
namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

struct Frame {
  std::string_view path;
  std::string_view line_number;
};

/// File "/models/net.py", line 15, in forward
std::optional<Frame> parse_frame(std::string_view line) {
  constexpr std::string_view kFile = "File \"";
  constexpr std::string_view kLine = "\", line ";
  line = trim(line);
  if (!line.starts_with(kFile)) return std::nullopt;
  line.remove_prefix(kFile.size());
  const auto end = line.find(kLine);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view number = line.substr(end + kLine.size());
  return Frame{.path = line.substr(0, end), .line_number = number.substr(0, number.find(','))};
}

bool is_of_torch(std::string_view path) {
  return path.contains("-packages/torch/") || path.contains("/torch/nn/modules/");
}

std::string innermost_source_line(std::string_view trace) {
  std::string result;
  while (!trace.empty()) {
    const auto frame = parse_frame(take_line(trace));
    if (!frame || is_of_torch(frame->path)) continue;
    std::string_view following = trace;
    const std::string_view next = take_line(following);
    const std::string_view code = parse_frame(next) ? std::string_view() : trim(next);
    const std::string_view file = frame->path.substr(frame->path.find_last_of("/\\") + 1);
    result = std::format("{}:{}", file, frame->line_number);
    if (!code.empty()) result += std::format(": {}", code);
  }
  return result;
}

/// The path of the last entry of "key,path,type;key,path,type".
std::string innermost_module(std::string_view stack) {
  const std::string_view entry = stack.substr(stack.rfind(';') + 1);
  const auto first = entry.find(',');
  const auto last = entry.rfind(',');
  if (first == last) return {};
  return std::string(entry.substr(first + 1, last - first - 1));
}

}  // namespace

ir::Origin origin_of(const pt2::Node& node) {
  return {.module_path = innermost_module(node.module_stack),
          .source_line = innermost_source_line(node.stack_trace)};
}

std::string describe_call(std::string_view operator_name, const ir::Origin& origin) {
  std::string text(operator_name);
  if (!origin.module_path.empty()) text += std::format(" of module {}", origin.module_path);
  if (!origin.source_line.empty()) text += std::format(" ({})", origin.source_line);
  return text;
}

}  // namespace tessera
