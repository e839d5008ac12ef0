// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tessera/program.h"

namespace tessera {

struct ModelOptions {
  std::string method = "forward";
  LoadOptions files;  ///< data files (.ptd)
  MethodOptions run;  ///< threads and the like
};

/// A program's method, loaded and run in one call each: what most users need of Program and Method.
/// One thread at a time.
///
///   auto model = tessera::Model::load("m.pte");
///   auto outputs = model->run({image});
class Model {
 public:
  /// Errors: those of Program::load and Program::load_method.
  static Result<Model> load(const std::filesystem::path& path, const ModelOptions& options = {});

  /// Runs the method on its inputs, which are copied, in their order. The results own their memory.
  /// Errors: kInvalidArgument for another number of inputs, and those of Method.
  Result<std::vector<Tensor>> run(const std::vector<Tensor>& inputs);

  const Program& program() const { return *program_; }
  Method& method() { return *method_; }

 private:
  Model(std::shared_ptr<const Program> program, std::unique_ptr<Method> method)
      : program_(std::move(program)), method_(std::move(method)) {}

  std::shared_ptr<const Program> program_;
  std::unique_ptr<Method> method_;
};

}  // namespace tessera
