// SPDX-License-Identifier: MIT
#include "quantize/samples.h"

#include <algorithm>
#include <atomic>
#include <format>
#include <mutex>
#include <thread>

#include "base/try.h"
#include "quantize/model_inputs.h"

namespace tessera::quantize {

Samples::Samples(std::vector<ModelInput> inputs, const QuantizeOptions& options)
    : inputs_(std::move(inputs)), options_(&options) {
  std::size_t wanted = options.num_threads;
  if (wanted == 0) wanted = std::max(1u, std::thread::hardware_concurrency());
  num_workers_ = std::clamp<std::size_t>(options.calibration.num_samples, 1, wanted);
}

Result<Samples> Samples::make(const ir::Graph& graph, const QuantizeOptions& options) {
  if (options.calibration.num_samples == 0 || !options.calibration.inputs) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no calibration data: ranges of activations are measured on it");
  }
  return Samples(TRY(model_inputs(graph)), options);
}

Result<void> Samples::for_each(const Work& work, std::size_t limit) const {
  const std::size_t count = std::min(limit, num_samples());
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  std::size_t num_done = 0, failed_sample = SIZE_MAX;
  Result<void> result;
  const auto inputs_of = [&](std::size_t sample) {
    const std::lock_guard lock(mutex);
    return options_->calibration.inputs(sample, inputs_);
  };
  const auto run = [&](std::size_t worker) {
    for (std::size_t sample = next++; sample < count; sample = next++) {
      const auto inputs = inputs_of(sample);
      const Result<void> done =
          inputs ? work(worker, sample, *inputs) : Result<void>(std::unexpected(inputs.error()));
      const std::lock_guard lock(mutex);
      if (!done && sample < failed_sample) {
        failed_sample = sample;
        result = with_context(done.error(), std::format("calibration sample {}", sample));
        next = count;
      }
      if (options_->progress) options_->progress(++num_done, count);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t worker = 1; worker < std::min(num_workers_, count); ++worker) {
      threads.emplace_back(run, worker);
    }
    run(0);
  }
  return result;
}

}  // namespace tessera::quantize
