// SPDX-License-Identifier: MIT
#include "tiling/propagate.h"

#include "base/check.h"
#include "base/try.h"
#include "ops/record_rules.h"
#include "tiling/arguments.h"

namespace tessera::tiling {
namespace {

std::vector<Shape> operand_shapes(const RecordStep& record, const FlowSizes& sizes) {
  std::vector<Shape> shapes;
  for (const FlowValue operand : record.operands) {
    shapes.push_back(operand == kNoFlowValue ? Shape{} : sizes.shape(operand));
  }
  return shapes;
}

bool is_empty(const Region& region) {
  for (std::size_t dim = 0; dim < region.rank(); ++dim) {
    if (region[dim].size() <= 0) return true;
  }
  return false;
}

Result<void> infer_step(const pte::ExecutionPlan& plan, const Step& step, FlowSizes& sizes) {
  if (const auto* kernel = std::get_if<KernelStep>(&step.call)) {
    const auto arguments = TRY(resolve_arguments(plan, *kernel, sizes));
    auto types = TRY(kernel->op->infer(ir::TypeArguments(arguments)));
    CHECK(types.size() == step.outputs.size());
    for (std::size_t i = 0; i < types.size(); ++i) sizes.types[step.outputs[i]] = types[i];
  } else {
    const auto& record = std::get<RecordStep>(step.call);
    const std::vector<Shape> inputs = operand_shapes(record, sizes);
    const Shape shape = TRY(ops::record_output_shape(*record.node, {inputs, record.bounds}));
    for (const FlowValue output : step.outputs) {
      sizes.types[output].dims.assign(shape.begin(), shape.end());
    }
  }
  return {};
}

}  // namespace

Result<FlowSizes> propagate_sizes(const Flow& flow, const Shape& input) {
  FlowSizes sizes = flow.file_sizes();
  sizes.types[flow.input()].dims.assign(input.begin(), input.end());
  for (const Step& step : flow.steps()) {
    if (auto done = infer_step(flow.plan(), step, sizes); !done) {
      return with_context(std::move(done).error(), step.name);
    }
  }
  return sizes;
}

std::optional<Region> step_region(const Flow& flow, const FlowSizes& sizes, const Step& step,
                                  const TensorUse& use, std::size_t output, const Region& wanted) {
  Region region;
  if (const auto* kernel = std::get_if<KernelStep>(&step.call)) {
    const auto arguments = resolve_arguments(flow.plan(), *kernel, sizes);
    CHECK(arguments.has_value());  // resolved before, when the sizes were inferred
    std::vector<ir::TensorType> results;
    for (const FlowValue value : step.outputs) results.push_back(sizes.types[value]);
    region = kernel->op->input_region(
        {ir::TypeArguments(*arguments), results, output, wanted, use.argument, use.element});
  } else {
    const auto& record = std::get<RecordStep>(step.call);
    const std::vector<Shape> inputs = operand_shapes(record, sizes);
    region = ops::record_input_region(*record.node, {inputs, record.bounds},
                                      sizes.shape(step.outputs[output]), wanted, use.argument);
  }
  if (is_empty(region)) return std::nullopt;
  return region;
}

std::vector<std::optional<Region>> propagate_regions(const Flow& flow, const FlowSizes& sizes,
                                                     const Region& output) {
  std::vector<std::optional<Region>> regions(flow.num_values());
  regions[flow.output()] = output;
  for (std::size_t i = flow.steps().size(); i-- > 0;) {
    const Step& step = flow.steps()[i];
    for (std::size_t result = 0; result < step.outputs.size(); ++result) {
      const std::optional<Region>& wanted = regions[step.outputs[result]];
      if (!wanted) continue;
      for (const TensorUse& use : step.uses) {
        const auto region = step_region(flow, sizes, step, use, result, *wanted);
        if (!region) continue;
        auto& known = regions[use.value];
        known = known ? hull(*known, *region) : *region;
      }
    }
  }
  return regions;
}

}  // namespace tessera::tiling
