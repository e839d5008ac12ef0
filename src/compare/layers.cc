// SPDX-License-Identifier: MIT
#include "compare/layers.h"

#include <algorithm>

#include "compare/operation_kinds.h"

namespace tessera::compare {
namespace {

/// Finds where a layer that starts with this operation ends.
class Follower {
 public:
  explicit Follower(const OperationList& list) : list_(list), is_part_(list.operations.size()) {}

  bool is_part(std::size_t operation) const { return is_part_[operation]; }

  /// The last value of the layer that can be measured, or its first.
  std::size_t last_value(std::size_t value) {
    std::size_t measured = value;
    while (!list_.values[value].is_output) {
      const std::vector<std::size_t>& readers = list_.values[value].readers;
      const auto is_convert = [&](std::size_t reader) { return kind(reader) == kConvert; };
      const bool is_alone =
          readers.size() == 1 && (kind(readers[0]) == kClamp || kind(readers[0]) == kBatchNorm);
      // Every reader may have a conversion of its own: they all give the same.
      if (readers.empty() || !(is_alone || std::ranges::all_of(readers, is_convert))) break;
      for (const std::size_t reader : readers) is_part_[reader] = true;
      value = list_.operations[readers[0]].result;
      if (list_.values[value].is_measurable) measured = value;
    }
    return measured;
  }

 private:
  std::string_view kind(std::size_t operation) const { return list_.operations[operation].kind; }

  const OperationList& list_;
  std::vector<bool> is_part_;
};

/// Layers with weights first: they cannot be mistaken as easily, and most of a network hangs on
/// them.
constexpr std::uint32_t kWeightedScore = 16, kOtherScore = 1;
constexpr std::size_t kMaxCells = std::size_t{1} << 25;

/// 0 if they do not match.
std::uint32_t score(const Layer& a, const Layer& b) {
  if (a.has_weights() || b.has_weights()) {
    return a.kind == b.kind && a.weight == b.weight ? kWeightedScore : 0;
  }
  return a.kind == b.kind && a.sizes == b.sizes ? kOtherScore : 0;
}

}  // namespace

std::vector<Layer> find_layers(const OperationList& list) {
  std::vector<Layer> layers;
  Follower follower(list);
  for (std::size_t i = 0; i < list.operations.size(); ++i) {
    const Operation& operation = list.operations[i];
    if (follower.is_part(i) || operation.kind == kConvert || operation.kind == kMovement) continue;
    const std::size_t value = follower.last_value(operation.result);
    if (!list.values[value].is_measurable) continue;
    layers.push_back({.name = operation.name,
                      .kind = operation.kind,
                      .weight = operation.weight,
                      .sizes = sizes_key(list.values[operation.result].bound),
                      .value = value});
  }
  return layers;
}

std::vector<LayerPair> match_layers(std::span<const Layer> first, std::span<const Layer> second) {
  std::vector<LayerPair> pairs;
  std::size_t begin = 0;  // equal programs need no table
  while (begin < std::min(first.size(), second.size()) && score(first[begin], second[begin]) > 0) {
    pairs.emplace_back(begin, begin);
    ++begin;
  }
  const std::size_t rows = first.size() - begin, columns = second.size() - begin;
  if (rows == 0 || columns == 0) return pairs;
  if (rows > kMaxCells / columns) return {};
  // best[i][j]: the score that layers from i and from j on can have together.
  std::vector<std::uint32_t> best((rows + 1) * (columns + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& {
    return best[i * (columns + 1) + j];
  };
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      const std::uint32_t match = score(first[begin + i], second[begin + j]);
      at(i, j) = std::max(at(i + 1, j), at(i, j + 1));
      if (match > 0) at(i, j) = std::max(at(i, j), at(i + 1, j + 1) + match);
    }
  }
  for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
    const std::uint32_t match = score(first[begin + i], second[begin + j]);
    if (match > 0 && at(i, j) == at(i + 1, j + 1) + match) {
      pairs.emplace_back(begin + i++, begin + j++);
    } else if (at(i, j) == at(i + 1, j)) {
      ++i;
    } else {
      ++j;
    }
  }
  return pairs;
}

}  // namespace tessera::compare
