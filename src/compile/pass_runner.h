// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "tessera/compile.h"

namespace tessera::compiler {

/// Runs the steps of a compilation one by one: skips those that the options name, verifies the
/// graph after each, times it and writes its text form to the dump folder (`00-import.tir`, ...).
class PassRunner {
 public:
  explicit PassRunner(const CompileOptions& options) : options_(options) {}

  /// Fails if the step fails or leaves an illegal graph; the message names the step.
  Result<void> run(std::string_view name, ir::Graph& graph,
                   const std::function<Result<void>(ir::Graph&)>& step);

  /// Fails for names in `skip` or `stop_after` that no step had.
  Result<void> check_names() const;
  /// True from the step that `stop_after` names on: later steps do nothing.
  bool is_stopped() const { return is_stopped_; }
  std::vector<PassTime> take_times() { return std::move(times_); }

 private:
  Result<void> dump(std::string_view name, const ir::Graph& graph) const;

  const CompileOptions& options_;
  std::vector<PassTime> times_;
  std::vector<std::string> names_;
  bool is_stopped_ = false;
};

}  // namespace tessera::compiler
