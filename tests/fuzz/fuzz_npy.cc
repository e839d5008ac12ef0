// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tensor = tessera::parse_npy(std::as_bytes(std::span(data, size)), "input.npy");
  if (tensor && tensor->num_bytes() > size) __builtin_trap();
  return 0;
}
