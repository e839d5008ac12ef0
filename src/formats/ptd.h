// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/tensor.h"

/// ExecuTorch's data file (FlatTensor) as plain records; see docs/formats/ptd.md.
namespace tessera::ptd {

struct TensorLayout {
  DType dtype = DType::kF32;
  Shape sizes;
  std::vector<std::uint8_t> dim_order;  ///< permutation, outermost first

  /// Bytes at `sizes`; readers have checked that it does not overflow.
  std::size_t num_bytes() const;
  /// "f32[2, 3]", with the dim order if it is not 0, 1, 2, ...
  std::string to_string() const;
  friend bool operator==(const TensorLayout&, const TensorLayout&) = default;
};

struct Entry {
  std::string key;
  std::span<const std::byte> bytes;    ///< views the file's bytes when read
  std::optional<TensorLayout> layout;  ///< none: a delegate's bytes
};

struct DataFile {
  std::uint32_t version = 0;
  std::vector<Entry> entries;
};

/// Reads and checks a file whole: header, segment bounds and alignment, FlatBuffers verifier, every
/// index, every size product against its bytes, keys that occur twice. `bytes` must outlive the
/// result and start at a multiple of 16. Errors: kInvalidExternalData, what is wrong and where.
Result<DataFile> read(std::span<const std::byte> bytes);

/// Writes a file that ExecuTorch 1.4 loads, after the checks that `read` makes. Equal bytes are
/// written once. Deterministic. Errors: kInvalidExternalData.
Result<std::vector<std::byte>> write(const DataFile& file);

}  // namespace tessera::ptd
