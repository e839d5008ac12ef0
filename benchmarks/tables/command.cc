// SPDX-License-Identifier: MIT
#include "benchmarks/tables/command.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/try.h"

namespace tessera::benchmarks {
namespace {

namespace fs = std::filesystem;

fs::path scratch_file(std::string_view name) {
  return fs::temp_directory_path() / std::format("tessera-tables-{}-{}", ::getpid(), name);
}

/// What is in the file, which is gone then.
std::string take(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::error_code error;
  fs::remove(path, error);
  return text.str();
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char character : text) {
    if (character == '\'') {
      result += "'\\''";
    } else {
      result += character;
    }
  }
  return result + "'";
}

Result<std::string> run_command(const std::string& command) {
  const fs::path messages = scratch_file("stderr");
  FILE* pipe = ::popen(std::format("( {} ) 2>{}", command, quoted(messages.string())).c_str(), "r");
  if (pipe == nullptr) return fail(ErrorCode::kOutOfResources, "{}: cannot be started", command);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), count);
  }
  const int status = ::pclose(pipe);
  const std::string said = take(messages);
  if (status != 0) return fail(ErrorCode::kInternal, "{}: {}", command, said);
  return output;
}

Result<std::string> run_tessera(const std::string& arguments) {
  return run_command(quoted(TESSERA_CLI) + " " + arguments);
}

Result<nlohmann::json> run_tessera_for_json(const std::string& arguments) {
  const fs::path report = scratch_file("report.json");
  TRY(run_tessera(arguments + " --json " + quoted(report.string())));
  return nlohmann::json::parse(take(report));  // Tessera's own: well formed
}

}  // namespace tessera::benchmarks
