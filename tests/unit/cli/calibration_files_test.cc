// SPDX-License-Identifier: MIT
// What --calibrate makes of files and folders.
#include "cli/calibration_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/calibration_images.h"
#include "cli/command_line.h"
#include "tensor/npy.h"
#include "tessera/image.h"

namespace tessera::cli {
namespace {

using tessera::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// All samples of one channel are its number, times 10, plus `first`.
void write_flat_image(const std::filesystem::path& path, std::int64_t channels, std::int64_t height,
                      std::int64_t width, float first = 0) {
  std::filesystem::create_directories(path.parent_path());
  Tensor image = Tensor::empty(DType::kF32, {1, channels, height, width}).value();
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    image.data<float>()[i] = first + 10 * static_cast<float>(i / (height * width));
  }
  const auto written = image::write_image(
      path, image, {.format = {.scale = PixelFormat::Scale::kNone}, .dtype = DType::kU8});
  ASSERT_TRUE(written) << written.error().to_string();
}

void write_tensor(const std::filesystem::path& path, const Shape& shape, float value) {
  std::filesystem::create_directories(path.parent_path());
  const std::vector<float> elements(static_cast<std::size_t>(shape.num_elements()), value);
  ASSERT_TRUE(write_npy(path, Tensor::of<float>(shape, elements)));
}

ModelInput image_input(InputSize height, InputSize width, std::int64_t channels = 3) {
  return {"x", DType::kF32, {1, channels, std::move(height), std::move(width)}};
}

Result<CalibrationInputs> inputs_of(std::vector<std::string> data,
                                    std::optional<std::size_t> num_samples = std::nullopt) {
  CalibrationArguments arguments{.data = std::move(data), .num_samples = num_samples};
  arguments.pixels.scale = "none";
  return arguments.inputs();
}

std::string error_of(const Result<CalibrationInputs>& inputs) {
  return inputs ? "no error" : inputs.error().message;
}

std::string error_of_sample(const Result<CalibrationInputs>& inputs,
                            std::span<const ModelInput> model) {
  if (!inputs) return inputs.error().message;
  const auto sample = inputs->inputs(0, model);
  return sample ? "no error" : sample.error().message;
}

/// The first element of each sample of a model with one input.
std::vector<float> first_elements(const CalibrationInputs& inputs, const ModelInput& input) {
  std::vector<float> elements;
  for (std::size_t i = 0; i < inputs.num_samples; ++i) {
    const auto sample = inputs.inputs(i, std::span(&input, 1));
    if (!sample) {
      ADD_FAILURE() << sample.error().to_string();
      continue;
    }
    elements.push_back(sample->at(0).data<float>()[0]);
  }
  return elements;
}

TEST(CalibrationFiles, WalksFoldersInOrderAndSpreadsSamples) {
  const TemporaryFolder folder;
  for (int i = 0; i < 10; ++i) {
    write_flat_image(folder / std::format("class{}/{}.png", i / 5, i % 5), 3, 4, 6,
                     static_cast<float>(i));
  }
  write_tensor(folder / "class1/extra.npy", {1, 3, 4, 6}, 77);
  write_tensor(folder / ".hidden/a.npy", {1, 3, 4, 6}, 99);
  std::ofstream(folder / "labels.txt") << "no image";
  const std::string path = (folder / "").string();
  const ModelInput input = image_input(4, 6);
  EXPECT_THAT(first_elements(inputs_of({path}).value(), input),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 77));
  EXPECT_THAT(first_elements(inputs_of({path}, 3).value(), input), ElementsAre(0, 3, 7));
  EXPECT_THAT(first_elements(inputs_of({path}, 100).value(), input).size(), 11u);
  EXPECT_THAT(first_elements(inputs_of({(folder / "class1/3.png").string(),
                                        (folder / "class0/1.png").string()})
                                 .value(),
                             input),
              ElementsAre(8, 1));
  EXPECT_FALSE(inputs_of({path}).value().is_random);
}

TEST(CalibrationFiles, PixelsAreThoseOfRun) {
  const TemporaryFolder folder;
  write_flat_image(folder / "a.png", 3, 4, 6, 51);
  CalibrationArguments arguments{.data = {(folder / "a.png").string()}};
  arguments.pixels.channels = "bgr";
  const ModelInput input = image_input(4, 6);
  const auto sample = arguments.inputs().value().inputs(0, std::span(&input, 1)).value();
  EXPECT_FLOAT_EQ(sample[0].data<float>()[0], 71.0f / 255);
}

TEST(CalibrationFiles, OneFolderForEachInput) {
  const TemporaryFolder folder;
  for (const std::string name : {"0.npy", "1.npy"}) {
    write_tensor(folder / "left" / name, {2}, name[0] == '0' ? 1 : 2);
    write_tensor(folder / "right" / name, {3}, name[0] == '0' ? 10 : 20);
  }
  const ModelInput model[] = {{"b", DType::kF32, {3}}, {"a", DType::kF32, {2}}};
  const std::string a = "a=" + (folder / "left").string(), b = "b=" + (folder / "right").string();
  const auto sample = inputs_of({a, b}).value().inputs(1, model).value();
  EXPECT_EQ(sample[0].data<float>()[0], 20);
  EXPECT_EQ(sample[1].data<float>()[0], 2);

  EXPECT_THAT(error_of_sample(inputs_of({a}), model), HasSubstr("the model has 2 (b: f32[3], a: "));
  EXPECT_THAT(error_of_sample(inputs_of({a, "c" + b}), model), HasSubstr("no files for b: f32[3]"));
  EXPECT_THAT(error_of_sample(inputs_of({a.substr(2)}), model), HasSubstr("the model has 2"));
  EXPECT_THAT(error_of(inputs_of({a, b.substr(2)})), HasSubstr("for every input or for none"));
  std::filesystem::remove(folder / "left/0.npy");
  EXPECT_THAT(error_of(inputs_of({a, b})), HasSubstr("1 files for a, 2 for b"));
}

TEST(CalibrationFiles, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const ModelInput input = image_input(4, 6);
  const std::span<const ModelInput> model(&input, 1);
  const auto path = [&](const std::string& name) { return (folder / name).string(); };

  EXPECT_THAT(error_of(inputs_of({})), HasSubstr("--calibrate random to try out"));
  EXPECT_THAT(error_of(inputs_of({"random", path("")})), HasSubstr("not both"));
  EXPECT_THAT(error_of(inputs_of({path("none")})), HasSubstr("none: no such file or folder"));
  EXPECT_THAT(error_of(inputs_of({path("")})), HasSubstr("without images or tensors (.npy .png"));

  std::ofstream(folder / "empty.png").close();
  EXPECT_THAT(error_of_sample(inputs_of({path("")}), model), HasSubstr("empty.png: not an image"));
  std::ofstream(folder / "broken.npy") << "text";
  EXPECT_THAT(error_of_sample(inputs_of({path("broken.npy")}), model), HasSubstr("broken.npy"));
  write_flat_image(folder / "gray.png", 1, 4, 6);
  EXPECT_THAT(error_of_sample(inputs_of({path("gray.png")}), model),
              HasSubstr("gray.png has 1 channel, the model's input is x: f32[1, 3, 4, 6]"));
  const ModelInput ids{"ids", DType::kI64, {1, 8}};
  EXPECT_THAT(error_of_sample(inputs_of({path("gray.png")}), std::span(&ids, 1)),
              HasSubstr("gray.png: images are f32[1, channels, height, width]"));
  write_tensor(folder / "small.npy", {1, 3, 4, 5}, 0);
  EXPECT_THAT(error_of_sample(inputs_of({path("small.npy")}), model),
              HasSubstr("small.npy is f32[1, 3, 4, 5], the model's input is x: f32[1, 3, 4, 6]"));
}

TEST(CalibrationFiles, RandomNumbersAreSaidToBeRandom) {
  const auto inputs = inputs_of({"random"}).value();
  EXPECT_TRUE(inputs.is_random);
  EXPECT_EQ(inputs.num_samples, 16u);
  EXPECT_EQ(inputs_of({"random"}, 2).value().num_samples, 2u);
}

TEST(FitImage, ScalesToFixedSizesAndCutsToDynamicOnes) {
  const InputSize h("h", 64, 512, 8), w("w", 64, 512, 8), unbounded("n", 1, INT64_MAX);
  const auto fit = [](std::int64_t width, std::int64_t height, const InputSize& rows,
                      const InputSize& columns) {
    return fit_image({width, height, 3}, rows, columns);
  };
  EXPECT_EQ(fit(640, 480, 224, 224), (FittedSize{224, 224, true}));
  EXPECT_EQ(fit(224, 224, 224, 224), (FittedSize{224, 224, false}));
  EXPECT_EQ(fit(100, 50, 224, 224), (FittedSize{224, 224, true}));
  EXPECT_EQ(fit(333, 127, h, w), (FittedSize{328, 120, false}));
  EXPECT_EQ(fit(333, 127, h, h), (FittedSize{120, 120, false}));
  EXPECT_EQ(fit(4000, 3000, h, w), (FittedSize{512, 512, false}));
  EXPECT_EQ(fit(40, 100, h, w), (FittedSize{64, 96, true}));
  EXPECT_EQ(fit(4000, 3000, unbounded, unbounded), (FittedSize{1024, 1024, false}));
  EXPECT_EQ(fit(800, 400, 100, w), (FittedSize{200, 100, true}));
}

/// The left half black, the right half white; what is scaled has the same halves.
TEST(ReadImages, KeepsTheMiddle) {
  const TemporaryFolder folder;
  Tensor image = Tensor::empty(DType::kF32, {1, 1, 40, 120}).value();
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    image.data<float>()[i] = i % 120 < 60 ? 0 : 1;
  }
  const auto path = folder / "halves.png";
  ASSERT_TRUE(image::write_image(path, image, {.dtype = DType::kU8}));
  for (const auto& [rows, columns] : {std::pair<InputSize, InputSize>{8, 8},
                                      {80, 80},
                                      {40, 40},
                                      {20, InputSize("w", 2, 10, 2)},
                                      {InputSize("h", 1, 100), InputSize("w", 2, 10, 2)}}) {
    const Tensor read = read_images({path}, 0, image_input(rows, columns, 1), {}).value();
    const std::int64_t width = read.size(3);
    for (std::int64_t i = 0; i < read.num_elements(); ++i) {
      const std::int64_t x = i % width;
      if (x == width / 2 || x == width / 2 - 1) continue;  // the edge is blurred
      EXPECT_EQ(read.data<float>()[i], x < width / 2 ? 0 : 1) << read.type_string() << " at " << i;
    }
  }
}

TEST(ReadImages, FillsBatchesWithTheImagesThatFollow) {
  const TemporaryFolder folder;
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < 3; ++i) {
    files.push_back(folder / std::format("{}.png", i));
    write_flat_image(files.back(), 3, 4 + i, 6, static_cast<float>(100 + i));
  }
  const ModelInput input{"x", DType::kF32, {2, 3, 4, 6}};
  const Tensor batch = read_images(files, 2, input, {.scale = PixelFormat::Scale::kNone}).value();
  EXPECT_EQ(batch.type_string(), "f32[2, 3, 4, 6]");
  EXPECT_EQ(batch.data<float>()[0], 102);
  EXPECT_EQ(batch.data<float>()[3 * 4 * 6], 100);
}

}  // namespace
}  // namespace tessera::cli
