// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/mapped_file.h"
#include "compile/import_pt2.h"
#include "formats/pt2.h"
#include "ir/verify.h"
#include "ops/registry.h"

/// What can be imported is a legal graph.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  const auto program = pt2::read(FileBytes::copy_of(std::as_bytes(std::span(data, size))));
  if (!program) return 0;
  const auto graph = import_graph(*program, {}, ops::find_operator);
  if (!graph) return 0;
  const auto verified = ir::verify(*graph);
  CHECK(verified.has_value(), "{}", verified.error().to_string());
  return 0;
}
