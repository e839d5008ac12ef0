// SPDX-License-Identifier: MIT
#include "cli/input_arguments.h"

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <format>

#include "base/try.h"
#include "cli/calibration_images.h"
#include "cli/elements.h"
#include "cli/shape_arguments.h"
#include "cli/tensor_files.h"
#include "tensor/npy.h"
#include "tessera/image.h"

namespace tessera::cli {
namespace {

constexpr std::string_view kRandom = "random";

/// The same numbers in every run (Knuth's MMIX generator, The Art of Computer Programming
/// 2, 3.3.4). In 0..1 as image models take them; small integers that are also indices of most
/// things.
void fill_with_random_numbers(const Tensor& tensor) {
  visit_elements(tensor, [&]<class T>(std::span<T> elements) {
    const double limit = tensor.dtype() == DType::kBool || sizeof(T) > 2 ? 2 : 128;
    std::uint64_t state = 1;
    for (T& element : elements) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const double unit = static_cast<double>(state >> 40) / (1 << 24);
      element = static_cast<T>(std::integral<T> ? std::floor(unit * limit) : unit);
    }
  });
}

Result<Tensor> filled(DType dtype, const Shape& shape, std::string_view fill) {
  Tensor tensor = TRY(Tensor::zeros(dtype, shape));
  if (fill == "ones") {
    visit_elements(tensor, []<class T>(std::span<T> elements) {
      for (T& element : elements) element = static_cast<T>(1.0);
    });
  } else if (fill == kRandom) {
    fill_with_random_numbers(tensor);
  }
  return tensor;
}

/// Nobody asked for the upper bounds: they must not be what fills the machine.
Result<void> check_upper_bounds(const MethodInfo& method, std::span<const InputSizes> sizes,
                                std::span<const TensorInfo> infos, std::size_t first) {
  std::size_t num_bytes = 0;
  for (const std::size_t arena : method.planned_bytes) num_bytes += arena;
  bool is_upper_bound = false;
  for (std::size_t i = first; i < sizes.size(); ++i) {
    is_upper_bound |= sizes[i].is_upper_bound;
    num_bytes += Tensor::view(infos[i].dtype, sizes[i].shape, nullptr).num_bytes();
  }
  const auto memory = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                      static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (!is_upper_bound || num_bytes <= memory / 2) return {};
  return fail(ErrorCode::kInvalidArgument,
              "at the upper bounds of its sizes the method needs {} MiB, this machine has {}: say "
              "sizes with --shape",
              num_bytes >> 20, memory >> 20);
}

std::string origin_of(const InputSizes& sizes, std::string_view fill, bool is_given) {
  const std::string what = fill == kRandom ? "random numbers" : std::string(fill);
  if (sizes.is_upper_bound) return what + " at the upper bounds";
  return what + (is_given ? " at the sizes given" : "");
}

ModelInput model_input_of(const TensorInfo& info) {
  ModelInput input{.name = info.type_string, .dtype = info.dtype};
  for (std::size_t dim = 0; dim < info.max_sizes.rank(); ++dim) {
    const std::int64_t min = info.is_dynamic ? info.min_sizes[dim] : info.max_sizes[dim];
    input.sizes.push_back(min == info.max_sizes[dim]
                              ? InputSize(min)
                              : InputSize(std::format("d{}", dim), min, info.max_sizes[dim]));
  }
  return input;
}

}  // namespace

void InputArguments::add_to(CLI::App& command) {
  command
      .add_option("-i,--input", files,
                  "File of an input, once for each in order: .npy, .bin or .raw (bytes), an image")
      ->allow_extra_args(false);
  add_reading_to(command);
}

void InputArguments::add_reading_to(CLI::App& command) {
  command
      .add_option("--shape", shapes,
                  "Sizes of an input that has no file or a raw one: 0:1,3,512,512, or by the names "
                  "that inspect shows: h=512,w=640 (default: upper bounds)")
      ->allow_extra_args(false);
  command
      .add_option("--fill", fill,
                  "Inputs without a file are zeros, ones or random (the same in every run)")
      ->check(CLI::IsMember({"zeros", "ones", "random"}));
  pixels.add_reading_to(command);
}

Result<std::vector<PreparedInput>> InputArguments::make(const Program& program,
                                                        const std::string& method,
                                                        bool is_fill_implied) const {
  const auto infos = TRY(program.inputs(method));
  const bool has_fill = is_fill_implied || !fill.empty() || !shapes.empty();
  if (files.size() > infos.size() || (files.size() < infos.size() && !has_fill)) {
    return fail(ErrorCode::kInvalidArgument, "method '{}' has {} inputs, --input names {}{}",
                method, infos.size(), files.size(),
                files.size() < infos.size() ? " (--fill makes up the others)" : "");
  }
  const auto arguments = TRY(ShapeArguments::parse(shapes));
  const auto sizes = TRY(resolve_sizes(program, method, arguments));
  TRY(check_upper_bounds(TRY(program.info(method)), sizes, infos, files.size()));
  const std::string_view filling = fill.empty() ? kRandom : std::string_view(fill);

  std::vector<PreparedInput> inputs;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    PreparedInput input;
    if (i >= files.size()) {
      input.tensor = TRY(filled(infos[i].dtype, sizes[i].shape, filling));
      input.origin = origin_of(sizes[i], filling, infos[i].is_dynamic);
    } else if (is_raw(files[i])) {
      input = {TRY(read_raw(files[i], infos[i].dtype, sizes[i].shape)), files[i]};
    } else if (is_npy(files[i])) {
      input = {TRY(read_npy(files[i])), files[i]};
    } else if (fits_images) {
      const auto input_type = model_input_of(infos[i]);
      input = {TRY(read_images({files[i]}, 0, input_type, pixels.format())), files[i]};
    } else {
      const bool takes_samples = infos[i].dtype == DType::kU8;
      input = {takes_samples ? TRY(image::read_samples(files[i], pixels.format()))
                             : TRY(image::read_image(files[i], pixels.format())),
               files[i]};
    }
    const auto given = arguments.inputs.find(i);
    if (given != arguments.inputs.end() && given->second != input.tensor.shape()) {
      return fail(ErrorCode::kInvalidArgument, "{} is {}, --shape says {}", input.origin,
                  input.tensor.type_string(), given->second.to_string());
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Result<std::vector<PreparedInput>> InputArguments::bind(const LoadedMethod& loaded,
                                                        bool is_fill_implied) const {
  auto inputs = TRY(make(*loaded.program, loaded.name, is_fill_implied));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto bound = loaded.method->bind_input(i, inputs[i].tensor);
    if (!bound) return with_context(std::move(bound).error(), inputs[i].origin);
  }
  return inputs;
}

}  // namespace tessera::cli
