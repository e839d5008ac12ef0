// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace tessera {

/// Sizes of a tensor, outermost first; at most kMaxRank of them, kept in place (no allocation).
class Shape {
 public:
  static constexpr std::size_t kMaxRank = 16;  ///< ExecuTorch's kTensorDimensionLimit

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);
  /// Aborts above kMaxRank: readers of files check the rank first.
  explicit Shape(std::span<const std::int64_t> sizes);

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t dim) const { return sizes_[dim]; }
  std::int64_t& operator[](std::size_t dim) { return sizes_[dim]; }
  void push_back(std::int64_t size);

  const std::int64_t* begin() const { return sizes_.data(); }
  const std::int64_t* end() const { return sizes_.data() + rank_; }
  std::span<const std::int64_t> span() const { return {sizes_.data(), rank_}; }

  /// Product of the sizes; 1 for rank 0.
  std::int64_t num_elements() const;
  /// "[1, 3, 224, 224]"
  std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  std::uint8_t rank_ = 0;
};

}  // namespace tessera
