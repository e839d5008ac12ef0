// SPDX-License-Identifier: MIT
// A small classifier (tools/make_shapes.py) keeps its accuracy on images that it has not seen.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TESSERA_TEST_DATA) / "shapes";

/// PyTorch's, of 400 test images: 379 right.
constexpr double kAccuracy = 0.9475;
/// A few images in which two classes are equal but for the last bits.
constexpr double kRounding = 0.0025;

/// Image `i` of u8[N,3,32,32] as the model takes it, f32[1,3,32,32] from 0 to 1.
Tensor image_at(const Tensor& images, std::int64_t i) {
  const Shape shape{1, images.size(1), images.size(2), images.size(3)};
  Tensor image = Tensor::empty(DType::kF32, shape).value();
  const std::int64_t count = image.num_elements();
  for (std::int64_t j = 0; j < count; ++j) {
    image.data<float>()[j] = static_cast<float>(images.data<std::uint8_t>()[i * count + j]) / 255;
  }
  return image;
}

/// The share of test images whose class the program gives the largest output.
double accuracy_of(const fs::path& program) {
  auto model = Model::load(program);
  if (!model) {
    ADD_FAILURE() << model.error().to_string();
    return 0;
  }
  const Tensor images = read_npy(kFolder / "images.npy").value();
  const Tensor labels = read_npy(kFolder / "labels.npy").value();
  std::int64_t num_right = 0;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const auto outputs = model->run({image_at(images, i)});
    if (!outputs) {
      ADD_FAILURE() << outputs.error().to_string();
      return 0;
    }
    const auto scores = outputs->at(0).elements<float>();
    const auto best = std::ranges::max_element(scores) - scores.begin();
    num_right += best == labels.data<std::uint8_t>()[i] ? 1 : 0;
  }
  return static_cast<double>(num_right) / static_cast<double>(images.size(0));
}

/// Compiles the model and measures the program's accuracy.
double accuracy_with(const CompileOptions& options) {
  const fs::path path = fs::temp_directory_path() / std::format("shapes-{}.pte", ::getpid());
  const auto report = compile(kFolder / "model.pt2", path, options);
  if (!report) {
    ADD_FAILURE() << report.error().to_string();
    return 0;
  }
  const double accuracy = accuracy_of(path);
  fs::remove(path);
  return accuracy;
}

TEST(Shapes, FloatProgramsHavePyTorchsAccuracy) {
  EXPECT_NEAR(accuracy_with({.backend = Backend::kXnnpack}), kAccuracy, kRounding);
  EXPECT_NEAR(accuracy_with({.backend = Backend::kPortable}), kAccuracy, kRounding);
}

}  // namespace
}  // namespace tessera
