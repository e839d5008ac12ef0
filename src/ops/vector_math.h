// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

/// exp and what is made of it, without branches and calls, so that loops over them vectorize and
/// every build gives the same bits. f32 results are within 2 units in the last place of the exact
/// ones, sigmoid and tanh within 3 (tests/unit/ops/vector_math_test.cc counts them); f64 goes to
/// the C library.
///
/// Reduction of exp: n = round(x / ln 2), r = x - n * ln 2 with ln 2 in two parts (Cody and Waite,
/// "Software Manual for the Elementary Functions", 1980). The polynomials are Chebyshev
/// approximations fitted in f64 at 400 nodes and rounded to f32; each names its function and
/// interval.
namespace tessera::ops {

namespace detail {

/// sum of coefficients[i] * x^i, without a loop: loops around it vectorize.
template <std::size_t kIndex = 0, std::size_t kCount>
inline float polynomial(const float (&coefficients)[kCount], float x) {
  if constexpr (kIndex + 1 == kCount) {
    return coefficients[kIndex];
  } else {
    return polynomial<kIndex + 1>(coefficients, x) * x + coefficients[kIndex];
  }
}

/// 2^n for n of -126 to 127.
inline float power_of_two(std::int32_t n) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

/// exp(x) = 2^n * (1 + minus_one)
struct ReducedExp {
  std::int32_t n;
  float minus_one;
};

/// For x of -110 to 110; NaN stays NaN.
inline ReducedExp reduce_exp(float x) {
  constexpr float kRounder = 0x1.8p23f;  // adding it rounds to an integer, kept in the last bits
  constexpr float kLogE = 0x1.715476p+0f, kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
  const float shifted = x * kLogE + kRounder;
  const float n = shifted - kRounder;
  const float r = x - n * kLn2High - n * kLn2Low;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2
  constexpr float kTail[] = {0x1p-1f,        0x1.555556p-3f,  0x1.5554e4p-5f,
                             0x1.1110c4p-7f, 0x1.6d4926p-10f, 0x1.a157b2p-13f};
  return {static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) -
                                    std::bit_cast<std::uint32_t>(kRounder)),
          r + r * r * polynomial(kTail, r)};
}

inline float clamped(float x, float low, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

}  // namespace detail

inline float vector_exp(float x) {
  const auto [n, minus_one] = detail::reduce_exp(detail::clamped(x, -105, 90));
  // Two factors: neither overflows, and a result below 2^-126 is rounded once, by the second.
  const std::int32_t half = n >> 1;
  return (1 + minus_one) * detail::power_of_two(half) * detail::power_of_two(n - half);
}

/// exp(x) - 1
inline float vector_expm1(float x) {
  const auto [n, minus_one] = detail::reduce_exp(detail::clamped(x, -40, 90));
  const std::int32_t half = n >> 1;
  const float first = detail::power_of_two(half), second = detail::power_of_two(n - half);
  return (first * minus_one + (first - 1 / second)) * second;
}

inline float vector_sigmoid(float x) { return 1 / (1 + vector_exp(-x)); }

inline float vector_tanh(float x) {
  const float e = vector_expm1(2 * detail::clamped(std::abs(x), 0, 10));
  return std::copysign(e / (e + 2), x);
}

inline float vector_erf(float x) {
  const float size = detail::clamped(std::abs(x), 0, 4);
  const float square = size * size;
  // erf(x) / x - 1 in x^2, for |x| <= 1
  constexpr float kNear[] = {0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2d18p-4f, -0x1.b7fb38p-6f,
                             0x1.541636p-8f, -0x1.a46b4p-11f, 0x1.4a9dacp-14f};
  // -log(1 - erf(x)) for x of 1 to 4; beyond, erf(x) is 1
  constexpr float kFar[] = {-0x1.3df11cp-12f, 0x1.21529ap+0f,  0x1.438d42p-1f,
                            0x1.c2788cp-4f,   -0x1.aff5a4p-6f, 0x1.36a7bcp-8f,
                            -0x1.36c82ep-11f, 0x1.7e711ep-15f, -0x1.b14578p-20f};
  const float near = size + size * detail::polynomial(kNear, square);
  const float far = 1 - vector_exp(-detail::polynomial(kFar, size));
  return std::copysign(size <= 1 ? near : far, x);
}

inline double vector_exp(double x) { return std::exp(x); }
inline double vector_expm1(double x) { return std::expm1(x); }
inline double vector_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double vector_tanh(double x) { return std::tanh(x); }
inline double vector_erf(double x) { return std::erf(x); }

}  // namespace tessera::ops
