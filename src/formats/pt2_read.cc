// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "base/try.h"
#include "formats/pt2_parts.h"
#include "formats/strided_storage.h"

namespace tessera::pt2 {
namespace {

constexpr std::string_view kWhatIsRead =
    "Tessera reads the archives that torch.export.save of PyTorch 2.9 and newer writes; load the "
    "model and save it again with one of these";
/// Older PyTorch's archives are told from broken ones, so that the user learns what to do.
Result<void> check_layout(const ZipArchive& archive, const std::string& root) {
  if (archive.contains("serialized_exported_program.json") ||
      archive.contains(root + "serialized_exported_program.json")) {
    return fail(
        ErrorCode::kNotSupported,
        "this is the layout of PyTorch 2.7 and older (serialized_exported_program.json). {}",
        kWhatIsRead);
  }
  if (archive.contains(root + "data/weights/model.pt") ||
      archive.contains(root + "data/constants/model.pt")) {
    return fail(ErrorCode::kNotSupported,
                "this is the layout of PyTorch 2.8 (pickled weights, data/weights/model.pt). {}",
                kWhatIsRead);
  }
  if (archive.contains(root + "data.pkl")) {
    return fail(ErrorCode::kNotSupported,
                "this is a file of torch.save or TorchScript (data.pkl), not of torch.export. {}",
                kWhatIsRead);
  }
  if (!archive.contains(root + "archive_format")) {
    return fail(ErrorCode::kInvalidProgram,
                "this is a zip archive, but not of torch.export: it has no entry '{}'. {}",
                root + "archive_format", kWhatIsRead);
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

Result<ExportedProgram> read_archive(const ZipArchive& archive) {
  const std::string root = archive.root();
  TRY(check_layout(archive, root));
  TRY(check_byte_order(archive, root));
  const std::string model = TRY(find_model(archive, root));
  ExportedProgram program;
  {
    const std::string name = "models/" + model + ".json";
    const ZipBytes bytes = TRY(archive.read(root + name));
    TRY(read_model(TRY(JsonDocument::parse(bytes.text(), name)).root(), program));
  }
  std::uint64_t budget_bytes = archive.file_bytes() + kSpareCopyBytes;
  TRY(read_weights(archive, root + "data/weights/", model + "_weights_config.json", budget_bytes,
                   program));
  TRY(read_weights(archive, root + "data/constants/", model + "_constants_config.json",
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
