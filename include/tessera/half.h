// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace tessera {

/// IEEE 754 binary16 (torch.float16). Storage only: arithmetic happens in float, every result is
/// rounded to nearest even.
class Half {
 public:
  Half() = default;
  template <class T>
    requires std::is_arithmetic_v<T>
  explicit Half(T value)
      : bits_(std::bit_cast<std::uint16_t>(static_cast<_Float16>(static_cast<float>(value)))) {}
  operator float() const { return static_cast<float>(std::bit_cast<_Float16>(bits_)); }
  std::uint16_t bits() const { return bits_; }

 private:
  std::uint16_t bits_;
};

/// The upper half of a float (torch.bfloat16). Storage only, like Half.
class BFloat16 {
 public:
  BFloat16() = default;
  template <class T>
    requires std::is_arithmetic_v<T>
  explicit BFloat16(T value) : bits_(round(static_cast<float>(value))) {}
  operator float() const { return std::bit_cast<float>(std::uint32_t{bits_} << 16); }
  std::uint16_t bits() const { return bits_; }

 private:
  static std::uint16_t round(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (value != value) return static_cast<std::uint16_t>((bits >> 16) | 0x40);  // a quiet NaN
    return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  }
  std::uint16_t bits_;
};

static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2);
static_assert(std::is_trivially_copyable_v<Half> && std::is_trivially_copyable_v<BFloat16>);

}  // namespace tessera
