// SPDX-License-Identifier: MIT
#include "formats/checkpoint.h"

#include "base/try.h"
#include "formats/safetensors.h"
#include "formats/strided_storage.h"

namespace tessera {
namespace {

constexpr std::string_view kZipMagic("PK\x03\x04", 4);
/// A pickle of protocol 2 that starts with torch.save's magic number 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyMagic("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19", 14);

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<Checkpoint> read_archive(const std::shared_ptr<const FileBytes>& file) {
  const ZipArchive archive = TRY(ZipArchive::open(file));
  const std::string root = archive.root();
  if (archive.contains(root + "archive_format") ||
      archive.contains("serialized_exported_program.json")) {
    return fail(ErrorCode::kNotSupported,
                "this is a whole exported program (.pt2), expected weights alone");
  }
  std::uint64_t budget_bytes = archive.file_bytes() + kSpareCopyBytes;
  return Checkpoint{.format = "torch.save", .tensors = TRY(read_torch_save(archive, budget_bytes))};
}

}  // namespace

Result<Checkpoint> read_checkpoint(const std::filesystem::path& path) {
  auto checkpoint = read_checkpoint(TRY(FileBytes::map(path)));
  if (!checkpoint) return with_context(std::move(checkpoint).error(), path.string());
  return checkpoint;
}

Result<Checkpoint> read_checkpoint(const std::shared_ptr<const FileBytes>& file) {
  const std::string_view text = text_of(file->bytes());
  if (text.starts_with(kZipMagic)) return read_archive(file);
  if (text.starts_with(kLegacyMagic)) {
    return fail(ErrorCode::kNotSupported,
                "this is the layout of PyTorch 1.5 and older (a pickle without archive); load it "
                "with a newer one and save it again");
  }
  if (looks_like_safetensors(file->bytes())) {
    return Checkpoint{.format = ".safetensors", .tensors = TRY(read_safetensors(file))};
  }
  return fail(ErrorCode::kInvalidProgram,
              "expected a .safetensors file or an archive of torch.save (.pth), found neither");
}

}  // namespace tessera
