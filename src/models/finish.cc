// SPDX-License-Identifier: MIT
#include <algorithm>
#include <format>
#include <span>

#include "base/try.h"
#include "models/build_state.h"

namespace tessera {

namespace {

/// A checkpoint of another model would fill the screen.
constexpr std::size_t kMaxListed = 20;

std::string list(std::span<const std::string> texts) {
  std::string result;
  for (const std::string& text : texts.first(std::min(texts.size(), kMaxListed))) {
    result += (result.empty() ? "" : ", ") + text;
  }
  if (texts.size() > kMaxListed) result += std::format(" and {} more", texts.size() - kMaxListed);
  return result;
}

/// What the weights have that no layer asked for.
std::vector<std::string> unused_weights(const GraphBuilder::State& state) {
  std::vector<std::string> unused;
  for (const std::string& name : state.weights.names()) {
    const bool is_allowed =
        name.ends_with("num_batches_tracked") ||
        std::ranges::any_of(state.may_be_unused,
                            [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (!is_allowed && !state.asked.contains(name)) unused.push_back(name);
  }
  return unused;
}

Result<void> check_weights(const GraphBuilder::State& state) {
  const std::vector<std::string> unused = unused_weights(state);
  std::string text;
  const auto say = [&](std::string_view what, std::span<const std::string> texts) {
    if (texts.empty()) return;
    text += std::format("{}{}: {}", text.empty() ? "" : "; ", what, list(texts));
  };
  say("missing", state.missing);
  say("not of the model", unused);
  say("of another shape or type", state.mismatched);
  if (text.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "the weights do not fit the model; {}", text);
}

}  // namespace

Result<ir::Graph> finish(GraphBuilder builder) {
  GraphBuilder::State& state = state_of(builder);
  // Layers behind a parameter of unexpected shape still have the expected one, so both can be told.
  if (state.error) return std::unexpected(*std::move(state.error));
  TRY(check_weights(state));
  if (state.outputs.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the network has no output");
  }
  state.graph.set_outputs(std::move(state.outputs));
  return std::move(state.graph);
}

}  // namespace tessera
