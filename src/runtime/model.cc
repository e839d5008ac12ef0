// SPDX-License-Identifier: MIT
#include "tessera/model.h"

#include <cstring>
#include <utility>

#include "base/try.h"

namespace tessera {

Result<Model> Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  auto program = TRY(Program::load(path, options.files));
  auto method = program->load_method(options.method, options.run);
  if (!method) return with_context(std::move(method).error(), path.string());
  return Model(std::move(program), *std::move(method));
}

Result<std::vector<Tensor>> Model::run(const std::vector<Tensor>& inputs) {
  if (inputs.size() != method_->num_inputs()) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs are given, the method has {}",
                inputs.size(), method_->num_inputs());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) TRY(method_->set_input(i, inputs[i]));
  TRY(method_->execute());
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < method_->num_outputs(); ++i) {
    const Tensor view = TRY(method_->output(i));
    Tensor output = TRY(Tensor::empty(view.dtype(), view.shape()));
    if (view.num_bytes() > 0) std::memcpy(output.bytes(), view.bytes(), view.num_bytes());
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace tessera
