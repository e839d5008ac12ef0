// SPDX-License-Identifier: MIT
#include "xnnpack/delegate.h"

#include <xnnpack.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/try.h"
#include "xnnpack/allocator.h"
#include "xnnpack/channels_last.h"
#include "xnnpack/define_nodes.h"
#include "xnnpack/indirection.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload.h"
#include "xnnpack/platform.h"
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

Result<void> check_status(xnn_status status, std::string_view what) {
  if (status == xnn_status_success) return {};
  const auto code = status == xnn_status_out_of_memory ? ErrorCode::kDelegateMemoryAllocationFailed
                                                       : ErrorCode::kInternal;
  return fail(code, "XNNPACK delegate: {}: {}", what, name_of(status));
}

Result<std::vector<std::span<const std::byte>>> find_constants(
    const Payload& payload, const FindNamedData& find_named_data) {
  std::vector<std::span<const std::byte>> constants;
  for (std::size_t i = 0; i < payload.constants.size(); ++i) {
    constants.push_back(TRY(constant_bytes(payload, i, find_named_data)));
  }
  return constants;
}

std::uint64_t hash_seed_of(const DelegateOptions& options) {
  return options.packed_file != nullptr ? options.packed_file->hash_seed()
                                        : PackedWeights::of_process().hash_seed();
}

}  // namespace

Result<std::span<const std::byte>> constant_bytes(const Payload& payload, std::size_t index,
                                                  const FindNamedData& find_named_data) {
  const ConstantRecord& record = payload.constants[index];
  if (!record.key) return payload.inline_constants.subspan(record.offset, record.size);
  if (index == 0) return std::span<const std::byte>();  // reserved, with an empty key
  const auto bytes = TRY(find_named_data(*record.key));
  if (bytes.size() < record.size) {
    return fail(ErrorCode::kInvalidExternalData,
                "XNNPACK delegate: named data '{}' has {} bytes, expected {}", *record.key,
                bytes.size(), record.size);
  }
  return bytes.first(record.size);
}

struct Delegate::Impl final : WorkspaceUser {
  Payload payload;
  std::optional<Payload> original;        ///< as in the file, if `payload` differs
  std::set<std::uint32_t> channels_last;  ///< external values that differ
  FindNamedData find_named_data;
  ThreadPool* pool;
  DelegateOptions options;
  std::unique_ptr<ShapeInference> inference;
  ConstantHashes hashes;
  /// Indices into payload.values of argmax pooling's second outputs, whose sizes XNNPACK does not
  /// infer.
  std::vector<std::size_t> index_outputs;
  std::vector<Tensor> constants;  ///< that XNNPACK reads while it runs
  std::unique_ptr<WeightsCache> weights;
  std::shared_ptr<Workspace> workspace;
  /// Goes before all that it points to. Null after drop_runtime or if it could not be made.
  std::unique_ptr<xnn_runtime, RuntimeDeleter> runtime;

  std::vector<Shape> input_shapes, output_shapes;  ///< of the last reshape; empty: none succeeded
  std::size_t num_value_bytes = 0;                 ///< then
  std::vector<xnn_external_value> arguments;       ///< of the last setup
  bool is_set_up = false;
  bool has_moved = false;          ///< the workspace may have, since the last reshape
  bool makes_tables_anew = false;  ///< XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER
  std::ptrdiff_t record_bytes = 0;

  Impl(Payload checked, const FindNamedData& finder, ThreadPool* threads,
       const DelegateOptions& given)
      : payload(std::move(checked)),
        find_named_data(finder),
        pool(threads),
        options(given),
        inference(std::make_unique<ShapeInference>(payload)),
        hashes(hash_seed_of(given)),
        workspace(given.workspace != nullptr ? given.workspace : std::make_shared<Workspace>()) {
    workspace->add_user(*this);
    find_index_outputs();
  }
  ~Impl() {
    drop_runtime();
    workspace->remove_user(*this);
  }

  std::size_t value_bytes() const override { return num_value_bytes; }
  void set_up_again() override {
    is_set_up = false;
    has_moved = true;
  }
  void drop_runtime() override;

  void find_index_outputs();
  Result<void> create_runtime();
  Result<void> reshape(std::span<const Shape> inputs);
  xnn_status reshape_runtime(std::ptrdiff_t& num_bytes);
  Result<void> forget_last_setup();
  Result<void> reshape_external(std::uint32_t external_id, const Shape& shape);
  Result<Shape> runtime_shape(std::uint32_t external_id) const;
  std::size_t count_value_bytes(std::size_t table_bytes) const;
};

void Delegate::Impl::find_index_outputs() {
  index_outputs.clear();
  for (const NodeRecord& node : payload.nodes) {
    if (node.kind != NodeKind::kArgMaxPooling2d) continue;
    const auto value = std::ranges::find(payload.values, node.outputs[1], &ValueRecord::id);
    if (value->flags == 0) continue;  // refused unless nobody needs the node
    index_outputs.push_back(static_cast<std::size_t>(value - payload.values.begin()));
  }
}

void Delegate::Impl::drop_runtime() {
  is_set_up = false;
  if (runtime == nullptr) return;
  std::ptrdiff_t freed = 0;
  {
    const MemoryCount count(freed);
    runtime.reset();
  }
  workspace->count(freed + record_bytes);  // all but the records: its tables
  record_bytes = 0;
}

Result<void> Delegate::Impl::create_runtime() {
  drop_runtime();
  const xnn_workspace_t native_workspace = TRY(workspace->native());
  const MemoryCount count(record_bytes);
  auto constant_bytes = TRY(find_constants(payload, find_named_data));
  auto defined = TRY(define_subgraph(payload, constant_bytes));
  auto new_weights = std::make_unique<WeightsCache>(
      PackingSources(payload, constant_bytes, defined.addresses, hashes), hashes.seed(),
      options.packed_file);
  xnn_runtime_t new_runtime = nullptr;
  const auto status =
      xnn_create_runtime_v4(defined.subgraph.get(), new_weights->provider(), native_workspace,
                            pool == nullptr ? nullptr : pool->native(),
                            (options.profile ? XNN_FLAG_BASIC_PROFILING : 0) |
                                (makes_tables_anew ? XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER : 0),
                            &new_runtime);
  if (status != xnn_status_success && status != xnn_status_out_of_memory) {
    return fail(ErrorCode::kNotSupported, "XNNPACK delegate: XNNPACK refuses the graph: {}",
                name_of(status));
  }
  TRY(check_status(status, "create runtime"));
  runtime.reset(new_runtime);
  constants = std::move(defined.constants);
  weights = std::move(new_weights);  // the old one until here, so that its blocks were found
  if (options.give_back) options.give_back(std::move(constant_bytes));
  return {};
}

Result<void> Delegate::Impl::reshape_external(std::uint32_t external_id, const Shape& shape) {
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> dims{};
  std::ranges::transform(shape, dims.begin(),
                         [](std::int64_t size) { return static_cast<std::size_t>(size); });
  return check_status(
      xnn_reshape_external_value(runtime.get(), external_id, shape.rank(), dims.data()),
      "reshape external value");
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

std::size_t Delegate::Impl::count_value_bytes(std::size_t table_bytes) const {
  std::size_t bytes = makes_tables_anew ? table_bytes : 0;
  for (std::size_t i = 0; i < payload.values.size(); ++i) {
    const ValueRecord& value = payload.values[i];
    if (value.flags != 0 || value.constant_index != 0) continue;
    bytes += static_cast<std::size_t>(inference->shape(i).num_elements()) *
             num_bytes(value.datatype, {});
  }
  return bytes;
}

Result<void> Delegate::Impl::reshape(std::span<const Shape> inputs) {
  input_shapes.clear();
  is_set_up = false;
  TRY(inference->run(inputs));
  const std::size_t table_bytes = indirection_bytes(payload, *inference);
  const bool is_large = table_bytes > kMaxKeptIndirectionBytes;
  if (is_large != makes_tables_anew || runtime == nullptr) {
    makes_tables_anew = is_large;
    TRY(create_runtime());
  }
  num_value_bytes = count_value_bytes(table_bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TRY(reshape_external(static_cast<std::uint32_t>(i), inputs[i]));
  }
  for (const std::size_t index : index_outputs) {
    TRY(reshape_external(payload.values[index].external_id, inference->shape(index)));
  }
  std::ptrdiff_t planned_bytes = 0;
  const xnn_status status = reshape_runtime(planned_bytes);
  workspace->has_planned(*this, planned_bytes);
  TRY(check_status(status, "reshape"));
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

xnn_status Delegate::Impl::reshape_runtime(std::ptrdiff_t& num_bytes) {
  has_moved = false;
  const MemoryCount count(num_bytes);
  return xnn_reshape_runtime(runtime.get());
}

/// When a workspace moves, XNNPACK sets up the other runtimes in it with the arguments of their
/// last run. If one of those lay where the workspace lies now, a copy's input is its output, and
/// XNNPACK (setup_unary_elementwise_nc) leaves the copy out until the next reshape.
Result<void> Delegate::Impl::forget_last_setup() {
  std::ptrdiff_t num_bytes = 0;
  const xnn_status status = reshape_runtime(num_bytes);
  if (num_bytes != 0) workspace->has_planned(*this, num_bytes);
  return check_status(status, "reshape");
}

Delegate::Delegate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Delegate::~Delegate() = default;

Result<std::unique_ptr<Delegate>> Delegate::create(std::span<const std::byte> blob,
                                                   const FindNamedData& find_named_data,
                                                   ThreadPool* pool,
                                                   const DelegateOptions& options) {
  return create(TRY(read_payload(blob)), find_named_data, pool, options);
}

Result<std::unique_ptr<Delegate>> Delegate::create(Payload payload,
                                                   const FindNamedData& find_named_data,
                                                   ThreadPool* pool,
                                                   const DelegateOptions& options) {
  TRY(initialize());
  auto impl = std::make_unique<Impl>(std::move(payload), find_named_data, pool, options);
  if (options.makes_runtime == nullptr || options.makes_runtime(impl->payload)) {
    TRY(impl->create_runtime());
  }
  return std::unique_ptr<Delegate>(new Delegate(std::move(impl)));
}

Result<void> Delegate::make_runtime() {
  if (impl_->runtime == nullptr) TRY(impl_->create_runtime());
  return {};
}

Result<bool> Delegate::set_channels_last(std::uint32_t external_id, bool is_channels_last) {
  std::set<std::uint32_t> wanted = impl_->channels_last;
  if (is_channels_last) wanted.insert(external_id);
  if (!is_channels_last) wanted.erase(external_id);
  if (wanted == impl_->channels_last) return true;
  if (!impl_->original) impl_->original = impl_->payload;
  Payload payload = *impl_->original;
  for (const std::uint32_t id : wanted) {
    auto changed = with_channels_last(payload, id);
    if (!changed) return false;
    payload = *std::move(changed);
  }
  impl_->channels_last = std::move(wanted);
  impl_->payload = std::move(payload);
  impl_->inference = std::make_unique<ShapeInference>(impl_->payload);
  impl_->find_index_outputs();
  impl_->input_shapes.clear();
  impl_->output_shapes.clear();
  const bool is_needed = impl_->runtime != nullptr;
  impl_->drop_runtime();
  if (is_needed) TRY(impl_->create_runtime());
  return true;
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
  if (impl_->runtime == nullptr) {  // the workspace has shrunk
    const std::vector<Shape> shapes = impl_->input_shapes;
    TRY(impl_->reshape(shapes));
  }
  if (impl_->has_moved) TRY(impl_->forget_last_setup());
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

bool Delegate::keeps_profile() const { return impl_->options.profile; }

Result<std::vector<OperatorTime>> Delegate::operator_times() const {
  if (impl_->runtime == nullptr) return std::vector<OperatorTime>();
  return operator_times_of(impl_->runtime.get());
}

DelegateMemory Delegate::memory() const {
  return {
      .workspace_bytes = impl_->workspace->num_bytes(),
      .packed_weight_bytes = impl_->weights == nullptr ? 0 : impl_->weights->num_bytes(),
      .mapped_weight_bytes = impl_->weights == nullptr ? 0 : impl_->weights->num_mapped_bytes(),
      .record_bytes = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, impl_->record_bytes))};
}

}  // namespace tessera::xnnpack
