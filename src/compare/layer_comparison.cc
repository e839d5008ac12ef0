// SPDX-License-Identifier: MIT
#include "compare/layer_comparison.h"

#include <algorithm>
#include <format>
#include <utility>

#include "base/try.h"

namespace tessera::compare {
namespace {

std::size_t count_weighted(std::span<const Layer> layers) {
  return static_cast<std::size_t>(std::ranges::count_if(layers, &Layer::has_weights));
}

}  // namespace

LayerComparer::LayerComparer(const TracedMethod& first, const TracedMethod& second,
                             std::size_t value_bytes)
    : value_bytes_(value_bytes),
      pair_of_first_(first.layers().size()),
      pair_of_second_(second.layers().size()) {
  const auto matches = match_layers(first.layers(), second.layers());
  const auto num_weighted = static_cast<std::size_t>(std::ranges::count_if(
      matches, [&](const LayerPair& pair) { return first.layers()[pair.first].has_weights(); }));
  const std::size_t first_weighted = count_weighted(first.layers()),
                    second_weighted = count_weighted(second.layers());
  why_none_.clear();
  if (matches.empty()) {
    why_none_ = "the programs have no layers of the same kind and sizes";
    return;
  }
  // With fewer in common they are not one network, and what matches does so by chance.
  if (2 * num_weighted < std::max(first_weighted, second_weighted)) {
    why_none_ =
        std::format("{} of {} and {} layers with weights have the same sizes in the same order",
                    num_weighted, first_weighted, second_weighted);
    return;
  }
  for (const auto& [i, j] : matches) {
    pair_of_first_[i] = pair_of_second_[j] = pairs_.size();
    pairs_.push_back({.first = i, .second = j});
  }
}

bool LayerComparer::has_waiting() const { return std::ranges::contains(is_done_, false); }

bool LayerComparer::reserve(std::size_t pair, std::size_t num_elements) {
  const std::size_t num_bytes = num_elements * sizeof(float);
  if (is_done_[pair]) return false;
  if (num_kept_bytes_ > 0 && num_kept_bytes_ + num_bytes > value_bytes_) return false;
  num_kept_bytes_ += num_bytes;
  return is_done_[pair] = true;
}

Result<void> LayerComparer::keep_first(std::size_t pair, LayerValue value) {
  if (pairs_[pair].sizes.empty()) pairs_[pair].sizes = value.numbers.shape().to_string();
  kept_[pair] = std::move(value);
  return {};
}

Result<void> LayerComparer::compare_second(std::size_t pair, LayerValue value) {
  if (!TRY(add_difference(*kept_[pair], value, pairs_[pair].sums))) {
    pairs_[pair].differs_in_sizes = true;
  }
  kept_[pair].reset();
  return {};
}

Result<bool> LayerComparer::run(TracedMethod& first, TracedMethod& second) {
  kept_.assign(pairs_.size(), std::nullopt);
  num_kept_bytes_ = 0;
  const TracedMethod::Visitor keep = {.wants =
                                          [&](std::size_t layer, std::size_t num_elements) {
                                            return !pairs_.empty() && pair_of_first_[layer] &&
                                                   reserve(*pair_of_first_[layer], num_elements);
                                          },
                                      .take =
                                          [&](std::size_t layer, LayerValue value) {
                                            return keep_first(*pair_of_first_[layer],
                                                              std::move(value));
                                          }};
  const TracedMethod::Visitor compare = {
      .wants =
          [&](std::size_t layer, std::size_t) {
            return !pairs_.empty() && pair_of_second_[layer] && kept_[*pair_of_second_[layer]];
          },
      .take =
          [&](std::size_t layer, LayerValue value) {
            return compare_second(*pair_of_second_[layer], std::move(value));
          }};
  const auto execute = [](TracedMethod& method, const TracedMethod::Visitor& visitor,
                          std::string_view which) -> Result<void> {
    auto executed = method.execute(visitor);
    if (!executed) return with_context(std::move(executed).error(), which);
    return {};
  };
  TRY(execute(first, keep, "the first program"));
  TRY(execute(second, compare, "the second program"));
  return num_kept_bytes_ > 0;
}

void LayerComparer::add_to(CompareReport& report, const TracedMethod& first,
                           const TracedMethod& second) const {
  report.num_first_layers = first.layers().size();
  report.num_second_layers = second.layers().size();
  report.num_first_weighted = count_weighted(first.layers());
  report.num_second_weighted = count_weighted(second.layers());
  report.why_no_layers = why_none_;
  for (const Pair& pair : pairs_) {
    if (pair.differs_in_sizes || pair.sizes.empty()) continue;
    const Layer& layer = first.layers()[pair.first];
    if (layer.has_weights()) ++report.num_weighted;
    report.layers.push_back({.kind = layer.kind,
                             .first = layer.name,
                             .second = second.layers()[pair.second].name,
                             .sizes = pair.sizes,
                             .difference = pair.sums.all.difference(),
                             .scaled_sqnr_db = pair.sums.channels.scaled_sqnr_db()});
  }
  if (report.layers.empty() && why_none_.empty() && report.num_inputs > 0) {
    report.why_no_layers = "no layer that both programs ran has the same sizes";
  }
}

}  // namespace tessera::compare
