// SPDX-License-Identifier: MIT
#include "benchmarks/tables/programs.h"

#include <unistd.h>

#include <cstdlib>
#include <format>
#include <print>

#include "benchmarks/tables/command.h"

namespace tessera::benchmarks {
namespace {

namespace fs = std::filesystem;

/// What ranges are does not matter for how long kernels take: random numbers will do.
constexpr std::string_view kQuantize = "--quantize int8 --calibrate random --samples 4";

}  // namespace

std::string_view name_of(const Variant& variant) {
  if (variant.is_portable) return variant.is_int8 ? "portable int8" : "portable fp32";
  return variant.is_int8 ? "XNNPACK int8" : "XNNPACK fp32";
}

Programs::Programs()
    : folder_(fs::temp_directory_path() / std::format("tessera-tables-{}", ::getpid())) {
  fs::create_directories(folder_);
}

Programs::~Programs() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

std::optional<fs::path> Programs::find(const Model& model, const Variant& variant) {
  const std::string name =
      std::format("{}-{}-{}.pte", model.name, variant.is_portable ? "portable" : "xnnpack",
                  variant.is_int8 ? "int8" : "fp32");
  if (const auto known = compiled_.find(name); known != compiled_.end()) return known->second;
  const fs::path path = folder_ / name;
  const auto compiled = run_tessera(
      std::format("compile {} -o {} --backend {} {}", model.source, quoted(path.string()),
                  variant.is_portable ? "portable" : "xnnpack", variant.is_int8 ? kQuantize : ""));
  if (!compiled) std::println(stderr, "{}", compiled.error().message);
  return compiled_[name] = compiled ? std::optional(path) : std::nullopt;
}

std::optional<fs::path> executorch_int8(const Model& model) {
  const char* fixtures = std::getenv("TESSERA_FIXTURES");
  if (fixtures == nullptr || model.fixture.empty()) return std::nullopt;
  const fs::path path = fs::path(fixtures) / model.fixture / "xnnpack_q8.pte";
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return path;
}

}  // namespace tessera::benchmarks
