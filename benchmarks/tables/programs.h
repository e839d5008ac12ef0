// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tessera/result.h"

namespace tessera::benchmarks {

/// A model of the tables.
struct Model {
  std::string_view name;
  std::string_view source;   ///< arguments of `tessera compile`: an archive or --model
  std::string_view shape;    ///< --shape of what runs; empty: fixed
  std::string_view fixture;  ///< folder of TESSERA_FIXTURES with ExecuTorch's programs; empty: none
};

/// What a model is compiled to.
struct Variant {
  bool is_portable = false;
  bool is_int8 = false;
};
/// "XNNPACK int8"
std::string_view name_of(const Variant& variant);

/// Compiles models to a folder of its own, each once. The folder goes with the object.
class Programs {
 public:
  Programs();
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  /// The program's file; nothing, and why on stderr, if it cannot be compiled.
  std::optional<std::filesystem::path> find(const Model& model, const Variant& variant);

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::optional<std::filesystem::path>> compiled_;
};

/// ExecuTorch's int8 program of the model, if TESSERA_FIXTURES has it.
std::optional<std::filesystem::path> executorch_int8(const Model& model);

}  // namespace tessera::benchmarks
