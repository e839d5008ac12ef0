// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <print>
#include <string_view>
#include <vector>

/// Two things timed in turn, A B A B ..., so that a machine that drifts drifts for both. What
/// counts is the ratio; the times are there to judge it.
namespace tessera::benchmarks {

struct PairResult {
  double first_ms = 0;   ///< median
  double second_ms = 0;  ///< median
  double ratio = 0;      ///< median of the rounds' ratios, first / second
};

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

inline double time_ms(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Runs both once to warm up and then `rounds` times in turn.
inline PairResult time_pair(const std::function<void()>& first, const std::function<void()>& second,
                            int rounds) {
  first();
  second();
  std::vector<double> first_ms, second_ms, ratios;
  for (int round = 0; round < rounds; ++round) {
    first_ms.push_back(time_ms(first));
    second_ms.push_back(time_ms(second));
    ratios.push_back(first_ms.back() / second_ms.back());
  }
  return {median(first_ms), median(second_ms), median(ratios)};
}

inline void print_pair(std::string_view title, std::string_view first, std::string_view second,
                       const PairResult& result) {
  std::println("{:<44} {:>18} {:9.3f} ms  {:>18} {:9.3f} ms  ratio {:.3f}", title, first,
               result.first_ms, second, result.second_ms, result.ratio);
}

}  // namespace tessera::benchmarks
