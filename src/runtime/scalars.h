// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "formats/pte.h"

namespace tessera::runtime {

/// An Int, Double or Bool of a method; nothing for other kinds of values.
using Scalar = std::variant<std::monostate, std::int64_t, double, bool>;

Scalar scalar_of(const pte::Value& value);

/// The numbers of a loaded method by value index: the file's, until an instruction writes others.
class ScalarTable {
 public:
  ScalarTable() = default;
  explicit ScalarTable(const pte::ExecutionPlan& plan);

  const Scalar& at(std::int32_t value) const { return scalars_[static_cast<std::size_t>(value)]; }
  void set(std::int32_t value, Scalar scalar) {
    scalars_[static_cast<std::size_t>(value)] = scalar;
  }
  /// Whether an instruction writes the value.
  bool is_written(std::int32_t value) const { return is_written_[static_cast<std::size_t>(value)]; }
  /// The same for a list of Int: whether one of its items is written.
  bool is_list_written(const pte::IntList& list) const;

 private:
  std::vector<Scalar> scalars_;
  std::vector<bool> is_written_;
};

}  // namespace tessera::runtime
