// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "tessera/tensor.h"
#include "xnnpack/engine.h"
#include "xnnpack/node_records.h"
#include "xnnpack/packed_file.h"
#include "xnnpack/workspace.h"

namespace tessera::xnnpack {

/// The delegate's id in .pte files.
inline constexpr std::string_view kBackendId = "XnnpackBackend";

/// Finds bytes in the program's named data. They outlive the delegate.
using FindNamedData = std::function<Result<std::span<const std::byte>>(std::string_view key)>;

/// The bytes of constant `index` of a payload, as many as its record says; none for the reserved
/// entry 0. Fails if the named data has fewer. Unaligned, maybe.
Result<std::span<const std::byte>> constant_bytes(const Payload& payload, std::size_t index,
                                                  const FindNamedData& find_named_data);

/// Called when constants have been packed or copied: nothing will read them for now.
using GiveBack = std::function<void(std::vector<std::span<const std::byte>> constants)>;

/// Memory of a delegate in bytes, as counted where XNNPACK allocates it.
struct DelegateMemory {
  /// Intermediate values and index tables: of the whole workspace, whoever shares it.
  std::size_t workspace_bytes = 0;
  /// Weights in the order of XNNPACK's kernels. Delegates share them, so sums count them twice; see
  /// PackedWeights::usage.
  std::size_t packed_weight_bytes = 0;
  std::size_t mapped_weight_bytes = 0;  ///< of them in DelegateOptions::packed_file
  std::size_t record_bytes = 0;         ///< XNNPACK's own records of values and operators
};

struct DelegateOptions {
  /// XNNPACK reads a clock after every operator, for Delegate::operator_times.
  bool profile = false;
  GiveBack give_back;                       ///< may be empty
  std::shared_ptr<PackedFile> packed_file;  ///< may be null
  /// Null: one of its own. Delegates that share one take turns in all calls, with their creation
  /// and their end.
  std::shared_ptr<Workspace> workspace;
  /// If it says no for the payload, the runtime is made when it is first asked for. Null: yes.
  bool (*makes_runtime)(const Payload& payload) = nullptr;
};

/// One delegate of a loaded method, run by an xnn_runtime. One thread at a time.
class Delegate final : public Engine {
 public:
  /// Builds the XNNPACK runtime; weights that no other delegate of the process has packed are
  /// packed. `pool` may be null and must outlive the delegate. What this XNNPACK cannot do is
  /// refused here with the node's name. Any number of threads may create delegates at once.
  static Result<std::unique_ptr<Delegate>> create(std::span<const std::byte> blob,
                                                  const FindNamedData& find_named_data,
                                                  ThreadPool* pool,
                                                  const DelegateOptions& options = {});
  /// The same for a payload that was read and checked before.
  static Result<std::unique_ptr<Delegate>> create(Payload payload,
                                                  const FindNamedData& find_named_data,
                                                  ThreadPool* pool, const DelegateOptions& options);
  ~Delegate() override;

  /// Makes the runtime if DelegateOptions::makes_runtime left it out and it has not been needed.
  Result<void> make_runtime();

  std::size_t num_inputs() const;
  std::size_t num_outputs() const;
  const Payload& payload() const;

  /// Lets an external value be channels last in memory, or as the program has it: from then on its
  /// sizes are in memory order. The runtime is made anew. False, with nothing changed, if the nodes
  /// around the value do not allow it.
  Result<bool> set_channels_last(std::uint32_t external_id, bool is_channels_last);

  /// Tells XNNPACK the inputs' sizes (in the order of the arguments) and returns the outputs'.
  /// Costs nothing if they are those of the last call.
  Result<std::span<const Shape>> reshape(std::span<const Shape> inputs) override;
  /// Runs with these tensors; their shapes are those of the last reshape. All memory has
  /// kTensorPaddingBytes behind its end. Setup is repeated only if an address changed.
  Result<void> run(std::span<const Tensor* const> inputs,
                   std::span<Tensor* const> outputs) override;

  DelegateMemory memory() const;
  bool keeps_profile() const override;
  /// With XNNPACK's own names, which have the kind of kernel ("Convolution (NHWC, F32) IGEMM"), in
  /// whole microseconds: XNNPACK rounds down.
  Result<std::vector<OperatorTime>> operator_times() const override;

 private:
  struct Impl;
  explicit Delegate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera::xnnpack
