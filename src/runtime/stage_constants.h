// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/try.h"
#include "xnnpack/delegate.h"
#include "xnnpack/packed_weights.h"

namespace tessera::runtime {

/// Elements of a constant: where they lie or, if they are not aligned there, copied.
template <class T>
class ConstantElements {
 public:
  ConstantElements() = default;
  /// Of `bytes`, which has at least `count`.
  ConstantElements(std::span<const std::byte> bytes, std::size_t count) : source_(bytes) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0) {
      elements_ = {reinterpret_cast<const T*>(bytes.data()), count};
      return;
    }
    copy_.resize(count);
    std::memcpy(copy_.data(), bytes.data(), count * sizeof(T));
    elements_ = copy_;
  }
  explicit ConstantElements(std::vector<T> elements)
      : copy_(std::move(elements)), elements_(copy_) {}
  ConstantElements(ConstantElements&&) = default;
  ConstantElements& operator=(ConstantElements&&) = default;

  std::span<const T> elements() const { return elements_; }
  const T* data_or_null() const { return elements_.empty() ? nullptr : elements_.data(); }
  /// Where they are from; empty if they are the payload's own.
  std::span<const std::byte> source() const { return source_; }

 private:
  std::vector<T> copy_;
  std::span<const T> elements_;
  std::span<const std::byte> source_;
};

/// Finds constants of a checked payload.
class StageConstants {
 public:
  StageConstants(const xnnpack::Payload& payload, const xnnpack::FindNamedData& find_named_data)
      : payload_(payload), find_named_data_(find_named_data) {}

  /// None for kNoValue.
  template <class T>
  Result<ConstantElements<T>> elements_of(std::uint32_t value_id) const {
    if (value_id == xnnpack::kNoValue) return ConstantElements<T>();
    const xnnpack::ValueRecord& value = value_of(value_id);
    std::size_t count = 1;
    for (const std::uint32_t size : value.dims) count *= size;
    return ConstantElements<T>(
        TRY(xnnpack::constant_bytes(payload_, value.constant_index, find_named_data_)), count);
  }
  /// Of a value quantized as a whole or by channel.
  Result<ConstantElements<float>> scales_of(const xnnpack::ValueRecord& value) const;
  const xnnpack::ValueRecord& value_of(std::uint32_t id) const;

 private:
  const xnnpack::Payload& payload_;
  const xnnpack::FindNamedData& find_named_data_;
};

/// What keys of packed weights are made with.
std::uint64_t hash_seed_of(const xnnpack::DelegateOptions& options);

}  // namespace tessera::runtime
