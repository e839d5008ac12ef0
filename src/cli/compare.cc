// SPDX-License-Identifier: MIT
#include "tessera/compare.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/compare_report.h"
#include "cli/image_files.h"
#include "cli/input_arguments.h"
#include "cli/method_arguments.h"
#include "cli/sample_files.h"
#include "cli/tensor_files.h"

namespace tessera::cli {
namespace {

struct Options {
  std::string first, second;
  MethodArguments method;  ///< of both; data files of the first
  std::vector<std::string> second_data_files;
  InputArguments inputs;
  std::vector<std::string> samples;
  double threshold_db = 20;
  bool layers = false, outputs_only = false;
  std::string json;
};

/// The files of each sample: as many as the method has inputs. Without files one sample, which is
/// filled.
Result<std::vector<std::vector<std::string>>> group_files(const std::vector<std::string>& files,
                                                          const LoadedMethod& loaded) {
  const std::size_t num_inputs = TRY(loaded.program->inputs(loaded.name)).size();
  if (files.empty() || num_inputs == 0) return std::vector<std::vector<std::string>>(1);
  if (files.size() % num_inputs != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "method '{}' has {} inputs: --inputs takes so many files for each run, {} are no "
                "multiple",
                loaded.name, num_inputs, files.size());
  }
  std::vector<std::vector<std::string>> groups;
  for (auto begin = files.begin(); begin != files.end();
       begin += static_cast<std::ptrdiff_t>(num_inputs)) {
    groups.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(num_inputs));
  }
  return groups;
}

bool is_image(const std::string& path) { return !is_npy(path) && !is_raw(path); }

Result<void> compare(const Options& options) {
  if (!options.json.empty()) TRY(check_folder_of(options.json));
  const LoadedMethod first = TRY(options.method.find(options.first));
  MethodArguments second_method = options.method;
  second_method.data_files = options.second_data_files;
  const LoadedMethod second = TRY(second_method.find(options.second));
  const auto files = TRY(expand_folders(options.samples));
  const bool has_images = std::ranges::any_of(files, is_image);
  const auto comparison = TRY(ProgramComparison::create(
      first.program, second.program,
      {.first_method = first.name,
       .second_method = second.name,
       .num_threads = options.method.num_threads,
       .layers = !options.outputs_only,
       .images_are_unit =
           has_images && options.inputs.pixels.format().scale == PixelFormat::Scale::kUnit}));
  for (const std::vector<std::string>& group : TRY(group_files(files, first))) {
    InputArguments arguments = options.inputs;
    arguments.files = group;
    std::vector<Tensor> tensors;
    for (PreparedInput& input :
         TRY(arguments.make(*first.program, first.name, /*is_fill_implied=*/false))) {
      tensors.push_back(std::move(input.tensor));
    }
    auto added = comparison->add(tensors);
    if (!added && group.empty()) return added;
    if (!added) return with_context(std::move(added).error(), group.front());
  }
  const ComparedPrograms compared{.first = options.first,
                                  .second = options.second,
                                  .report = comparison->report(),
                                  .threshold_db = options.threshold_db};
  print_comparison(compared, options.layers);
  if (!options.json.empty()) TRY(write_comparison(options.json, compared));
  return {};
}

}  // namespace

void add_compare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("compare", "Say how far apart two programs are, and from which layer on");
  command->add_option("first", options->first, "Program (.pte): what the second should compute")
      ->required();
  command->add_option("second", options->second, "Program (.pte)")->required();
  command->add_option("--inputs", options->samples,
                      "Files of inputs (.npy, .bin or .raw, images) or folders of them: one file "
                      "for each input of the method, in order, run after run");
  options->inputs.add_reading_to(*command);
  command->add_flag("--fit", options->inputs.fits_images,
                    "Scale or cut images to the method's sizes, as compile --calibrate does");
  command->add_option("--method", options->method.name,
                      "Method of both programs (default: forward, else the first)");
  command
      ->add_option("--data", options->method.data_files,
                   "Data file (.ptd) of the first program; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--second-data", options->second_data_files,
                   "Data file (.ptd) of the second program; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--threads", options->method.num_threads, "Threads; 0: all processors")
      ->capture_default_str();
  command
      ->add_option("--threshold", options->threshold_db,
                   "SQNR in dB below which a layer is said to differ")
      ->capture_default_str();
  command->add_flag("--layers", options->layers, "Print every layer that both programs have");
  command->add_flag("--outputs-only", options->outputs_only, "Do not look inside");
  command->add_option("--json", options->json,
                      "Write all numbers, those of layers too, to this file");
  command->callback([options] { finish(compare(*options)); });
}

}  // namespace tessera::cli
