// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "base/try.h"
#include "formats/pt2_parts.h"
#include "formats/strided_storage.h"

namespace tessera::pt2 {
namespace {

/// How PyTorch 2.5 to 2.7 laid an archive out: plain entries, weights in archives of torch.save.
constexpr std::string_view kFlatModel = "serialized_exported_program.json";
constexpr std::string_view kFlatWeights = "serialized_state_dict.pt";
constexpr std::string_view kFlatConstants = "serialized_constants.pt";

Result<void> check_format(const ZipArchive& archive, const std::string& root) {
  if (archive.contains(root + "data.pkl")) {
    return fail(ErrorCode::kNotSupported,
                "this is a file of torch.save or TorchScript (data.pkl), expected an archive of "
                "torch.export.save");
  }
  if (!archive.contains(root + "archive_format")) {
    return fail(ErrorCode::kInvalidProgram,
                "this is a zip archive, but not of torch.export.save: it has no entry '{}'",
                root + "archive_format");
  }
  const ZipBytes format = TRY(archive.read(root + "archive_format"));
  if (format.text() != "pt2") {
    return fail(ErrorCode::kInvalidProgram, "archive_format: expected 'pt2', found '{}'",
                format.text().substr(0, 16));
  }
  return {};
}

Result<void> check_byte_order(const ZipArchive& archive, const std::string& root) {
  if (!archive.contains(root + "byteorder")) return {};
  const ZipBytes order = TRY(archive.read(root + "byteorder"));
  if (order.text() == "little") return {};
  return fail(ErrorCode::kNotSupported,
              "the weights have byte order '{}' (entry byteorder), only 'little' is read",
              order.text().substr(0, 16));
}

/// torch.export.save calls the one model of an archive "model"; package_pt2 may use other names.
Result<std::string> find_model(const ZipArchive& archive, const std::string& root) {
  const std::string prefix = root + "models/";
  std::vector<std::string> names;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.starts_with(prefix) || !entry.name.ends_with(".json")) continue;
    names.push_back(entry.name.substr(prefix.size(), entry.name.size() - prefix.size() - 5));
  }
  if (names.size() == 1) return names.front();
  if (std::ranges::contains(names, "model")) return "model";
  return fail(ErrorCode::kInvalidProgram,
              "expected one exported program in models/, or one called 'model', found {}",
              names.size());
}

Result<void> read_model_entry(const ZipArchive& archive, const std::string& root,
                              const std::string& name, ExportedProgram& program) {
  const ZipBytes bytes = TRY(archive.read(root + name));
  return read_model(TRY(JsonDocument::parse(bytes.text(), name)).root(), program);
}

/// PyTorch 2.7 and older.
Result<ExportedProgram> read_flat(const ZipArchive& archive) {
  ExportedProgram program;
  TRY(read_model_entry(archive, "", std::string(kFlatModel), program));
  std::uint64_t budget_bytes = archive.file_bytes() + kSpareCopyBytes;
  for (const std::string_view entry : {kFlatWeights, kFlatConstants}) {
    TRY(read_pickled_weights(archive, std::string(entry), budget_bytes, program));
  }
  return program;
}

/// PyTorch 2.8 and newer: one configuration and raw storages, or (2.8) an archive of torch.save.
Result<void> read_folder(const ZipArchive& archive, const std::string& folder,
                         const std::string& model, const std::string& config_name,
                         std::uint64_t& budget_bytes, ExportedProgram& program) {
  const std::string pickled = folder + model + ".pt";
  if (archive.contains(pickled) && !archive.contains(folder + config_name)) {
    return read_pickled_weights(archive, pickled, budget_bytes, program);
  }
  return read_weights(archive, folder, config_name, budget_bytes, program);
}

Result<ExportedProgram> read_archive(const ZipArchive& archive) {
  if (archive.contains(kFlatModel)) return read_flat(archive);
  const std::string root = archive.root();
  TRY(check_format(archive, root));
  TRY(check_byte_order(archive, root));
  const std::string model = TRY(find_model(archive, root));
  ExportedProgram program;
  TRY(read_model_entry(archive, root, "models/" + model + ".json", program));
  std::uint64_t budget_bytes = archive.file_bytes() + kSpareCopyBytes;
  TRY(read_folder(archive, root + "data/weights/", model, model + "_weights_config.json",
                  budget_bytes, program));
  TRY(read_folder(archive, root + "data/constants/", model, model + "_constants_config.json",
                  budget_bytes, program));
  return program;
}

}  // namespace

Result<ExportedProgram> read(const std::filesystem::path& path) {
  auto program = read(TRY(FileBytes::map(path)));
  if (!program) return with_context(std::move(program).error(), path.string());
  return program;
}

Result<ExportedProgram> read(std::shared_ptr<const FileBytes> file) {
  return read_archive(TRY(ZipArchive::open(file)));
}

}  // namespace tessera::pt2
