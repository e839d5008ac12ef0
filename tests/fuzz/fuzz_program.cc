// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>
#include <thread>

#include "tessera/program.h"

namespace {

using namespace tessera;

/// Larger inputs and outputs would only cost time.
constexpr std::int64_t kMaxElements = 1 << 16;

bool set_inputs(Method& method, std::span<const TensorInfo> inputs, std::int64_t dynamic_size) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& info = inputs[i];
    Shape shape;
    for (const std::int64_t size : info.max_sizes) {
      shape.push_back(info.is_dynamic ? std::min(size, dynamic_size) : size);
    }
    if (shape.num_elements() > kMaxElements) return false;
    Tensor tensor = Tensor::zeros(info.dtype, shape).value();
    for (std::int64_t k = 0; info.dtype == DType::kF32 && k < tensor.num_elements(); ++k) {
      tensor.data<float>()[k] = static_cast<float>(k % 7 - 3);
    }
    if (!method.set_input(i, tensor)) return false;
  }
  return true;
}

/// So that a sanitizer sees outputs that are not there.
unsigned sum_of_bytes(const Method& method) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < method.num_outputs(); ++i) {
    const auto output = method.output(i);
    if (!output || output->num_elements() > kMaxElements) continue;
    for (const std::byte byte : std::span(output->bytes(), output->num_bytes())) {
      sum += std::to_integer<unsigned>(byte);
    }
  }
  return sum;
}

/// Stops loops, of which a mutation easily makes endless ones.
class Watchdog {
 public:
  std::stop_token token() const { return stop_.get_token(); }

 private:
  static constexpr std::chrono::milliseconds kPatience{100};

  void watch(const std::stop_token& is_over) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, is_over, kPatience, [] { return false; });
    stop_.request_stop();
  }

  std::stop_source stop_;
  std::jthread thread_{[this](const std::stop_token& is_over) { watch(is_over); }};
};

void run(const Program& program, std::string_view name) {
  const auto inputs = program.inputs(name);
  if (!inputs) return;
  const auto method = program.load_method(name);
  if (!method) return;
  const Watchdog watchdog;
  volatile unsigned sink = 0;
  for (const std::int64_t dynamic_size : {8, 12, 8}) {
    if (!set_inputs(**method, *inputs, dynamic_size)) return;
    if ((*method)->execute(watchdog.token())) sink = sum_of_bytes(**method);
  }
  static_cast<void>(sink);
}

}  // namespace

/// Every method of a program that loads runs, at two sizes where its inputs are dynamic.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto program = Program::load(std::as_bytes(std::span(data, size)));
  if (!program) return 0;
  for (const std::string& name : (*program)->method_names()) run(**program, name);
  return 0;
}
