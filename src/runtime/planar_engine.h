// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "ir/kernel_context.h"
#include "ir/operator.h"
#include "xnnpack/delegate.h"
#include "xnnpack/engine.h"
#include "xnnpack/infer_shapes.h"

namespace tessera::runtime {

/// Runs a payload of convolutions with few channels on Tessera's own kernels, plane by plane
/// (NCHW): XNNPACK's convolutions compute 16 or more channels at once and are several times slower
/// with fewer. Whether it does depends on the payload alone, so that tiles and whole images agree.
class PlanarEngine final : public xnnpack::Engine {
 public:
  /// Null if the payload has other nodes or more channels. `payload` and `context` outlive the
  /// engine.
  static Result<std::unique_ptr<PlanarEngine>> create(const xnnpack::Payload& payload,
                                                      const xnnpack::FindNamedData& find_named_data,
                                                      ir::KernelContext& context, bool profile);

  Result<std::span<const Shape>> reshape(std::span<const Shape> inputs) override;
  Result<void> run(std::span<const Tensor* const> inputs,
                   std::span<Tensor* const> outputs) override;
  /// Of weights and intermediate values.
  std::size_t num_bytes() const;
  bool keeps_profile() const override { return profile_; }
  Result<std::vector<xnnpack::OperatorTime>> operator_times() const override { return times_; }

 private:
  /// A convolution and the clamp behind it. Values are indices into `tensors_`.
  struct Step {
    const xnnpack::NodeRecord* node = nullptr;
    std::size_t input = 0, output = 0;
    float low = 0, high = 0;
    Tensor weight, bias;
    std::vector<ir::KernelArguments::Argument> arguments;
  };

  PlanarEngine(const xnnpack::Payload& payload, ir::KernelContext& context, bool profile);
  Result<bool> add(const xnnpack::NodeRecord& node, const xnnpack::FindNamedData& find_named_data);
  bool skip_transpose(const xnnpack::NodeRecord& node);
  bool fuse_clamp(const xnnpack::NodeRecord& node);
  /// The step that makes what `node` reads, if nobody else does and it is inside: from now on it
  /// makes what the node makes. Null if there is none.
  Step* take_over(const xnnpack::NodeRecord& node);
  Result<Tensor> constant(std::uint32_t id, const xnnpack::FindNamedData& find_named_data) const;
  std::size_t index_of(std::uint32_t id) const;
  Result<void> run(Step& step);

  const xnnpack::Payload& payload_;
  ir::KernelContext& context_;
  const ir::Operator* convolution_ = nullptr;
  bool profile_ = false;
  xnnpack::ShapeInference shapes_;
  std::vector<std::size_t> same_as_;  ///< by value: the value whose planes it is a transpose of
  std::vector<bool> is_planar_;       ///< by value: an external value that is planes
  std::vector<Step> steps_;
  std::vector<Tensor> tensors_;  ///< by value, planes
  std::vector<Shape> input_shapes_, output_shapes_;
  std::vector<xnnpack::OperatorTime> times_;
};

}  // namespace tessera::runtime
