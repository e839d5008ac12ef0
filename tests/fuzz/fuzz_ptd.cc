// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/mapped_file.h"
#include "formats/ptd.h"

/// What can be read can be written, and then read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  const auto bytes = FileBytes::copy_of(std::as_bytes(std::span(data, size)));
  const auto file = ptd::read(bytes->bytes());
  if (!file) return 0;
  const auto written = ptd::write(*file);
  CHECK(written.has_value(), "{}", written.error().to_string());
  const auto copy = FileBytes::copy_of(*written);
  const auto again = ptd::read(copy->bytes());
  CHECK(again.has_value(), "{}", again.error().to_string());
  const auto written_again = ptd::write(*again);
  CHECK(written_again == *written);
  return 0;
}
