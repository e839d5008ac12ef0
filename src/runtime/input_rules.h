// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/pte.h"
#include "ir/text.h"
#include "tessera/program.h"

namespace tessera::runtime {

/// What one size of an input may be.
struct DimRule {
  std::int64_t min = 0, max = 0;
  ir::Dim size;  ///< constant if the size is fixed or the file knows no symbol
  /// size == factor * symbol + offset, if it has this form; else empty.
  std::string symbol;
  std::int64_t factor = 1, offset = 0;
};

/// What the inputs of a method may be: from the signature that Tessera's own files keep, else from
/// the bounds that every file has.
class InputRules {
 public:
  /// Errors: kNotSupported for an input that is no tensor, kInvalidProgram for a signature that
  /// does not fit the method.
  static Result<InputRules> make(const pte::ExecutionPlan& plan,
                                 const std::optional<ir::Signature>& signature);

  const std::vector<TensorInfo>& infos() const { return infos_; }
  /// One input for itself.
  Result<void> check(std::size_t index, const Tensor& tensor) const;
  /// All inputs together: a symbol has one value, and derived sizes follow from it.
  Result<void> check_together(std::span<const Shape> shapes) const;

 private:
  Result<void> check_size(std::size_t input, std::size_t dim, std::int64_t size) const;

  std::vector<TensorInfo> infos_;
  std::vector<std::vector<DimRule>> dims_;  ///< by input
};

/// What the outputs of a method are; like InputRules::make.
Result<std::vector<TensorInfo>> output_infos(const pte::ExecutionPlan& plan,
                                             const std::optional<ir::Signature>& signature);

}  // namespace tessera::runtime
