// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "formats/checkpoint.h"

volatile std::uint8_t checkpoint_byte_sum;  // so that the compiler keeps the reads

/// All elements of what can be read can be read, and memory grows with the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  const auto file = FileBytes::copy_of(std::as_bytes(std::span(data, size)));
  const auto checkpoint = read_checkpoint(file);
  if (!checkpoint) return 0;
  std::uint8_t sum = 0;
  for (const auto& [name, tensor] : checkpoint->tensors) {
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.bytes()) % size_of(tensor.dtype()) == 0, "{}",
          name);
    for (const std::byte byte : std::span(tensor.bytes(), tensor.num_bytes())) {
      sum = static_cast<std::uint8_t>(sum + std::to_integer<std::uint8_t>(byte));
    }
  }
  checkpoint_byte_sum = sum;
  return 0;
}
