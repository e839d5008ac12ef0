// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include "formats/flatbuffer_read.h"
#include "formats/pte.h"

namespace tessera::fb::program {
struct EValue;
struct ExecutionPlan;
}  // namespace tessera::fb::program

/// What the parts of the program reader and writer share.
namespace tessera::pte {

using flatbuffer::copy_items;
using flatbuffer::copy_text;
using flatbuffer::CopyBudget;
using flatbuffer::expect_present;

/// Where delegate blobs may be.
struct BlobSources {
  std::span<const std::span<const std::byte>> inline_blobs;
  std::span<const std::span<const std::byte>> segments;
};

Result<Value> read_value(const fb::program::EValue& value, CopyBudget& budget);
Result<ExecutionPlan> read_plan(const fb::program::ExecutionPlan& plan, const BlobSources& blobs,
                                CopyBudget& budget);

/// Checks all that records can get wrong: indices, kinds of values, size products, offsets against
/// buffers. Readers call it on what they have read, writers before they write.
Result<void> check(const Program& program);

}  // namespace tessera::pte
