// SPDX-License-Identifier: MIT
#include "quantize/observer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "ops/vectorize.h"

namespace tessera::quantize {
namespace {

constexpr std::size_t kLanes = 16;
/// Counters of 32 bits are enough for so many.
constexpr std::size_t kBlock = std::size_t{1} << 30;

struct Summary {
  std::array<float, kLanes> min, max;
  std::array<std::uint32_t, kLanes> num_finite{}, num_zeros{};

  Summary() {
    min.fill(std::numeric_limits<float>::infinity());
    max.fill(-std::numeric_limits<float>::infinity());
  }
  [[gnu::always_inline]] void see(std::size_t lane, float x) {
    const bool is_finite = std::abs(x) <= std::numeric_limits<float>::max();
    const float low = is_finite ? x : min[lane], high = is_finite ? x : max[lane];
    min[lane] = low < min[lane] ? low : min[lane];
    max[lane] = high > max[lane] ? high : max[lane];
    num_finite[lane] += static_cast<std::uint32_t>(is_finite);
    num_zeros[lane] += static_cast<std::uint32_t>(x == 0);
  }
};

[[gnu::always_inline]] inline void summarize_block(std::span<const float> elements,
                                                   Summary& result) {
  Summary summary;
  std::size_t i = 0;
  for (; i + kLanes <= elements.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) summary.see(lane, elements[i + lane]);
  }
  for (std::size_t lane = 0; i < elements.size(); ++i, ++lane) summary.see(lane, elements[i]);
  result = summary;
}

TESSERA_WIDE_TARGET void summarize_wide(std::span<const float> elements, Summary& result) {
  summarize_block(elements, result);
}

Summary summarize(std::span<const float> elements) {
  Summary result;
  if (ops::has_wide_vectors()) {
    summarize_wide(elements, result);
  } else {
    summarize_block(elements, result);
  }
  return result;
}

EqualElements count_equal(std::span<const float> elements, float value) {
  return {value, static_cast<std::uint64_t>(std::ranges::count(elements, value))};
}

std::uint64_t sum_of(const std::array<std::uint32_t, kLanes>& lanes) {
  std::uint64_t sum = 0;
  for (const std::uint32_t lane : lanes) sum += lane;
  return sum;
}

}  // namespace

void RangeObserver::observe(std::span<const float> elements) {
  if (elements.size() > kBlock) {
    observe(elements.first(kBlock));
    return observe(elements.subspan(kBlock));
  }
  const Summary summary = summarize(elements);
  const std::uint64_t num_finite = sum_of(summary.num_finite);
  num_elements_ += num_finite;
  num_non_finite_ += elements.size() - num_finite;
  const ValueRange seen{*std::ranges::min_element(summary.min),
                        *std::ranges::max_element(summary.max)};
  if (num_finite == 0) return;
  add_extrema(count_equal(elements, seen.min), count_equal(elements, seen.max));
  if (kind_ == Observer::kMinMax) return;
  if (num_finite == elements.size()) return histogram_.add(elements, seen);
  std::vector<float> finite;
  finite.reserve(num_finite);
  std::ranges::copy_if(elements, std::back_inserter(finite),
                       [](float x) { return std::isfinite(x); });
  histogram_.add(finite, seen);
}

void RangeObserver::merge(const RangeObserver& other) {
  CHECK(kind_ == other.kind_ && num_levels_ == other.num_levels_);
  add_extrema(other.lowest_, other.highest_);
  num_elements_ += other.num_elements_;
  num_zeros_ += other.num_zeros_;
  num_non_finite_ += other.num_non_finite_;
  histogram_.merge(other.histogram_);
}

void RangeObserver::add_extrema(const EqualElements& lowest, const EqualElements& highest) {
  if (lowest.value < lowest_.value) lowest_ = {lowest.value, 0};
  if (lowest.value == lowest_.value) lowest_.count += lowest.count;
  if (highest.value > highest_.value) highest_ = {highest.value, 0};
  if (highest.value == highest_.value) highest_.count += highest.count;
}

ValueRange RangeObserver::extrema() const {
  if (num_elements_ == 0) return {};
  return {lowest_.value + 0.0f, highest_.value + 0.0f};  // -0 becomes 0, whichever came first
}

void RangeObserver::choose(Observer kind) {
  CHECK(kind == kind_ || (kind != Observer::kMinMax && kind_ != Observer::kMinMax));
  kind_ = kind;
}

ValueRange RangeObserver::range() const {
  if (num_elements_ == 0 || kind_ == Observer::kMinMax) return extrema();
  std::vector<EqualElements> points;
  if (num_zeros_ > 0) points.push_back({0, num_zeros_});
  if (lowest_.value != 0) points.push_back(lowest_);
  if (highest_.value != 0 && highest_.value != lowest_.value) points.push_back(highest_);
  const Distribution distribution(histogram_, extrema(), points);
  switch (kind_) {
    case Observer::kMinMax:
      break;
    case Observer::kHistogram:
      return range_without_tails(distribution, num_levels_);
    case Observer::kPercentile:
      return range_of_percentiles(distribution);
    case Observer::kMse:
      return range_of_least_error(distribution, num_levels_);
  }
  return extrema();
}

}  // namespace tessera::quantize
