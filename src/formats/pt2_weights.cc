// SPDX-License-Identifier: MIT
#include <format>

#include "base/try.h"
#include "formats/pt2_parts.h"
#include "formats/strided_storage.h"
#include "formats/torch_save.h"

// Parameters, buffers and constants: raw storages in entries of their own, or pickled.
namespace tessera::pt2 {
namespace {

Result<std::int64_t> plain_size(const SymbolicInt& size) {
  if (size.is_constant()) return size.value;
  return fail(ErrorCode::kInvalidProgram, "a size, stride or offset is symbolic");
}

Result<StridedView> view_of(const TensorMeta& meta) {
  StridedView view{.offset = TRY(plain_size(meta.storage_offset))};
  for (std::size_t dim = 0; dim < meta.sizes.size(); ++dim) {
    view.sizes.push_back(TRY(plain_size(meta.sizes[dim])));
    view.strides.push_back(TRY(plain_size(meta.strides[dim])));
  }
  return view;
}

Result<Tensor> read_weight(const ZipArchive& archive, const std::string& folder,
                           const JsonValue& json, std::uint64_t& budget_bytes) {
  const std::string path = TRY(TRY(json.member("path_name")).text());
  const auto pickled = TRY(json.optional_member("use_pickle"));
  const auto meta = TRY(json.optional_member("tensor_meta"));
  if ((pickled && TRY(pickled->boolean())) || !meta) {
    return fail(ErrorCode::kNotSupported,
                "the entry '{}' is pickled (a tensor subclass or an object); only plain tensors "
                "are read",
                path);
  }
  const TensorMeta tensor_meta = TRY(read_tensor_meta(*meta));
  return tensor_of(tensor_meta.dtype, TRY(view_of(tensor_meta)), TRY(archive.read(folder + path)),
                   budget_bytes);
}

}  // namespace

Result<void> read_weights(const ZipArchive& archive, const std::string& folder,
                          const std::string& config_name, std::uint64_t& budget_bytes,
                          ExportedProgram& program) {
  const ZipBytes text = TRY(archive.read(folder + config_name));
  const JsonDocument document = TRY(JsonDocument::parse(text.text(), config_name));
  for (const auto& [name, json] : TRY(TRY(document.root().member("config")).members())) {
    auto tensor = read_weight(archive, folder, json, budget_bytes);
    if (!tensor) {
      return with_context(std::move(tensor).error(), std::format("tensor '{}'", name));
    }
    if (!program.weights.emplace(name, *std::move(tensor)).second) {
      return fail(ErrorCode::kInvalidProgram, "{}: a second tensor '{}'", config_name, name);
    }
  }
  return {};
}

Result<void> read_pickled_weights(const ZipArchive& archive, const std::string& entry,
                                  std::uint64_t& budget_bytes, ExportedProgram& program) {
  const ZipBytes bytes = TRY(archive.read(entry));
  if (bytes.bytes.empty()) return {};
  const auto read = [&]() -> Result<TensorMap> {
    return read_torch_save(TRY(ZipArchive::open(bytes)), budget_bytes);
  };
  auto tensors = read();
  if (!tensors) return with_context(std::move(tensors).error(), entry);
  for (auto& [name, tensor] : *tensors) {
    if (!program.weights.emplace(name, std::move(tensor)).second) {
      return fail(ErrorCode::kInvalidProgram, "{}: a second tensor '{}'", entry, name);
    }
  }
  return {};
}

}  // namespace tessera::pt2
