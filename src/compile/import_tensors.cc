// SPDX-License-Identifier: MIT
#include "compile/import_tensors.h"

#include <utility>

#include "base/try.h"
#include "compile/import_views.h"
#include "ir/text.h"

namespace tessera {
namespace {

constexpr std::size_t kOutputPosition = std::numeric_limits<std::size_t>::max();

}  // namespace

ImportedTensors::ImportedTensors(const pt2::ExportedProgram& program, ir::Graph& graph)
    : program_(program), graph_(graph) {
  for (std::size_t i = 0; i < program_.nodes.size(); ++i) {
    for (const pt2::NamedArgument& argument : program_.nodes[i].arguments) {
      visit_tensors(argument.value, [&](const std::string& name) { last_uses_[name] = i; });
    }
  }
  for (const pt2::OutputSpec& spec : program_.outputs) {
    visit_tensors(spec.argument,
                  [&](const std::string& name) { last_uses_[name] = kOutputPosition; });
  }
}

void ImportedTensors::add_input(const std::string& name, ir::ValueId value) {
  values_[name] = value;
  storage_.add_foreign(name, std::format("input '{}'", name));
}

void ImportedTensors::add_weight(const std::string& name, const std::string& fully_qualified_name,
                                 std::string owner) {
  weight_names_[name] = fully_qualified_name;
  storage_.add_foreign(name, std::move(owner));
}

void ImportedTensors::make_state(const std::string& name, ir::ValueId value) {
  weight_names_.erase(name);
  values_[name] = value;
  storage_.add(name);
  last_uses_[name] = kOutputPosition;
}

void ImportedTensors::add_view(const std::string& name, View view) {
  storage_.add_view(name, view.base);
  views_[name] = std::move(view);
}

bool ImportedTensors::is_read_later(const std::string& name) const {
  const auto found = last_uses_.find(name);
  return found != last_uses_.end() && found->second > position_;
}

/// Constants come to be when they are first used: many buffers never are.
Result<ir::ValueId> ImportedTensors::find(const std::string& name) {
  if (outdated_.contains(name)) {
    const View view = views_.at(name);
    const ir::ValueId base = TRY(find(view.base));
    outdated_.erase(name);
    return values_[name] =
               view.node
                   ? TRY(replay_view(graph_, ir::Node(graph_.node(*view.node)), view.result, base))
                   : base;
  }
  if (const auto found = values_.find(name); found != values_.end()) return found->second;
  const auto weight = weight_names_.find(name);
  if (weight == weight_names_.end()) {
    return fail(ErrorCode::kInvalidProgram, "there is no tensor '{}' before it", name);
  }
  const Tensor& data = program_.weights.find(weight->second)->second;
  return values_[name] = graph_.add_constant(name, data, weight->second);
}

/// Whether all calls between the tensor and the one whose memory it shows are exact views.
bool ImportedTensors::is_traced(const std::string& name) const {
  const auto view = views_.find(name);
  if (view == views_.end()) return true;
  const auto& [base, node, result] = view->second;
  return (!node || is_exact_view(graph_.node(*node))) && is_traced(base);
}

Result<void> ImportedTensors::check_write(const std::string& name) const {
  if (const auto owner = storage_.foreign_owner(name)) {
    return fail(ErrorCode::kNotSupported,
                "it writes to {}; models that change their inputs or weights are not supported",
                *owner);
  }
  for (const std::string& sharer : storage_.sharers(name)) {
    if (values_.at(sharer) == values_.at(name) || !is_read_later(sharer)) continue;
    if (is_traced(name) && is_traced(sharer)) continue;
    return fail(ErrorCode::kNotSupported,
                "it writes to '{}' while '{}', which may share its memory, is read later; clone "
                "one of them before",
                name, sharer);
  }
  return {};
}

Result<void> ImportedTensors::overwrite(const std::string& name, ir::ValueId result) {
  const ir::ValueId old = values_.at(name);
  if (graph_.value(old).type != graph_.value(result).type) {
    return fail(ErrorCode::kInvalidProgram, "it writes {} to '{}', which is {}",
                ir::print(graph_.value(result).type), name, ir::print(graph_.value(old).type));
  }
  bool is_seen_by_others = false;
  for (const std::string& sharer : storage_.sharers(name)) {
    if (values_.at(sharer) == old) {
      values_[sharer] = result;
    } else if (is_read_later(sharer)) {
      is_seen_by_others = true;
    }
  }
  return is_seen_by_others ? write_through(name) : Result<void>();
}

/// Tells the tensors whose elements the written one shows, and marks the other views of them.
Result<void> ImportedTensors::write_through(std::string name) {
  std::set<std::string> outdated(storage_.sharers(name).begin(), storage_.sharers(name).end());
  outdated.erase(name);
  for (auto view = views_.find(name); view != views_.end(); view = views_.find(name)) {
    const auto& [base, node, result] = view->second;
    const ir::ValueId written = values_.at(name);
    const ir::ValueId before = TRY(find(base));
    values_[base] =
        node ? TRY(write_back(graph_, ir::Node(graph_.node(*node)), result, before, written))
             : written;
    outdated.erase(base);
    name = base;
  }
  outdated_.insert(outdated.begin(), outdated.end());
  return {};
}

}  // namespace tessera
