// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "compile/import_storage.h"
#include "formats/pt2.h"
#include "ir/graph.h"

namespace tessera {

/// Calls visit(name) for every tensor that the argument names.
template <class Visit>
void visit_tensors(const pt2::Argument& argument, const Visit& visit) {
  if (const auto* one = std::get_if<pt2::TensorName>(&argument)) visit(one->name);
  if (const auto* many = std::get_if<std::vector<pt2::TensorName>>(&argument)) {
    for (const auto& tensor : *many) visit(tensor.name);
  }
  if (const auto* some = std::get_if<std::vector<std::optional<pt2::TensorName>>>(&argument)) {
    for (const auto& tensor : *some) {
      if (tensor) visit(tensor->name);
    }
  }
}

/// What the names of an archive's tensors stand for while its nodes are imported one by one. In the
/// archive they are tensors in memory, which views show and in-place operators change; in the graph
/// they are values. So a name stands for another value after a write, and other views of the same
/// memory are made anew when somebody reads them.
class ImportedTensors {
 public:
  ImportedTensors(const pt2::ExportedProgram& program, ir::Graph& graph);

  /// A tensor that shows another's elements: result `result` of `node`, or, without a node, all of
  /// them as they are.
  struct View {
    std::string base;
    std::optional<ir::NodeId> node;
    std::size_t result = 0;
  };

  void add_input(const std::string& name, ir::ValueId value);
  /// A parameter or buffer, which becomes a constant when it is first read. `owner` is for
  /// messages.
  void add_weight(const std::string& name, const std::string& fully_qualified_name,
                  std::string owner);
  const std::string& weight_of(const std::string& name) const { return weight_names_.at(name); }
  /// A weight that may be written to and counts as read at the end.
  void make_state(const std::string& name, ir::ValueId value);

  bool is_known(const std::string& name) const {
    return values_.contains(name) || weight_names_.contains(name);
  }
  /// A new name for a result. What memory it has, `add_view` or `add_owner` says.
  void bind(const std::string& name, ir::ValueId value) { values_[name] = value; }
  void add_view(const std::string& name, View view);
  void add_owner(const std::string& name) { storage_.add(name); }

  /// The next node is imported.
  void advance() { ++position_; }
  bool is_read_later(const std::string& name) const;
  /// The value that the name stands for now. Adds nodes where memory has been written to since.
  Result<ir::ValueId> find(const std::string& name);
  /// A write is fine if all who read the memory later can be given what it holds then.
  Result<void> check_write(const std::string& name) const;
  /// From now on, the tensor and what shows the same elements stand for the result.
  Result<void> overwrite(const std::string& name, ir::ValueId result);

 private:
  bool is_traced(const std::string& name) const;
  Result<void> write_through(std::string name);

  const pt2::ExportedProgram& program_;
  ir::Graph& graph_;
  std::size_t position_ = 0;                         ///< of the node that is being imported
  std::map<std::string, ir::ValueId> values_;        ///< what a tensor's name stands for now
  std::map<std::string, std::string> weight_names_;  ///< tensor's name -> fully qualified name
  std::map<std::string, std::size_t> last_uses_;     ///< tensor's name -> position of a node
  StorageTracker storage_;
  std::map<std::string, View> views_;
  std::set<std::string> outdated_;  ///< views of what has been written to since
};

}  // namespace tessera
