// SPDX-License-Identifier: MIT
// A small classifier (tools/make_shapes.py) keeps its accuracy on images that it has not seen.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <format>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

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

/// The program's outputs for all test images, one after the other.
std::vector<float> outputs_of(const fs::path& program) {
  auto model = Model::load(program);
  if (!model) {
    ADD_FAILURE() << model.error().to_string();
    return {};
  }
  const Tensor images = read_npy(kFolder / "images.npy").value();
  std::vector<float> all;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const auto outputs = model->run({image_at(images, i)});
    if (!outputs) {
      ADD_FAILURE() << outputs.error().to_string();
      return {};
    }
    const auto scores = outputs->at(0).elements<float>();
    all.insert(all.end(), scores.begin(), scores.end());
  }
  return all;
}

/// Compiles the model and runs the program on all test images.
std::vector<float> outputs_with(const CompileOptions& options) {
  const fs::path path = fs::temp_directory_path() / std::format("shapes-{}.pte", ::getpid());
  const auto report = compile(kFolder / "model.pt2", path, options);
  if (!report) {
    ADD_FAILURE() << report.error().to_string();
    return {};
  }
  std::vector<float> outputs = outputs_of(path);
  fs::remove(path);
  return outputs;
}

/// The share of test images whose class the program gives the largest output.
double accuracy_with(const CompileOptions& options) {
  const std::vector<float> outputs = outputs_with(options);
  const Tensor labels = read_npy(kFolder / "labels.npy").value();
  const auto num_classes = static_cast<std::ptrdiff_t>(outputs.size()) / labels.num_elements();
  std::int64_t num_right = 0;
  for (std::int64_t i = 0; i < labels.num_elements(); ++i) {
    const auto first = outputs.begin() + i * num_classes;
    const auto best = std::max_element(first, first + num_classes) - first;
    num_right += best == labels.data<std::uint8_t>()[i] ? 1 : 0;
  }
  return static_cast<double>(num_right) / static_cast<double>(labels.num_elements());
}

TEST(Shapes, FloatProgramsHavePyTorchsAccuracy) {
  EXPECT_NEAR(accuracy_with({.backend = Backend::kXnnpack}), kAccuracy, kRounding);
  EXPECT_NEAR(accuracy_with({.backend = Backend::kPortable}), kAccuracy, kRounding);
}

/// Calibrated on images that are not among those tested.
QuantizeOptions int8_options() {
  const Tensor images = read_npy(kFolder / "calibration.npy").value();
  std::vector<std::vector<Tensor>> samples;
  for (std::int64_t i = 0; i < images.size(0); ++i) samples.push_back({image_at(images, i)});
  return {.calibration = tensor_inputs(std::move(samples))};
}

TEST(Shapes, Int8ProgramsLoseLessThanAPoint) {
  EXPECT_GE(accuracy_with({.backend = Backend::kXnnpack, .quantize = int8_options()}),
            kAccuracy - 0.01);
  EXPECT_GE(accuracy_with({.backend = Backend::kPortable, .quantize = int8_options()}),
            kAccuracy - 0.01);
}

/// Both backends compute with the same integers; sums that lie in the middle between two steps may
/// be rounded either way, which later layers pass on.
TEST(Shapes, Int8ProgramsAreTheSameOnBothBackends) {
  const auto delegated = outputs_with({.backend = Backend::kXnnpack, .quantize = int8_options()});
  const auto portable = outputs_with({.backend = Backend::kPortable, .quantize = int8_options()});
  ASSERT_EQ(delegated.size(), portable.size());
  // Outputs are integers times a scale: the least difference between two of them.
  const std::set<float> values(delegated.begin(), delegated.end());
  double step = std::numeric_limits<double>::infinity();
  for (auto value = std::next(values.begin()); value != values.end(); ++value) {
    step = std::min(step, static_cast<double>(*value) - static_cast<double>(*std::prev(value)));
  }
  std::size_t num_close = 0;
  for (std::size_t i = 0; i < delegated.size(); ++i) {
    const double difference = static_cast<double>(delegated[i]) - static_cast<double>(portable[i]);
    num_close += std::abs(difference) <= 1.001 * step ? 1 : 0;
  }
  EXPECT_GE(static_cast<double>(num_close), 0.999 * static_cast<double>(delegated.size()));
}

class Observers : public ::testing::TestWithParam<Observer> {};

TEST_P(Observers, LoseLessThanAPoint) {
  QuantizeOptions options = int8_options();
  options.observer = GetParam();
  EXPECT_GE(accuracy_with({.quantize = options}), kAccuracy - 0.01);
}

std::string name_of_observer(const ::testing::TestParamInfo<Observer>& info) {
  constexpr const char* kNames[] = {"MinMax", "Histogram", "Percentile", "Mse"};
  return kNames[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(, Observers,
                         ::testing::Values(Observer::kMinMax, Observer::kPercentile,
                                           Observer::kMse),
                         name_of_observer);

}  // namespace
}  // namespace tessera
