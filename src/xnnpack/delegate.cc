// SPDX-License-Identifier: MIT
#include "xnnpack/delegate.h"

#include <xnnpack.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/try.h"
#include "xnnpack/allocator.h"
#include "xnnpack/define_nodes.h"
#include "xnnpack/indirection.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/payload.h"
#include "xnnpack/profile.h"
#include "xnnpack/weights_cache.h"

namespace tessera::xnnpack {
namespace {

/// Above this, tables are made at every run in shared workspace instead of kept: the five
/// convolutions of models/denoise reach it at about 600x600 pixels, well above the tiles that run
/// again and again.
constexpr std::size_t kMaxKeptIndirectionBytes = std::size_t{128} << 20;

struct RuntimeDeleter {
  void operator()(xnn_runtime* runtime) const { xnn_delete_runtime(runtime); }
};
struct WorkspaceDeleter {
  void operator()(xnn_workspace* workspace) const { xnn_release_workspace(workspace); }
};

Result<void> check_status(xnn_status status, std::string_view what) {
  if (status == xnn_status_success) return {};
  const auto code = status == xnn_status_out_of_memory ? ErrorCode::kDelegateMemoryAllocationFailed
                                                       : ErrorCode::kInternal;
  return fail(code, "XNNPACK delegate: {}: {}", what, name_of(status));
}

Result<void> initialize_once() {
  static const xnn_status status = xnn_initialize(&counting_allocator());
  return check_status(status, "xnn_initialize");
}

/// Bytes of each constant of the payload, at least as many as its record says.
Result<std::vector<std::span<const std::byte>>> find_constants(
    const Payload& payload, const FindNamedData& find_named_data) {
  std::vector<std::span<const std::byte>> constants;
  for (std::size_t i = 0; i < payload.constants.size(); ++i) {
    const auto& record = payload.constants[i];
    if (!record.key.has_value()) {
      constants.push_back(payload.inline_constants.subspan(record.offset, record.size));
      continue;
    }
    if (i == 0) {  // reserved, with an empty key
      constants.emplace_back();
      continue;
    }
    const auto bytes = TRY(find_named_data(*record.key));
    if (bytes.size() < record.size) {
      return fail(ErrorCode::kInvalidExternalData,
                  "XNNPACK delegate: named data '{}' has {} bytes, expected {}", *record.key,
                  bytes.size(), record.size);
    }
    constants.push_back(bytes.first(record.size));
  }
  return constants;
}

}  // namespace

struct Delegate::Impl {
  Payload payload;
  FindNamedData find_named_data;
  ThreadPool* pool = nullptr;
  std::uint32_t runtime_flags = 0;  ///< for every runtime that is made
  std::unique_ptr<ShapeInference> inference;
  ConstantHashes hashes{PackedWeights::of_process().hash_seed()};
  std::vector<Tensor> constants;  ///< that XNNPACK reads while it runs
  std::unique_ptr<WeightsCache> weights;
  std::unique_ptr<xnn_workspace, WorkspaceDeleter> workspace;
  std::unique_ptr<xnn_runtime, RuntimeDeleter> runtime;  // goes before all that it points to

  std::vector<Shape> input_shapes, output_shapes;  ///< of the last reshape; empty: none succeeded
  std::vector<xnn_external_value> arguments;       ///< of the last setup
  bool is_set_up = false;
  bool makes_tables_anew = false;  ///< XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER
  std::ptrdiff_t record_bytes = 0, workspace_bytes = 0;

  Result<void> create_runtime();
  Result<void> reshape(std::span<const Shape> inputs);
  Result<Shape> runtime_shape(std::uint32_t external_id) const;
};

Result<void> Delegate::Impl::create_runtime() {
  runtime.reset();
  record_bytes = workspace_bytes = 0;
  const MemoryCount count(record_bytes);
  const auto constant_bytes = TRY(find_constants(payload, find_named_data));
  auto defined = TRY(define_subgraph(payload, constant_bytes));
  auto new_weights = std::make_unique<WeightsCache>(
      PackingSources(payload, constant_bytes, defined.addresses, hashes), hashes.seed());
  xnn_workspace_t new_workspace = nullptr;
  TRY(check_status(xnn_create_workspace(&new_workspace), "create workspace"));
  workspace.reset(new_workspace);
  xnn_runtime_t new_runtime = nullptr;
  const auto status = xnn_create_runtime_v4(
      defined.subgraph.get(), new_weights->provider(), workspace.get(),
      pool == nullptr ? nullptr : pool->native(),
      runtime_flags | (makes_tables_anew ? XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER : 0),
      &new_runtime);
  if (status != xnn_status_success && status != xnn_status_out_of_memory) {
    return fail(ErrorCode::kNotSupported, "XNNPACK delegate: XNNPACK refuses the graph: {}",
                name_of(status));
  }
  TRY(check_status(status, "create runtime"));
  runtime.reset(new_runtime);
  constants = std::move(defined.constants);
  weights = std::move(new_weights);  // the old one until here, so that its blocks were found
  return {};
}

Result<Shape> Delegate::Impl::runtime_shape(std::uint32_t external_id) const {
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> dims{};
  std::size_t num_dims = 0;
  TRY(check_status(xnn_get_external_value_shape(runtime.get(), external_id, &num_dims, dims.data()),
                   "output shape"));
  Shape shape;
  for (std::size_t i = 0; i < num_dims; ++i) shape.push_back(static_cast<std::int64_t>(dims[i]));
  return shape;
}

Result<void> Delegate::Impl::reshape(std::span<const Shape> inputs) {
  input_shapes.clear();
  is_set_up = false;
  TRY(inference->run(inputs));
  const bool is_large = indirection_bytes(payload, *inference) > kMaxKeptIndirectionBytes;
  if (is_large != makes_tables_anew || runtime == nullptr) {  // null: making it failed last time
    makes_tables_anew = is_large;
    TRY(create_runtime());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::array<std::size_t, XNN_MAX_TENSOR_DIMS> dims{};
    std::ranges::transform(inputs[i], dims.begin(),
                           [](std::int64_t size) { return static_cast<std::size_t>(size); });
    TRY(check_status(xnn_reshape_external_value(runtime.get(), static_cast<std::uint32_t>(i),
                                                inputs[i].rank(), dims.data()),
                     "reshape input"));
  }
  const MemoryCount count(workspace_bytes);
  TRY(check_status(xnn_reshape_runtime(runtime.get()), "reshape"));
  output_shapes.clear();
  for (const std::size_t index : inference->outputs()) {
    const auto& value = payload.values[index];
    const Shape found = TRY(runtime_shape(value.external_id));
    if (found != inference->shape(index)) {
      return fail(ErrorCode::kInternal, "XNNPACK delegate: output {} is {}, expected {}", value.id,
                  found.to_string(), inference->shape(index).to_string());
    }
    output_shapes.push_back(found);
  }
  input_shapes.assign(inputs.begin(), inputs.end());
  return {};
}

Delegate::Delegate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Delegate::~Delegate() = default;

Result<std::unique_ptr<Delegate>> Delegate::create(std::span<const std::byte> blob,
                                                   const FindNamedData& find_named_data,
                                                   ThreadPool* pool,
                                                   const DelegateOptions& options) {
  TRY(initialize_once());
  auto impl = std::make_unique<Impl>();
  impl->payload = TRY(read_payload(blob));
  impl->inference = std::make_unique<ShapeInference>(impl->payload);
  impl->find_named_data = find_named_data;
  impl->pool = pool;
  if (options.profile) impl->runtime_flags |= XNN_FLAG_BASIC_PROFILING;
  TRY(impl->create_runtime());
  return std::unique_ptr<Delegate>(new Delegate(std::move(impl)));
}

std::size_t Delegate::num_inputs() const { return impl_->inference->inputs().size(); }
std::size_t Delegate::num_outputs() const { return impl_->inference->outputs().size(); }
const Payload& Delegate::payload() const { return impl_->payload; }

Result<std::span<const Shape>> Delegate::reshape(std::span<const Shape> inputs) {
  const bool is_first = impl_->output_shapes.empty();
  if (is_first || !std::ranges::equal(inputs, impl_->input_shapes)) TRY(impl_->reshape(inputs));
  return impl_->output_shapes;
}

Result<void> Delegate::run(std::span<const Tensor* const> inputs,
                           std::span<Tensor* const> outputs) {
  CHECK(inputs.size() == impl_->input_shapes.size() && outputs.size() == num_outputs(),
        "{} inputs and {} outputs after a reshape of {}", inputs.size(), outputs.size(),
        impl_->input_shapes.size());
  auto& arguments = impl_->arguments;
  arguments.resize(inputs.size() + outputs.size());
  const auto set_argument = [&](std::size_t external_id, void* data) {
    auto& argument = arguments[external_id];
    if (argument.data != data) impl_->is_set_up = false;
    argument = {.id = static_cast<std::uint32_t>(external_id), .data = data};
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    set_argument(i, const_cast<std::byte*>(inputs[i]->bytes()));  // XNNPACK only reads it
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    set_argument(inputs.size() + i, outputs[i]->bytes());
  }
  if (!impl_->is_set_up) {
    TRY(check_status(xnn_setup_runtime_v2(impl_->runtime.get(), arguments.size(), arguments.data()),
                     "setup"));
    impl_->is_set_up = true;
  }
  return check_status(xnn_invoke_runtime(impl_->runtime.get()), "run");
}

Result<std::vector<OperatorTime>> Delegate::operator_times() const {
  return operator_times_of(impl_->runtime.get());
}

DelegateMemory Delegate::memory() const {
  const auto to_size = [](std::ptrdiff_t bytes) {
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, bytes));
  };
  return {.workspace_bytes = to_size(impl_->workspace_bytes),
          .packed_weight_bytes = impl_->weights->num_bytes(),
          .record_bytes = to_size(impl_->record_bytes)};
}

}  // namespace tessera::xnnpack
