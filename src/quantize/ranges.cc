// SPDX-License-Identifier: MIT
#include "quantize/ranges.h"

#include "base/try.h"
#include "quantize/interpreter.h"

namespace tessera::quantize {

Result<Ranges> measure_ranges(const ir::Graph& graph, const Annotation& annotation,
                              const Samples& samples, Observer observer) {
  Ranges none;
  for (const ir::ValueId value : annotation.values()) {
    none.emplace(value, RangeObserver(observer));
  }
  struct Worker {
    Interpreter interpreter;
    Ranges ranges;
  };
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < samples.num_workers(); ++i) {
    workers.push_back({Interpreter(graph), none});
  }
  TRY(samples.for_each(
      [&](std::size_t w, std::size_t, std::span<const Tensor> inputs) -> Result<void> {
        Worker& worker = workers[w];
        const auto observe = [&](ir::ValueId value, const Tensor& tensor) {
          const auto range = worker.ranges.find(value);
          if (range != worker.ranges.end()) range->second.observe(tensor.elements<float>());
        };
        for (std::size_t i = 0; i < inputs.size(); ++i) observe(graph.inputs()[i], inputs[i]);
        TRY(worker.interpreter.run(inputs, [&](const Interpreter::Step& step) -> Result<void> {
          const auto& results = graph.node(step.node).results;
          for (std::size_t i = 0; i < results.size(); ++i) observe(results[i], step.results[i]);
          return {};
        }));
        return {};
      }));
  Ranges result = std::move(workers[0].ranges);
  for (std::size_t i = 1; i < workers.size(); ++i) {
    for (auto& [value, range] : result) range.merge(workers[i].ranges.at(value));
  }
  return result;
}

}  // namespace tessera::quantize
