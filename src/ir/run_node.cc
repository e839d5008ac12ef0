// SPDX-License-Identifier: MIT
#include "ir/run_node.h"

#include "base/try.h"

namespace tessera::ir {
namespace {

using KernelArgument = BasicArgument<Tensor>;

/// The value of an expression over symbols; other arguments as they are.
Result<Argument> with_numbers(const Argument& argument, const SymbolValues& symbols) {
  if (const auto* dim = std::get_if<Dim>(&argument)) return Dim(TRY(dim->evaluate(symbols)));
  if (const auto* dims = std::get_if<Dims>(&argument)) {
    Dims numbers;
    for (const Dim& dim : *dims) numbers.push_back(Dim(TRY(dim.evaluate(symbols))));
    return numbers;
  }
  return argument;
}

/// Pointers for ids, whatever stands for a tensor.
template <class T, class Find>
BasicArgument<T> resolved(const Argument& argument, const Find& find) {
  return std::visit(
      [&](const auto& value) -> BasicArgument<T> {
        using A = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<A, ValueId>) {
          return find(value);
        } else if constexpr (std::is_same_v<A, std::vector<ValueId>>) {
          std::vector<T*> tensors;
          for (const ValueId id : value) tensors.push_back(id == kNoTensor ? nullptr : find(id));
          return tensors;
        } else {
          return value;
        }
      },
      argument);
}

}  // namespace

Result<std::vector<Tensor>> run_node(const Node& node,
                                     const std::function<Tensor*(ValueId)>& tensor_of,
                                     const SymbolValues& symbols, KernelContext& context) {
  std::map<ValueId, TensorType> types;
  for (const ValueId id : tensor_operands(node)) types[id] = type_of(*tensor_of(id));
  std::vector<BasicArgument<const TensorType>> type_arguments;
  std::vector<KernelArgument> arguments;
  for (const Argument& given : node.arguments) {
    const Argument argument = TRY(with_numbers(given, symbols));
    type_arguments.push_back(
        resolved<const TensorType>(argument, [&](ValueId id) { return &types.at(id); }));
    arguments.push_back(resolved<Tensor>(argument, tensor_of));
  }
  std::vector<Tensor> outputs;
  for (const TensorType& type : TRY(node.op->infer(TypeArguments(type_arguments)))) {
    outputs.push_back(TRY(Tensor::empty(type.dtype, TRY(constant_shape(type)))));
  }
  TRY(node.op->kernel(context, KernelArguments(arguments), outputs));
  return outputs;
}

}  // namespace tessera::ir
