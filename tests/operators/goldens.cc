// SPDX-License-Identifier: MIT
#include "operators/goldens.h"

#include <fstream>
#include <iterator>

#include "base/try.h"

namespace tessera::testing {

namespace {

const std::string kFolder = std::string(TESSERA_TEST_DATA) + "/goldens/";

}  // namespace

Result<std::string> golden_line(const Call& call) {
  std::string line = std::format("{} {} ->", call.name(), call.op->samples[call.sample].arguments);
  const auto types = TRY(infer(call));
  for (const ir::TensorType& type : types) line += " " + ir::print(type);
  return line;
}

Result<Goldens> Goldens::load() {
  std::ifstream list(kFolder + "operators.txt");
  std::ifstream file(kFolder + "operators.bin", std::ios::binary);
  if (!list || !file) return fail(ErrorCode::kNotFound, "no goldens in {}", kFolder);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  Goldens goldens;
  std::size_t offset = 0;
  for (std::string line; std::getline(list, line);) {
    std::vector<Tensor> results;
    std::size_t at = line.find(" -> ") + 4;
    while (at < line.size()) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      const ir::TensorType type = TRY(ir::parse_type(line.substr(at, end - at)));
      at = end + 1;
      const Shape shape = TRY(ir::constant_shape(type));
      const auto size = size_of(type.dtype) * static_cast<std::size_t>(shape.num_elements());
      if (size > bytes.size() - offset) {
        return fail(ErrorCode::kAccessFailed, "operators.bin ends in '{}'", line);
      }
      results.push_back(Tensor::of_bytes(type.dtype, shape,
                                         std::as_bytes(std::span(bytes).subspan(offset, size))));
      offset += size;
    }
    goldens.entries_.emplace_back(line, std::move(results));
  }
  if (offset != bytes.size()) {
    return fail(ErrorCode::kAccessFailed, "operators.bin has {} bytes, the list says {}",
                bytes.size(), offset);
  }
  return goldens;
}

Result<std::vector<Tensor>> Goldens::results(const std::string& line) const {
  for (const auto& [entry, tensors] : entries_) {
    if (entry == line) return tensors;
  }
  return fail(ErrorCode::kNotFound,
              "no golden for '{}': run this test with TESSERA_BLESS=1, then tools/make_goldens.py",
              line);
}

std::string Goldens::list() const {
  std::string text;
  for (const auto& [line, tensors] : entries_) text += line + "\n";
  return text;
}

}  // namespace tessera::testing
