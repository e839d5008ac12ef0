// SPDX-License-Identifier: MIT
#include <tessera/compile.h>
#include <tessera/model.h>

#include <print>

/// run_program MODEL.pt2 PROGRAM.pte: compiles, loads and runs on zeros.
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (auto report = tessera::compile(argv[1], argv[2]); !report) {
    std::println("{}", report.error().to_string());
    return 1;
  }
  auto model = tessera::Model::load(argv[2]);
  if (!model) {
    std::println("{}", model.error().to_string());
    return 1;
  }
  auto inputs = model->program().inputs();
  auto image = tessera::Tensor::zeros(inputs->at(0).dtype, inputs->at(0).max_sizes);
  auto outputs = model->run({*image});
  if (!outputs) {
    std::println("{}", outputs.error().to_string());
    return 1;
  }
  std::println("{}", outputs->at(0).type_string());
  return 0;
}
