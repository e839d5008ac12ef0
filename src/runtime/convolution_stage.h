// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "ir/kernel_context.h"
#include "ops/channels_last_convolution.h"
#include "runtime/stages.h"
#include "xnnpack/delegate.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/packed_weights.h"

namespace tessera::runtime {

/// A DirectConvolution with its weights, on a kernel of `ops`.
class ConvolutionStage {
 public:
  virtual ~ConvolutionStage() = default;

  const DirectConvolution& plan() const { return plan_; }
  const xnnpack::PackedBlock& weights() const { return *weights_; }
  /// In the way of XNNPACK's names.
  virtual std::string_view name() const = 0;
  /// For the sizes of the last run of `shapes`.
  virtual void reshape(const xnnpack::ShapeInference& shapes) = 0;
  /// With the payload's values in `tensors`, of the sizes of the last reshape.
  virtual void run(ir::KernelContext& context, std::span<Tensor> tensors) = 0;

 protected:
  ConvolutionStage(DirectConvolution plan, std::shared_ptr<const xnnpack::PackedBlock> weights)
      : plan_(std::move(plan)), weights_(std::move(weights)) {}

 private:
  DirectConvolution plan_;
  std::shared_ptr<const xnnpack::PackedBlock> weights_;
};

/// Of the stage's convolution for the sizes of the last run of `shapes`.
ops::ChannelsLastGeometry stage_geometry(const DirectConvolution& plan,
                                         const xnnpack::ConvolutionParams& params,
                                         const xnnpack::ShapeInference& shapes);

/// `payload` outlives the stage. Weights are packed, or found, here.
Result<std::unique_ptr<ConvolutionStage>> make_convolution_stage(
    const xnnpack::Payload& payload, const DirectConvolution& plan,
    const xnnpack::FindNamedData& find_named_data, const xnnpack::DelegateOptions& options);

}  // namespace tessera::runtime
