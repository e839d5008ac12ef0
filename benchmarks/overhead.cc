// SPDX-License-Identifier: MIT
// What execute costs besides the kernels: a program of one operator on eight numbers.
#include <algorithm>
#include <print>
#include <vector>

#include "benchmarks/pairs.h"
#include "formats/pte.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

constexpr int kRunsPerSample = 1000;
constexpr int kSamples = 51;

/// y = relu(x)
std::vector<std::byte> one_operator() {
  pte::TensorValue tensor{.dtype = DType::kF32, .sizes = {8}, .dim_order = {0}};
  tensor.allocation = pte::Allocation{1, 0};
  pte::ExecutionPlan plan{.name = "forward", .buffer_sizes = {0, 128}};
  plan.values.emplace_back(tensor);
  tensor.allocation = pte::Allocation{1, 64};
  plan.values.emplace_back(tensor);
  plan.inputs = {0};
  plan.outputs = {1};
  plan.operators = {"aten::relu.out"};
  plan.chains = {{pte::KernelCall{0, {0, 1, 1}}}};
  pte::Program program;
  program.constants = {{}};
  program.plans = {std::move(plan)};
  return pte::write(program).value();
}

void run() {
  const auto program = Program::load(one_operator()).value();
  const auto method = program->load_method().value();
  method->set_input(0, Tensor::zeros(DType::kF32, {8}).value()).value();
  std::vector<double> microseconds;
  for (int sample = 0; sample < kSamples; ++sample) {
    const double ms = time_ms([&] {
      for (int i = 0; i < kRunsPerSample; ++i) method->execute().value();
    });
    microseconds.push_back(ms * 1000 / kRunsPerSample);
  }
  std::ranges::sort(microseconds);
  std::println("execute of one operator: {:.3f} us (median of {} x {} runs), {:.3f} at best",
               microseconds[kSamples / 2], kSamples, kRunsPerSample, microseconds.front());
}

}  // namespace
}  // namespace tessera::benchmarks

int main() { tessera::benchmarks::run(); }
