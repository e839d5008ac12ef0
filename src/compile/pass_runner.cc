// SPDX-License-Identifier: MIT
#include "compile/pass_runner.h"

#include <algorithm>
#include <chrono>

#include "base/mapped_file.h"
#include "base/try.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace tessera::compiler {

Result<void> PassRunner::run(std::string_view name, ir::Graph& graph,
                             const std::function<Result<void>(ir::Graph&)>& step) {
  names_.emplace_back(name);
  if (is_stopped_ || std::ranges::contains(options_.skip, name)) return {};
  const auto start = std::chrono::steady_clock::now();
  if (auto done = step(graph); !done) {
    if (name == "import") return done;  // the model is wrong, not a pass: the message says it all
    return with_context(std::move(done).error(), name);
  }
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  times_.push_back({.name = std::string(name), .milliseconds = time.count()});
  if (auto legal = ir::verify(graph); !legal) {
    return with_context(std::move(legal).error(), std::format("the graph after {}", name));
  }
  TRY(dump(name, graph));
  is_stopped_ = options_.stop_after == name;
  return {};
}

Result<void> PassRunner::dump(std::string_view name, const ir::Graph& graph) const {
  if (!options_.dump_ir) return {};
  std::error_code error;
  std::filesystem::create_directories(*options_.dump_ir, error);
  if (error) {
    return fail(ErrorCode::kAccessFailed, "{}: cannot make the folder: {}",
                options_.dump_ir->string(), error.message());
  }
  const std::string text = ir::print(graph);
  const std::string file = std::format("{:02}-{}.tir", names_.size() - 1, name);
  return write_file_atomically(*options_.dump_ir / file, std::as_bytes(std::span(text)));
}

Result<void> PassRunner::check_names() const {
  std::vector<std::string> wanted = options_.skip;
  if (options_.stop_after) wanted.push_back(*options_.stop_after);
  for (const std::string& name : wanted) {
    if (std::ranges::contains(names_, name)) continue;
    std::string known;
    for (const std::string& step : names_) known += (known.empty() ? "" : ", ") + step;
    return fail(ErrorCode::kInvalidArgument, "no step is called '{}'; the steps are {}", name,
                known);
  }
  return {};
}

}  // namespace tessera::compiler
