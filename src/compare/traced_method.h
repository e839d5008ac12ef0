// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "compare/layer_value.h"
#include "compare/layers.h"
#include "compare/operations.h"

namespace tessera::compare {

/// A method that shows what its layers compute. What kernels write is read where it is; a delegate
/// that has layers inside runs once more as one that gives them to its caller, too.
class TracedMethod {
 public:
  /// Who looks on.
  struct Visitor {
    /// Whether a value of so many elements is wanted. Asked once for each layer that runs, in the
    /// order in which they do.
    std::function<bool(std::size_t layer, std::size_t num_elements)> wants;
    std::function<Result<void>(std::size_t layer, LayerValue value)> take;
  };

  /// The program must outlive it.
  static Result<std::unique_ptr<TracedMethod>> load(const Program& program, std::string_view name,
                                                    std::size_t num_threads);

  Method& method() { return *method_; }
  std::span<const Layer> layers() const { return layers_; }
  /// Executes the method. A step that runs several times is shown once.
  Result<void> execute(const Visitor& visitor);

 private:
  /// A delegate with further outputs.
  struct TracedDelegate {
    std::vector<std::size_t> values;  ///< those of the payload
    std::unique_ptr<xnnpack::Delegate> delegate;
  };

  TracedMethod() = default;
  Result<void> observe(const runtime::Step& step);
  Result<void> show_kernel(const runtime::Step& step, std::size_t layer);
  Result<void> show_delegate(const runtime::Step& step, const runtime::DelegateInstruction& call,
                             std::span<const std::size_t> layers);
  /// The delegate that gives these values.
  Result<xnnpack::Delegate*> delegate_for(const runtime::Step& step,
                                          const runtime::DelegateInstruction& call,
                                          std::vector<std::size_t> values);
  const TracedValue& value_of(std::size_t layer) const {
    return list_.values[layers_[layer].value];
  }

  Method::Impl* impl_ = nullptr;  ///< of the method
  std::unique_ptr<Method> method_;
  OperationList list_;
  std::vector<Layer> layers_;
  std::map<const runtime::Step*, std::vector<std::size_t>> layers_by_step_;
  std::map<const runtime::Step*, TracedDelegate> delegates_;  ///< the last one of each step
  const Visitor* visitor_ = nullptr;                          ///< of the execute that runs
  std::vector<const runtime::Step*> shown_;                   ///< in it
};

}  // namespace tessera::compare
