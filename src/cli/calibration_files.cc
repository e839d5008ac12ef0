// SPDX-License-Identifier: MIT
#include "cli/calibration_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>
#include <map>
#include <utility>

#include "base/try.h"
#include "cli/calibration_images.h"
#include "tensor/npy.h"

namespace tessera::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRandom = "random";
/// Ranges hardly change after some hundred samples.
constexpr std::size_t kDefaultSamples = 128, kDefaultRandomSamples = 16;
constexpr std::uint64_t kSeed = 0;

/// What a folder is searched for: it may hold labels and the like as well. A file that is named is
/// opened whatever its extension.
constexpr std::array<std::string_view, 13> kExtensions = {".npy",  ".png", ".jpg", ".jpeg", ".tif",
                                                          ".tiff", ".bmp", ".gif", ".webp", ".jp2",
                                                          ".pgm",  ".ppm", ".pnm"};

constexpr std::pair<std::string_view, Observer> kObservers[] = {
    {"minmax", Observer::kMinMax},
    {"histogram", Observer::kHistogram},
    {"percentile", Observer::kPercentile},
    {"mse", Observer::kMse}};

/// Files by the name of their input; "" if no names are given.
using Files = std::map<std::string, std::vector<fs::path>, std::less<>>;

bool has_known_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char letter) {
    return 'A' <= letter && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return std::ranges::find(kExtensions, extension) != kExtensions.end();
}

/// All images and .npy files below the folder, sorted by their paths.
Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const bool is_hidden = entry->path().filename().string().starts_with('.');
    if (is_hidden && entry->is_directory(error)) entry.disable_recursion_pending();
    if (!is_hidden && entry->is_regular_file(error) && has_known_extension(entry->path())) {
      files.push_back(entry->path());
    }
  }
  if (error) {
    return fail(ErrorCode::kAccessFailed, "{}: {}", folder.string(), error.message());
  }
  if (files.empty()) {
    std::string extensions;
    for (const std::string_view extension : kExtensions)
      extensions += std::format(" {}", extension);
    return fail(ErrorCode::kNotFound, "{}: a folder without images or tensors ({})",
                folder.string(), extensions.substr(1));
  }
  std::ranges::sort(files);
  return files;
}

Result<void> add_files(const std::string& text, Files& files) {
  std::error_code error;
  std::string name;
  fs::path path = text;
  if (const std::size_t equals = text.find('=');
      equals != std::string::npos && equals > 0 && !fs::exists(path, error)) {
    name = text.substr(0, equals);
    path = text.substr(equals + 1);
  }
  if (!fs::exists(path, error)) {
    return fail(ErrorCode::kNotFound, "{}: no such file or folder", path.string());
  }
  auto& list = files[name];
  if (!fs::is_directory(path, error)) {
    list.push_back(std::move(path));
    return {};
  }
  const auto below = TRY(files_below(path));
  list.insert(list.end(), below.begin(), below.end());
  return {};
}

/// `count` of the files, spread evenly: folders are often sorted by what is in the images.
std::vector<fs::path> spread(const std::vector<fs::path>& files, std::size_t count) {
  std::vector<fs::path> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(files[i * files.size() / count]);
  return chosen;
}

Result<void> check_sizes(const fs::path& path, const Tensor& tensor, const ModelInput& input) {
  bool is_allowed = tensor.dtype() == input.dtype && tensor.rank() == input.sizes.size();
  for (std::size_t dim = 0; is_allowed && dim < tensor.rank(); ++dim) {
    is_allowed = input.sizes[dim].allows(tensor.size(dim));
  }
  if (is_allowed) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is {}, the model's input is {}", path.string(),
              tensor.type_string(), input.to_string());
}

Result<Tensor> read_input(const std::vector<fs::path>& files, std::size_t sample,
                          const ModelInput& input, const PixelFormat& format) {
  if (!is_npy(files[sample])) return read_images(files, sample, input, format);
  Tensor tensor = TRY(read_npy(files[sample]));
  TRY(check_sizes(files[sample], tensor, input));
  return tensor;
}

std::string to_string(std::span<const ModelInput> inputs) {
  std::string text;
  for (const ModelInput& input : inputs) {
    text += (text.empty() ? "" : ", ") + input.to_string();
  }
  return text;
}

Result<std::vector<Tensor>> read_sample(const Files& files, std::size_t sample,
                                        std::span<const ModelInput> inputs,
                                        const PixelFormat& format) {
  const bool has_names = !files.contains("");
  if (has_names ? files.size() != inputs.size() : inputs.size() != 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        "calibration has files for {} input{}, the model has {} ({}): --calibrate NAME=FILE "
        "or NAME=FOLDER once for each",
        files.size(), files.size() == 1 ? "" : "s", inputs.size(), to_string(inputs));
  }
  std::vector<Tensor> tensors;
  for (const ModelInput& input : inputs) {
    const auto found = files.find(has_names ? std::string_view(input.name) : "");
    if (found == files.end()) {
      return fail(ErrorCode::kInvalidArgument, "--calibrate: no files for {}", input.to_string());
    }
    tensors.push_back(TRY(read_input(found->second, sample, input, format)));
  }
  return tensors;
}

}  // namespace

void CalibrationArguments::add_to(CLI::App& command) {
  command
      .add_option(
          "--calibrate", data,
          "What ranges are measured on, may be repeated: an image, a .npy file or a folder "
          "of them, as the model's users will have; NAME=FILE or NAME=FOLDER for each input "
          "of several; or random. Images are scaled to cover the model's fixed sizes or cut to "
          "its dynamic ones")
      ->allow_extra_args(false);
  command
      .add_option("--samples", num_samples,
                  "How many of the files are used, spread evenly (default: at most 128, of random "
                  "numbers 16)")
      ->check(CLI::PositiveNumber);
  std::vector<std::string> names = {"best"};
  for (const auto& [name, kind] : kObservers) names.emplace_back(name);
  command
      .add_option(
          "--observer", observer_name,
          "How ranges follow from the numbers seen: all of them (minmax), without tails that "
          "cost more than they give (histogram), 99.99 % (percentile), by the least squared "
          "error (mse), or as the better of histogram and mse on the outputs")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  pixels.add_reading_to(command);
}

std::optional<Observer> CalibrationArguments::observer() const {
  const auto* found =
      std::ranges::find(kObservers, observer_name, &std::pair<std::string_view, Observer>::first);
  return found == std::end(kObservers) ? std::nullopt : std::optional(found->second);
}

Result<CalibrationInputs> CalibrationArguments::inputs() const {
  if (data.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "quantization needs data: --calibrate FOLDER with some hundred images like those to "
        "come, or --calibrate random to try out size and speed");
  }
  if (std::ranges::find(data, kRandom) != data.end()) {
    if (data.size() == 1) return random_inputs(num_samples.value_or(kDefaultRandomSamples), kSeed);
    return fail(ErrorCode::kInvalidArgument, "--calibrate: random numbers or files, not both");
  }
  Files files;
  for (const std::string& text : data) TRY(add_files(text, files));
  if (files.contains("") && files.size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                "--calibrate: NAME=FILE or NAME=FOLDER for every input or for none");
  }
  const std::size_t num_files = files.begin()->second.size();
  for (const auto& [name, list] : files) {
    if (list.size() == num_files) continue;
    return fail(ErrorCode::kInvalidArgument, "--calibrate: {} files for {}, {} for {}", num_files,
                files.begin()->first, list.size(), name);
  }
  const std::size_t count = std::min(num_samples.value_or(kDefaultSamples), num_files);
  for (auto& [name, list] : files) list = spread(list, count);
  return CalibrationInputs{.num_samples = count,
                           .inputs = [files = std::move(files), format = pixels.format()](
                                         std::size_t sample, std::span<const ModelInput> inputs) {
                             return read_sample(files, sample, inputs, format);
                           }};
}

}  // namespace tessera::cli
