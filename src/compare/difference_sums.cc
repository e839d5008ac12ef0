// SPDX-License-Identifier: MIT
#include "compare/difference_sums.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/convert.h"

namespace tessera::compare {

void DifferenceSums::add(double a, double b) {
  ++num_elements_;
  if (!std::isfinite(a) || !std::isfinite(b)) {
    if (a != b && !(std::isnan(a) && std::isnan(b))) ++num_not_finite_;
    return;
  }
  const double difference = std::abs(a - b);
  squares_a_ += a * a;
  squares_b_ += b * b;
  products_ += a * b;
  differences_ += difference * difference;
  absolute_differences_ += difference;
  max_difference_ = std::max(max_difference_, difference);
  min_ = std::min(min_, a);
  max_ = std::max(max_, a);
}

void DifferenceSums::add(const Tensor& a, const Tensor& b) {
  constexpr std::size_t kBlock = 1024;
  std::array<double, kBlock> block_a, block_b;
  const auto count = static_cast<std::size_t>(a.num_elements());
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t size = std::min(kBlock, count - start);
    const auto read = [&](const Tensor& tensor, std::array<double, kBlock>& block) {
      ops::convert_elements(tensor.dtype(), tensor.bytes() + start * size_of(tensor.dtype()),
                            DType::kF64, block.data(), size);
    };
    read(a, block_a);
    read(b, block_b);
    for (std::size_t i = 0; i < size; ++i) add(block_a[i], block_b[i]);
  }
}

void DifferenceSums::add(const DifferenceSums& other) {
  num_elements_ += other.num_elements_;
  num_not_finite_ += other.num_not_finite_;
  squares_a_ += other.squares_a_;
  squares_b_ += other.squares_b_;
  products_ += other.products_;
  differences_ += other.differences_;
  absolute_differences_ += other.absolute_differences_;
  max_difference_ = std::max(max_difference_, other.max_difference_);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double DifferenceSums::mean_squared_error() const {
  return num_elements_ == 0 ? 0 : differences_ / static_cast<double>(num_elements_);
}

TensorDifference DifferenceSums::difference() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  TensorDifference result{.num_elements = num_elements_, .num_not_finite = num_not_finite_};
  const bool is_equal = differences_ == 0;
  result.max_error = max_difference_;
  if (num_elements_ > 0) {
    result.mean_error = absolute_differences_ / static_cast<double>(num_elements_);
  }
  if (min_ <= max_) {
    result.min = min_;
    result.max = max_;
  }
  const double largest = std::max(std::abs(result.min), std::abs(result.max));
  result.relative_error = is_equal ? 0 : max_difference_ / largest;
  result.sqnr_db = is_equal ? kInfinity : 10 * std::log10(squares_a_ / differences_);
  if (num_not_finite_ > 0) result.sqnr_db = -kInfinity;
  const double lengths = std::sqrt(squares_a_) * std::sqrt(squares_b_);
  result.cosine = is_equal ? 1 : lengths == 0 ? 0 : products_ / lengths;
  return result;
}

void ChannelSums::add(const Tensor& a, const Tensor& b) {
  constexpr std::size_t kImageRank = 4;
  constexpr std::int64_t kMinPixels = 16;
  if (a.rank() != kImageRank || a.shape() != b.shape()) return;
  const std::int64_t pixels = a.size(2) * a.size(3);
  if (pixels < kMinPixels) return;
  const auto num_channels = static_cast<std::size_t>(a.size(1));
  if (channels_.empty()) channels_.resize(num_channels);
  if (channels_.size() != num_channels) return;
  const std::int64_t num_planes = a.size(0) * a.size(1);
  for (std::int64_t plane = 0; plane < num_planes; ++plane) {
    Channel& channel = channels_[static_cast<std::size_t>(plane) % num_channels];
    for (std::int64_t i = plane * pixels; i < (plane + 1) * pixels; ++i) {
      const double from_a = a.data<float>()[i], from_b = b.data<float>()[i];
      channel.squares_a += from_a * from_a;
      channel.squares_b += from_b * from_b;
      channel.products += from_a * from_b;
    }
  }
}

void ChannelSums::add(const ChannelSums& other) {
  if (channels_.empty()) channels_ = std::vector<Channel>(other.channels_.size());
  if (channels_.size() != other.channels_.size()) return;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    channels_[i].squares_a += other.channels_[i].squares_a;
    channels_[i].squares_b += other.channels_[i].squares_b;
    channels_[i].products += other.channels_[i].products;
  }
}

std::optional<double> ChannelSums::scaled_sqnr_db() const {
  if (channels_.empty()) return std::nullopt;
  double signal = 0, noise = 0;
  for (const auto& [squares_a, squares_b, products] : channels_) {
    // Least squares: with the factor products / squares_b this is left of the channel.
    const double explained = squares_b == 0 ? 0 : products * products / squares_b;
    signal += squares_a;
    noise += std::max(0.0, squares_a - explained);
  }
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

}  // namespace tessera::compare
