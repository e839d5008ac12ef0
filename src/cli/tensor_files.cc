// SPDX-License-Identifier: MIT
#include "cli/tensor_files.h"

#include <cstring>

#include "base/mapped_file.h"
#include "base/try.h"

namespace tessera::cli {

bool is_raw(const std::filesystem::path& path) {
  return path.extension() == ".bin" || path.extension() == ".raw";
}

Result<Tensor> read_raw(const std::filesystem::path& path, DType dtype, const Shape& shape) {
  const auto file = TRY(FileBytes::map(path));
  const Tensor type = Tensor::view(dtype, shape, nullptr);
  if (file->bytes().size() != type.num_bytes()) {
    return fail(ErrorCode::kInvalidArgument, "{} has {} bytes, {} has {} (see --shape)",
                path.string(), file->bytes().size(), type.type_string(), type.num_bytes());
  }
  return Tensor::of_bytes(dtype, shape, file->bytes());
}

Result<void> check_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  return fail(ErrorCode::kNotFound, "{}: cannot be written, there is no folder {}", path.string(),
              folder.string());
}

Result<void> write_raw(const std::filesystem::path& path, const Tensor& tensor) {
  return write_file_atomically(path, std::span(tensor.bytes(), tensor.num_bytes()));
}

}  // namespace tessera::cli
