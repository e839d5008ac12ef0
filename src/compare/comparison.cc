// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "compare/layer_comparison.h"
#include "compare/output_sums.h"
#include "compare/traced_method.h"
#include "ops/element_types.h"

namespace tessera {
namespace {

using compare::TracedMethod;

/// Ranges of sizes may differ: the inputs say whether both programs take them.
bool is_alike(const TensorInfo& a, const TensorInfo& b) {
  if (a.dtype != b.dtype || a.max_sizes.rank() != b.max_sizes.rank()) return false;
  for (std::size_t dim = 0; dim < a.max_sizes.rank(); ++dim) {
    const bool is_fixed = a.max_sizes[dim] == a.min_sizes[dim] &&
                          b.max_sizes[dim] == b.min_sizes[dim] && !a.is_dynamic && !b.is_dynamic;
    if (is_fixed && a.max_sizes[dim] != b.max_sizes[dim]) return false;
  }
  return true;
}

Result<void> check_alike(std::string_view what, const std::vector<TensorInfo>& first,
                         const std::vector<TensorInfo>& second) {
  if (first.size() != second.size()) {
    return fail(ErrorCode::kInvalidArgument, "the first program has {} {}s, the second {}",
                first.size(), what, second.size());
  }
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (is_alike(first[i], second[i])) continue;
    return fail(ErrorCode::kInvalidArgument,
                "{} {} of the first program is {}, that of the second {}", what, i,
                first[i].type_string, second[i].type_string);
  }
  return {};
}

Result<std::unique_ptr<TracedMethod>> load(const Program& program, const std::string& method,
                                           std::string_view which, std::size_t num_threads) {
  auto traced = TracedMethod::load(program, method, num_threads);
  if (!traced) return with_context(std::move(traced).error(), which);
  return traced;
}

Result<void> set_inputs(TracedMethod& traced, std::span<const Tensor> inputs,
                        std::string_view which) {
  if (inputs.size() != traced.method().num_inputs()) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs given, the programs have {}", inputs.size(),
                traced.method().num_inputs());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto is_set = traced.method().set_input(i, inputs[i]);
    if (!is_set) return with_context(std::move(is_set).error(), which);
  }
  return {};
}

}  // namespace

struct ProgramComparison::Impl {
  CompareOptions options;
  std::shared_ptr<const Program> first_program, second_program;
  std::unique_ptr<TracedMethod> first, second;
  compare::LayerComparer layers;
  std::vector<compare::OutputSums> outputs;
  std::size_t num_inputs = 0;

  Result<void> compare_outputs();
};

Result<void> ProgramComparison::Impl::compare_outputs() {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor a = TRY(TRY(first->method().output(i)).contiguous()),
                 b = TRY(TRY(second->method().output(i)).contiguous());
    if (a.shape() != b.shape()) {
      return fail(ErrorCode::kInvalidArgument,
                  "output {} of the first program is {}, that of the second {}", i, a.type_string(),
                  b.type_string());
    }
    outputs[i].add(a, b);
  }
  return {};
}

Result<std::unique_ptr<ProgramComparison>> ProgramComparison::create(
    std::shared_ptr<const Program> first, std::shared_ptr<const Program> second,
    const CompareOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->first = TRY(load(*first, options.first_method, "the first program", options.num_threads));
  impl->second =
      TRY(load(*second, options.second_method, "the second program", options.num_threads));
  TRY(check_alike("input", TRY(first->inputs(options.first_method)),
                  TRY(second->inputs(options.second_method))));
  const auto outputs = TRY(first->outputs(options.first_method));
  TRY(check_alike("output", outputs, TRY(second->outputs(options.second_method))));
  for (const TensorInfo& info : outputs) {
    if (!ops::contains(ops::AllTypes(), info.dtype)) {
      return fail(ErrorCode::kNotSupported, "outputs of type {} cannot be compared",
                  name_of(info.dtype));
    }
  }
  impl->outputs.resize(outputs.size());
  impl->first_program = std::move(first);
  impl->second_program = std::move(second);
  if (options.layers) {
    impl->layers = compare::LayerComparer(*impl->first, *impl->second, options.value_bytes);
  }
  return std::unique_ptr<ProgramComparison>(new ProgramComparison(std::move(impl)));
}

ProgramComparison::ProgramComparison(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProgramComparison::~ProgramComparison() = default;

Result<void> ProgramComparison::add(std::span<const Tensor> inputs) {
  impl_->layers.begin_input();
  for (bool is_first_run = true; is_first_run || impl_->layers.has_waiting();) {
    // State that programs keep from run to run makes a further run one more for both of them.
    TRY(set_inputs(*impl_->first, inputs, "the first program"));
    TRY(set_inputs(*impl_->second, inputs, "the second program"));
    const bool has_compared = TRY(impl_->layers.run(*impl_->first, *impl_->second));
    if (is_first_run) TRY(impl_->compare_outputs());
    is_first_run = false;
    if (!has_compared) break;  // what still waits is in branches that were not taken
  }
  ++impl_->num_inputs;
  return {};
}

CompareReport ProgramComparison::report() const {
  CompareReport report{.num_inputs = impl_->num_inputs};
  for (const compare::OutputSums& output : impl_->outputs) {
    report.outputs.push_back(output.comparison(impl_->options.images_are_unit));
  }
  impl_->layers.add_to(report, *impl_->first, *impl_->second);
  return report;
}

bool LayerComparison::is_scaled() const {
  constexpr double kGain = 6;  // noise of its own leaves less than 1 dB to gain
  return scaled_sqnr_db && difference.num_not_finite == 0 &&
         *scaled_sqnr_db - difference.sqnr_db >= kGain;
}

const LayerComparison* CompareReport::first_below(double sqnr_db) const {
  const auto found = std::ranges::find_if(
      layers, [&](const LayerComparison& layer) { return layer.sqnr_db() < sqnr_db; });
  return found == layers.end() ? nullptr : &*found;
}

}  // namespace tessera
