// SPDX-License-Identifier: MIT
#include "operators/goldens.h"

#include <fstream>
#include <iterator>

#include "base/try.h"
#include "ops/registry.h"

namespace tessera::testing {

namespace {

const std::string kFolder = std::string(TESSERA_TEST_DATA) + "/goldens/";

}  // namespace

Result<std::string> golden_line(const Call& call) {
  const ir::Sample& sample = call.op->samples[call.sample];
  std::string line = std::format("{} {}", call.name(), sample.arguments);
  if (sample.index_limit > 0) line += std::format(" indices below {}", sample.index_limit);
  line += " ->";
  std::vector<ir::TensorType> types = TRY(infer(call));
  if (call.op->sizes_from_elements) {
    ir::KernelContext context;
    types.clear();
    for (const Tensor& result : TRY(run_kernel(call, context)))
      types.push_back(ir::type_of(result));
  }
  for (const ir::TensorType& type : types) line += " " + ir::print(type);
  return line;
}

Result<Goldens> Goldens::load() {
  Goldens goldens;
  for (const ops::Family& family : ops::all_families()) {
    TRY(goldens.read_family(std::string(family.name)));
  }
  return goldens;
}

Result<void> Goldens::read_family(const std::string& family) {
  std::ifstream list(kFolder + family + ".txt");
  std::ifstream file(kFolder + family + ".bin", std::ios::binary);
  if (!list || !file) return fail(ErrorCode::kNotFound, "no goldens of {} in {}", family, kFolder);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::size_t offset = 0;
  for (std::string line; std::getline(list, line);) {
    lists_[family] += line + "\n";
    std::vector<Tensor> results;
    std::size_t at = line.rfind(" -> ") + 4;
    while (at < line.size()) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      const ir::TensorType type = TRY(ir::parse_type(line.substr(at, end - at)));
      at = end + 1;
      const Shape shape = TRY(ir::constant_shape(type));
      const auto size = size_of(type.dtype) * static_cast<std::size_t>(shape.num_elements());
      if (size > bytes.size() - offset) {
        return fail(ErrorCode::kAccessFailed, "{}.bin ends in '{}'", family, line);
      }
      results.push_back(Tensor::of_bytes(type.dtype, shape,
                                         std::as_bytes(std::span(bytes).subspan(offset, size))));
      offset += size;
    }
    results_.emplace(line, std::move(results));
  }
  if (offset != bytes.size()) {
    return fail(ErrorCode::kAccessFailed, "{}.bin has {} bytes, the list says {}", family,
                bytes.size(), offset);
  }
  return {};
}

Result<std::vector<Tensor>> Goldens::results(const std::string& line) const {
  if (const auto found = results_.find(line); found != results_.end()) return found->second;
  return fail(ErrorCode::kNotFound,
              "no golden for '{}': run this test with TESSERA_BLESS=1, then tools/make_goldens.py",
              line);
}

std::string Goldens::list(const std::string& family) const {
  const auto found = lists_.find(family);
  return found == lists_.end() ? "" : found->second;
}

}  // namespace tessera::testing
