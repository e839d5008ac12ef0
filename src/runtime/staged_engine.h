// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ir/kernel_context.h"
#include "runtime/convolution_stage.h"
#include "runtime/stages.h"
#include "xnnpack/delegate.h"
#include "xnnpack/engine.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/payload_part.h"
#include "xnnpack/workspace.h"

namespace tessera::runtime {

/// Runs a payload in stages: convolutions where XNNPACK is slow on Tessera's own kernel, what is
/// between them on XNNPACK. See plan_stages.
class StagedEngine final : public xnnpack::Engine, xnnpack::WorkspaceUser {
 public:
  /// Whether the payload should run in stages on this processor.
  static bool is_for(const xnnpack::Payload& payload);

  /// With the stages for `fast`. `payload`, `context` and `pool` outlive the engine. Weights are
  /// packed, or found, here.
  static Result<std::unique_ptr<StagedEngine>> create(const xnnpack::Payload& payload,
                                                      const xnnpack::FindNamedData& find_named_data,
                                                      ir::KernelContext& context, ThreadPool* pool,
                                                      const xnnpack::DelegateOptions& options,
                                                      const FastKernels& fast = {});
  ~StagedEngine() override;

  Result<std::span<const Shape>> reshape(std::span<const Shape> inputs) override;
  Result<void> run(std::span<const Tensor* const> inputs,
                   std::span<Tensor* const> outputs) override;
  /// Without the workspace's, which is the delegate's too.
  xnnpack::DelegateMemory memory() const;
  bool keeps_profile() const override { return keeps_profile_; }
  Result<std::vector<xnnpack::OperatorTime>> operator_times() const override { return times_; }

 private:
  /// Values are indices into `tensors_`.
  struct Part {
    std::unique_ptr<xnnpack::Delegate> delegate;
    std::vector<std::size_t> inputs, outputs;
    std::vector<const Tensor*> input_tensors;
    std::vector<Tensor*> output_tensors;
  };
  /// One of the two.
  struct Step {
    std::unique_ptr<ConvolutionStage> convolution;
    std::optional<Part> part;
    std::vector<std::size_t> reads() const;
    std::vector<std::size_t> writes() const;
  };

  StagedEngine(const xnnpack::Payload& payload, ir::KernelContext& context,
               const xnnpack::DelegateOptions& options);
  std::size_t value_bytes() const override { return num_value_bytes_; }
  void set_up_again() override { has_memory_ = false; }
  void drop_runtime() override { has_memory_ = false; }
  Result<void> add_part(const std::vector<std::size_t>& nodes,
                        const xnnpack::FindNamedData& find_named_data, ThreadPool* pool,
                        const xnnpack::DelegateOptions& options);
  Result<void> reshape(Part& part);
  void plan_values();
  Result<void> place_values();
  Result<void> run(Part& part);
  void run(ConvolutionStage& convolution);

  const xnnpack::Payload& payload_;
  ir::KernelContext& context_;
  bool keeps_profile_ = false;
  xnnpack::ShapeInference shapes_;
  std::vector<Step> steps_;
  std::vector<Tensor> tensors_;  ///< by value; only those that cross borders of stages are set
  std::shared_ptr<xnnpack::Workspace> workspace_;
  /// Where in it the values between stages lie.
  std::vector<std::pair<std::size_t, std::size_t>> offsets_;  ///< value, offset
  std::size_t num_value_bytes_ = 0;
  bool has_memory_ = false;  ///< the values' tensors point to it
  std::vector<Shape> input_shapes_, output_shapes_;
  std::vector<xnnpack::OperatorTime> times_;
};

}  // namespace tessera::runtime
