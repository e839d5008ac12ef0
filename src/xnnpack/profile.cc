// SPDX-License-Identifier: MIT
#include "xnnpack/profile.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/try.h"
#include "xnnpack/define_nodes.h"

namespace tessera::xnnpack {
namespace {

std::unexpected<Error> failed(std::string_view what, xnn_status status) {
  return fail(ErrorCode::kInternal, "XNNPACK delegate: {}: {}", what, name_of(status));
}

/// An array of T whose length XNNPACK tells when it is asked with no room for an answer.
template <class T>
Result<std::vector<T>> read_info(xnn_runtime* runtime, xnn_profile_info what) {
  std::size_t num_bytes = 0;
  xnn_status status = xnn_get_runtime_profiling_info(runtime, what, 0, nullptr, &num_bytes);
  if (status == xnn_status_success) return std::vector<T>();  // a graph without operators
  if (status != xnn_status_out_of_memory) return failed("size of the profile", status);
  std::vector<T> elements(num_bytes / sizeof(T));
  status = xnn_get_runtime_profiling_info(runtime, what, num_bytes, elements.data(), &num_bytes);
  if (status != xnn_status_success) return failed("profile", status);
  return elements;
}

}  // namespace

Result<std::vector<OperatorTime>> operator_times_of(xnn_runtime* runtime) {
  // Names end with a zero byte each; times are in microseconds, rounded down (xnnpack.h,
  // runtime.c).
  const std::vector<char> names = TRY(read_info<char>(runtime, xnn_profile_info_operator_name));
  const auto times = TRY(read_info<std::uint64_t>(runtime, xnn_profile_info_operator_timing));
  std::vector<OperatorTime> result;
  const char* name = names.data();
  for (const std::uint64_t microseconds : times) {
    result.push_back({name, static_cast<double>(microseconds)});
    name += result.back().name.size() + 1;
  }
  return result;
}

void add_times(std::vector<OperatorTime>& sum, const std::vector<OperatorTime>& times) {
  if (!std::ranges::equal(sum, times, {}, &OperatorTime::name, &OperatorTime::name)) {
    sum = times;
    return;
  }
  for (std::size_t i = 0; i < times.size(); ++i) sum[i].microseconds += times[i].microseconds;
}

}  // namespace tessera::xnnpack
