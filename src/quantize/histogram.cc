// SPDX-License-Identifier: MIT
#include "quantize/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "ops/vectorize.h"

namespace tessera::quantize {
namespace {

/// Indices up to here are exact in a float, and so is everything computed from them.
constexpr std::int64_t kMaxIndex = 1 << 23;
/// Widths below 2^this are of no use to anyone; above it neither they nor their inverse under- or
/// overflow a float.
constexpr int kMinExponent = -100;
constexpr std::size_t kBlock = 1024;

/// The bin of a finite x at this width, as a float computes it in any vector width. The comparison
/// is what makes it the floor, also of a negative x whose product underflows.
struct BinOf {
  float inverse_width, width;
  std::int32_t first;

  std::int32_t operator()(float x) const {
    const auto towards_zero = static_cast<std::int32_t>(x * inverse_width);
    const bool is_below = x < static_cast<float>(towards_zero) * width;
    return towards_zero - static_cast<std::int32_t>(is_below) - first;
  }
};

BinOf bin_of(int exponent, std::int64_t first) {
  return {std::ldexp(1.0f, -exponent), std::ldexp(1.0f, exponent),
          static_cast<std::int32_t>(first)};
}

/// The bin of a width 2^shift times as large; -1 and 0 stay where they are.
std::int64_t coarser(std::int64_t index, int shift) { return index >> std::min(shift, 63); }

std::int64_t index_at(double x, int exponent) {
  return static_cast<std::int64_t>(std::floor(std::ldexp(x, -exponent)));
}

/// The smallest exponent at which the range has few enough bins: the same for equal ranges, and
/// never smaller for a wider one.
int exponent_for(const ValueRange& range) {
  const auto fits = [&](int exponent) {
    const double last = std::floor(std::ldexp(static_cast<double>(range.max), -exponent));
    const double first = std::floor(std::ldexp(static_cast<double>(range.min), -exponent));
    return last - first < Histogram::kMaxBins &&
           std::max(std::abs(first), std::abs(last)) < kMaxIndex;
  };
  int exponent = kMinExponent;
  while (!fits(exponent)) ++exponent;
  return exponent;
}

/// Most activations have many equal elements (zeros): increments of one counter would wait for each
/// other, those of four tables do not.
void count(std::span<const float> elements, const BinOf& bin, std::span<std::uint64_t> counts) {
  constexpr std::size_t kTables = 4;
  const bool is_long = elements.size() >= 4 * counts.size();
  std::vector<std::uint32_t> tables(is_long ? kTables * counts.size() : 0);
  std::array<std::int32_t, kBlock> bins;
  for (std::size_t begin = 0; begin < elements.size(); begin += kBlock) {
    const auto block = elements.subspan(begin, std::min(kBlock, elements.size() - begin));
    ops::map_vectorized(bin, bins.data(), block.size(), block.data());
    if (is_long) {
      for (std::size_t i = 0; i < block.size(); ++i) {
        ++tables[static_cast<std::size_t>(bins[i]) * kTables + i % kTables];
      }
    } else {
      for (std::size_t i = 0; i < block.size(); ++i) ++counts[static_cast<std::size_t>(bins[i])];
    }
  }
  for (std::size_t i = 0; i < tables.size(); ++i) counts[i / kTables] += tables[i];
}

}  // namespace

void Histogram::add(std::span<const float> elements, const ValueRange& range) {
  if (elements.empty()) return;
  cover(range);
  const BinOf bin = bin_of(exponent_, first_);
  constexpr std::size_t kCountersLast = std::size_t{1} << 30;  // 32-bit counters
  for (std::size_t begin = 0; begin < elements.size(); begin += kCountersLast) {
    count(elements.subspan(begin, std::min(kCountersLast, elements.size() - begin)), bin, counts_);
  }
}

void Histogram::merge(const Histogram& other) {
  if (other.is_empty()) return;
  cover({other.min_, other.max_});
  const int shift = exponent_ - other.exponent_;
  CHECK(shift >= 0);
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    const std::int64_t index = coarser(other.first_ + static_cast<std::int64_t>(i), shift);
    counts_[static_cast<std::size_t>(index - first_)] += other.counts_[i];
  }
}

double Histogram::edge(std::size_t i) const {
  return std::ldexp(static_cast<double>(first_ + static_cast<std::int64_t>(i)), exponent_);
}

std::size_t Histogram::bin(float element) const {
  return static_cast<std::size_t>(index_at(static_cast<double>(element), exponent_) - first_);
}

void Histogram::cover(const ValueRange& range) {
  const bool was_empty = is_empty();
  min_ = was_empty ? range.min : std::min(min_, range.min);
  max_ = was_empty ? range.max : std::max(max_, range.max);
  const int exponent = exponent_for({min_, max_});
  if (!was_empty) coarsen(exponent);
  exponent_ = exponent;
  extend(index_at(min_, exponent), index_at(max_, exponent));
}

void Histogram::coarsen(int exponent) {
  const int shift = exponent - exponent_;
  CHECK(shift >= 0);
  if (shift == 0) return;
  const auto num_bins = static_cast<std::int64_t>(counts_.size());
  const std::int64_t last = coarser(first_ + num_bins - 1, shift);
  const std::int64_t first = coarser(first_, shift);
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(last - first + 1));
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::int64_t index = coarser(first_ + static_cast<std::int64_t>(i), shift);
    counts[static_cast<std::size_t>(index - first)] += counts_[i];
  }
  counts_ = std::move(counts);
  first_ = first;
}

void Histogram::extend(std::int64_t first, std::int64_t last) {
  if (is_empty()) first_ = first;
  CHECK(first <= first_);
  counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - first), 0);
  first_ = first;
  counts_.resize(static_cast<std::size_t>(last - first + 1));
}

}  // namespace tessera::quantize
