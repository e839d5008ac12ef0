// SPDX-License-Identifier: MIT
#include "tessera/named_models.h"

#include <algorithm>
#include <format>
#include <variant>

#include "base/try.h"
#include "models/recipes.h"

namespace tessera {
namespace {

constexpr std::int64_t kMaxClasses = 100'000;  // so that a slip of the keyboard fills no memory

using PixelRecipe = GraphValue (*)(GraphBuilder&, GraphValue);
using ClassRecipe = GraphValue (*)(GraphBuilder&, GraphValue, std::int64_t num_classes);

constexpr NamedModel kModels[] = {
    {.name = "edge",
     .description = "3x3 Laplacian and a clamp, 1 channel; its weights are the Laplacian",
     .channels = 1,
     .height = 288,
     .width = 288},
    {.name = "edsr", .description = "super-resolution x2, 4 residual blocks of 32 channels"},
    {.name = "unet",
     .description = "U-Net of two levels, 1 channel; sizes are multiples of 4",
     .channels = 1,
     .height = 256,
     .width = 256,
     .multiple_of = 4},
    {.name = "resnet18", .description = "torchvision's resnet18", .num_classes = 1000},
    {.name = "resnet50", .description = "torchvision's resnet50", .num_classes = 1000},
    {.name = "mv2", .description = "torchvision's mobilenet_v2", .num_classes = 1000},
    {.name = "mv3_small", .description = "torchvision's mobilenet_v3_small", .num_classes = 1000},
    {.name = "mv3_large", .description = "torchvision's mobilenet_v3_large", .num_classes = 1000},
    {.name = "deeplab",
     .description = "torchvision's deeplabv3_mobilenet_v3_large",
     .height = 520,
     .width = 520,

     .num_classes = 21},
};
/// In the order of kModels.
constexpr std::variant<PixelRecipe, ClassRecipe> kRecipes[] = {
    models::edge,
    models::edsr,
    models::unet,
    models::resnet18,
    models::resnet50,
    models::mobilenet_v2,
    models::mobilenet_v3_small,
    models::mobilenet_v3_large,
    models::deeplab_v3,
};
static_assert(std::size(kModels) == std::size(kRecipes));

std::string all_names() {
  std::string names;
  for (const NamedModel& model : kModels)
    names += (names.empty() ? "" : ", ") + std::string(model.name);
  return names;
}

Result<InputSize> input_size(const NamedModel& model, const char* symbol,
                             std::optional<SizeRange> wanted, std::int64_t usual) {
  const SizeRange range = wanted.value_or(SizeRange{usual, usual});
  if (range.min < 1 || range.min > range.max || range.min % model.multiple_of != 0 ||
      range.max % model.multiple_of != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "size '{}' of model '{}': expected 1 <= MIN <= MAX{}, found {}..{}", symbol,
                model.name,
                model.multiple_of == 1 ? "" : std::format(", multiples of {}", model.multiple_of),
                range.min, range.max);
  }
  if (range.min == range.max) return InputSize(range.min);
  return InputSize(symbol, range.min, range.max, model.multiple_of);
}

}  // namespace

std::span<const NamedModel> named_models() { return kModels; }

Result<GraphBuilder> build_named_model(std::string_view name, const NamedModelOptions& options) {
  const auto found = std::ranges::find(kModels, name, &NamedModel::name);
  if (found == std::end(kModels)) {
    return fail(ErrorCode::kNotFound, "there is no model '{}'; the models are {}", name,
                all_names());
  }
  const std::int64_t num_classes = options.num_classes.value_or(found->num_classes);
  if (options.num_classes &&
      (found->num_classes == 0 || num_classes < 1 || num_classes > kMaxClasses)) {
    return fail(ErrorCode::kInvalidArgument, "model '{}' cannot have {} classes, expected {}", name,
                num_classes,
                found->num_classes == 0 ? "none" : std::format("1 to {}", kMaxClasses));
  }
  GraphBuilder net(options.weights);
  const GraphValue x = net.input(
      "x", {1, found->channels, TRY(input_size(*found, "h", options.height, found->height)),
            TRY(input_size(*found, "w", options.width, found->width))});
  const auto& recipe = kRecipes[found - std::begin(kModels)];
  if (const auto* pixels = std::get_if<PixelRecipe>(&recipe)) {
    net.output((*pixels)(net, x));
  } else {
    net.output(std::get<ClassRecipe>(recipe)(net, x, num_classes));
  }
  return net;
}

}  // namespace tessera
