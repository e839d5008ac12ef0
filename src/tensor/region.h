// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tessera/tensor.h"

namespace tessera {

/// Half-open interval of positions along one dimension.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  bool contains(const Interval& other) const { return begin <= other.begin && other.end <= end; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Smallest interval that holds both.
inline Interval hull(Interval a, Interval b) {
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

/// The part of `a` inside [0, size).
inline Interval clip(Interval a, std::int64_t size) {
  return {std::clamp<std::int64_t>(a.begin, 0, size), std::clamp<std::int64_t>(a.end, 0, size)};
}

/// A box inside a tensor: one Interval per dimension, outermost first, in the coordinates of the
/// whole tensor.
class Region {
 public:
  Region() = default;
  static Region whole(const Shape& shape) {
    Region region;
    for (const std::int64_t size : shape) region.push_back({0, size});
    return region;
  }

  std::size_t rank() const { return rank_; }
  const Interval& operator[](std::size_t dim) const { return intervals_[dim]; }
  Interval& operator[](std::size_t dim) { return intervals_[dim]; }
  void push_back(Interval interval) {
    CHECK(rank_ < Shape::kMaxRank);
    intervals_[rank_++] = interval;
  }
  /// Sizes of the box.
  Shape shape() const {
    Shape sizes;
    for (std::size_t dim = 0; dim < rank_; ++dim) sizes.push_back(intervals_[dim].size());
    return sizes;
  }
  /// "[0:1, 0:3, 16:48, 0:32]"
  std::string to_string() const {
    std::string text = "[";
    for (std::size_t dim = 0; dim < rank_; ++dim) {
      text +=
          std::format("{}{}:{}", dim == 0 ? "" : ", ", intervals_[dim].begin, intervals_[dim].end);
    }
    return text + "]";
  }
  friend bool operator==(const Region& a, const Region& b) {
    return a.rank_ == b.rank_ && std::equal(a.intervals_, a.intervals_ + a.rank_, b.intervals_);
  }

 private:
  Interval intervals_[Shape::kMaxRank];
  std::uint8_t rank_ = 0;
};

/// Smallest box that holds both, dimension by dimension.
inline Region hull(const Region& a, const Region& b) {
  CHECK(a.rank() == b.rank());
  Region result;
  for (std::size_t dim = 0; dim < a.rank(); ++dim) result.push_back(hull(a[dim], b[dim]));
  return result;
}

}  // namespace tessera
