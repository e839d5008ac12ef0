// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "formats/ptd.h"
#include "formats/pte.h"

/// Files whose big parts need not be in memory a second time to be written.
namespace tessera {

/// A file in pieces, one after the other: what was made for it, zeros, and views of the caller's
/// bytes. Moving keeps the views valid.
struct FileParts {
  std::vector<std::byte> head;  ///< the first part views it
  std::vector<std::span<const std::byte>> parts;

  FileParts() = default;
  FileParts(FileParts&&) = default;
  FileParts& operator=(FileParts&&) = default;

  std::size_t size() const;
  std::vector<std::byte> join() const;
};

namespace pte {
/// What `write` gives, viewing the program's bytes.
Result<FileParts> write_parts(const Program& program);
}  // namespace pte

namespace ptd {
/// What `write` gives, viewing the entries' bytes.
Result<FileParts> write_parts(const DataFile& file);
}  // namespace ptd

}  // namespace tessera
