// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "runtime/method_impl.h"
#include "xnnpack/node_records.h"

namespace tessera::compare {

/// A tensor that a step of a method, or a node inside a delegate call, computes.
struct TracedValue {
  const runtime::Step* step = nullptr;           ///< null: an input of the method or a constant
  const runtime::TensorSlot* slot = nullptr;     ///< that the step writes; null inside delegates
  std::optional<std::size_t> payload_value;      ///< index into the delegate's values
  Shape bound;                                   ///< upper bounds, in the order that its maker sees
  std::optional<xnnpack::PerTensorQuant> quant;  ///< what its integers stand for
  bool is_channels_last = false;     ///< `bound` is N, H, W, C where kernels see N, C, H, W
  bool is_output = false;            ///< of the method
  bool is_measurable = false;        ///< its elements are real numbers, or stand for them
  std::vector<std::size_t> readers;  ///< operations
};

struct Operation {
  std::string name;  ///< "instruction 3 (aten::add.out)", "delegate 0, node 4 (Conv2d)"
  std::string kind;  ///< see operation_kinds.h
  std::vector<std::size_t> reads;    ///< values
  std::size_t result = 0;            ///< value; the first, if there are several
  std::vector<std::int64_t> weight;  ///< sizes_key of its weights; empty: none
};

/// A method as one list of operations, those inside delegates too, in the order in which they run.
/// Each value is written once: memory that is written again holds another value.
struct OperationList {
  std::vector<Operation> operations;
  std::vector<TracedValue> values;
};

/// The method must outlive the list.
OperationList list_operations(const Method::Impl& method);

/// Sizes in descending order without ones, so that they are the same in all layouts.
std::vector<std::int64_t> sizes_key(const Shape& shape);

}  // namespace tessera::compare
