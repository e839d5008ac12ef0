// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "ir/text.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

std::string_view bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes()), tensor.num_bytes()};
}

void merge_constants(ir::Graph& graph) {
  std::unordered_multimap<std::size_t, ir::ValueId> seen;  // by hash of the bytes
  for (const ir::ValueId id : graph.values()) {
    const ir::Value& value = graph.value(id);
    if (value.kind != ir::ValueKind::kConstant) continue;
    const std::size_t hash = std::hash<std::string_view>()(bytes_of(value.data));
    const auto [begin, end] = seen.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) {
      const ir::Value& other = graph.value(entry.second);
      return other.type == value.type && bytes_of(other.data) == bytes_of(value.data);
    });
    if (same == end) {
      seen.emplace(hash, id);
    } else if (!graph.is_output(id)) {
      graph.replace_all_uses(id, same->second);
    }
  }
}

// Calls with equal keys compute the same: the text form of arguments is exact.
std::string key_of(const ir::Graph& graph, const ir::Node& node) {
  std::string key(node.op->schema);
  for (const ir::Argument& argument : node.arguments) key += "; " + ir::print(argument, graph);
  return key;
}

}  // namespace

Result<void> merge_common_subexpressions(ir::Graph& graph) {
  merge_constants(graph);
  std::map<std::string, ir::NodeId> seen;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr) continue;
    const auto [entry, is_new] = seen.emplace(key_of(graph, node), id);
    // Each output of a program has memory of its own.
    const bool is_output = std::ranges::any_of(
        node.results, [&](ir::ValueId result) { return graph.is_output(result); });
    if (is_new || is_output) continue;
    const std::vector<ir::ValueId>& kept = graph.node(entry->second).results;
    for (std::size_t i = 0; i < kept.size(); ++i) graph.replace_all_uses(node.results[i], kept[i]);
    graph.erase_node(id);
  }
  return {};
}

}  // namespace tessera::passes
