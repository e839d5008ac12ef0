// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>

#include "formats/pte.h"
#include "ir/dim_polynomial.h"
#include "ir/graph.h"

namespace tessera::compiler {

/// Makes a program compute the integers that follow from its inputs' sizes, with the calls that
/// ExecuTorch has for that: aten::sym_size.int and executorch_prim's arithmetic.
class SizeEmitter {
 public:
  /// The emitter's own functions: a value's index in the file, a new value, an operator's index.
  struct Access {
    std::function<Result<std::int32_t>(ir::ValueId)> index_of;
    std::function<std::int32_t(pte::Value)> add_value;
    std::function<std::int32_t(std::string_view)> operator_index;
    std::function<void(pte::KernelCall)> add_call;
  };
  SizeEmitter(const ir::Graph& graph, Access access) : graph_(graph), access_(std::move(access)) {}

  /// The index of an integer value with the number; the calls that compute it come before whatever
  /// is emitted next. Fails for a symbol that no input's size gives.
  Result<std::int32_t> index_of(const ir::Dim& dim);

  // What ir::fold calls.
  Result<std::int32_t> constant(std::int64_t value);
  Result<std::int32_t> symbol(const std::string& name);
  Result<std::int32_t> add(std::int32_t a, std::int32_t b);
  Result<std::int32_t> multiply(std::int32_t a, std::int32_t b);
  Result<std::int32_t> combine(ir::AtomKind kind, std::int32_t a, std::int32_t b);

 private:
  std::int32_t call(std::string_view name, std::int32_t a, std::int32_t b);

  const ir::Graph& graph_;
  const Access access_;
  std::map<std::string, std::int32_t> known_;  ///< by the expression's text
};

}  // namespace tessera::compiler
