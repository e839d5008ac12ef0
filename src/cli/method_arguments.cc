// SPDX-License-Identifier: MIT
#include "cli/method_arguments.h"

#include <algorithm>

#include "base/try.h"

namespace tessera::cli {
namespace {

std::string chosen_method(const Program& program, const std::string& wanted) {
  constexpr std::string_view kDefault = "forward";
  if (!wanted.empty()) return wanted;
  const auto names = program.method_names();
  const bool has_default = names.empty() || std::ranges::contains(names, kDefault);
  return has_default ? std::string(kDefault) : names.front();
}

}  // namespace

void MethodArguments::add_to(CLI::App& command) {
  command.add_option("--method", name, "Method to run (default: forward, else the first)");
  command
      .add_option("--data", data_files,
                  "Data file (.ptd) with weights that the program does not hold; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--packed-weights", packed_weights_file,
                     "File that keeps packed weights from one process to the next");
  command.add_flag("--whole", whole, "Never run delegates in bands (same results, more memory)");
  command.add_option("--threads", num_threads, "Threads; 0: all processors")->capture_default_str();
}

Result<LoadedMethod> MethodArguments::find(const std::string& path) const {
  LoadedMethod found;
  const LoadOptions options{.data_files = {data_files.begin(), data_files.end()}};
  found.program = TRY(Program::load(std::filesystem::path(path), options));
  found.name = chosen_method(*found.program, name);
  return found;
}

Result<LoadedMethod> MethodArguments::load(const std::string& path, bool profile) const {
  LoadedMethod loaded = TRY(find(path));
  MethodOptions method_options{
      .num_threads = num_threads, .profile = profile, .packed_weights_file = packed_weights_file};
  if (whole) method_options.band_bytes = 0;
  auto method = loaded.program->load_method(loaded.name, std::move(method_options));
  if (!method) return with_context(std::move(method).error(), path);
  loaded.method = *std::move(method);
  return loaded;
}

}  // namespace tessera::cli
