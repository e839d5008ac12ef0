// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tessera/graph_builder.h"

/// Networks that Tessera brings along. Their layers have torchvision's names, so that checkpoints
/// of torchvision fit.
namespace tessera {

struct NamedModel {
  std::string_view name;                   ///< "mv2"
  std::string_view description;            ///< "MobileNetV2 (torchvision mobilenet_v2)"
  std::int64_t channels = 3;               ///< of the input
  std::int64_t height = 224, width = 224;  ///< unless options say otherwise
  std::int64_t multiple_of = 1;            ///< what heights and widths must be
  std::int64_t num_classes = 0;            ///< unless options say otherwise; 0: no classifier
};

/// Inclusive.
struct SizeRange {
  std::int64_t min = 0, max = 0;
};

struct NamedModelOptions {
  Weights weights = Weights::seeded(0);
  /// One size is fixed, a range is left to each run. Named "h" and "w" in the program's signature.
  std::optional<SizeRange> height, width;
  std::optional<std::int64_t> num_classes;
};

/// All of them.
std::span<const NamedModel> named_models();

/// Builds one: input f32[1, channels, height, width]. Fails for other names and for sizes that the
/// model cannot have; what else is wrong, compile() says.
Result<GraphBuilder> build_named_model(std::string_view name,
                                       const NamedModelOptions& options = {});

}  // namespace tessera
