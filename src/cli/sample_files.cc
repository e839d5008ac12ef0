// SPDX-License-Identifier: MIT
#include "cli/sample_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/try.h"

namespace tessera::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> files_of(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const bool is_hidden = entry->path().filename().string().starts_with('.');
    std::error_code unknown;
    if (!is_hidden && entry->is_regular_file(unknown)) files.push_back(entry->path().string());
  }
  if (error) {
    return fail(ErrorCode::kAccessFailed, "{}: {}", folder.string(), error.message());
  }
  if (files.empty()) return fail(ErrorCode::kNotFound, "{}: has no files", folder.string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::vector<std::string>> expand_folders(std::span<const std::string> paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const auto found = TRY(files_of(path));
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace tessera::cli
