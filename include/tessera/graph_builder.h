// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tessera/compile.h"
#include "tessera/input_size.h"
#include "tessera/tensor.h"
#include "tessera/weights.h"

namespace tessera {

/// A tensor of a graph under construction; of use to the GraphBuilder that made it only.
struct GraphValue {
  std::uint32_t index = UINT32_MAX;
};

/// What stands at one argument position of an operator's schema: none (`{}`), a tensor or list of
/// tensors, a number, a bool, text, a list of numbers.
class GraphArgument {
 public:
  using Held =
      std::variant<std::monostate, GraphValue, std::vector<GraphValue>, std::int64_t, double, bool,
                   std::string, std::vector<std::int64_t>, std::vector<double>>;

  GraphArgument() = default;
  GraphArgument(GraphValue value) : held_(value) {}
  GraphArgument(std::vector<GraphValue> values) : held_(std::move(values)) {}
  GraphArgument(std::initializer_list<GraphValue> values) : held_(std::vector(values)) {}
  GraphArgument(std::same_as<bool> auto value) : held_(value) {}
  GraphArgument(std::integral auto value)
    requires(!std::same_as<decltype(value), bool>)
      : held_(static_cast<std::int64_t>(value)) {}
  GraphArgument(std::floating_point auto value) : held_(static_cast<double>(value)) {}
  GraphArgument(const char* text) : held_(std::string(text)) {}
  GraphArgument(std::string text) : held_(std::move(text)) {}
  GraphArgument(std::vector<std::int64_t> values) : held_(std::move(values)) {}
  GraphArgument(std::vector<double> values) : held_(std::move(values)) {}
  template <std::integral T>
  GraphArgument(std::initializer_list<T> values)
      : held_(std::vector<std::int64_t>(values.begin(), values.end())) {}
  template <std::floating_point T>
  GraphArgument(std::initializer_list<T> values)
      : held_(std::vector<double>(values.begin(), values.end())) {}

  const Held& held() const { return held_; }

 private:
  Held held_;
};

/// Range of the elements of a parameter whose numbers are seeded.
struct SeededRange {
  double min = 0, max = 0;
};

struct Conv2dOptions {
  std::int64_t out_channels = 0;
  std::int64_t kernel = 3;  ///< rows and columns
  std::int64_t stride = 1;
  std::int64_t padding = -1;  ///< negative: sizes stay (with stride 1 and an odd kernel)
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool has_bias = true;
};

/// Builds a network operator by operator: images are [N, C, H, W]. What is built compiles exactly
/// as an imported .pt2 file does.
///
/// Errors stick: the first one is kept, later calls do nothing, and `compile` returns it. So a
/// network is written without checks in between. Not synchronised.
///
/// Layers are called as torch.nn's; their parameters' names are the layer's name, a dot and
/// "weight", "bias", "running_mean" or "running_var", as in a state_dict.
class GraphBuilder {
 public:
  explicit GraphBuilder(Weights weights = Weights::seeded(0));
  ~GraphBuilder();
  GraphBuilder(GraphBuilder&& other) noexcept;
  GraphBuilder& operator=(GraphBuilder&& other) noexcept;

  GraphValue input(std::string name, const std::vector<InputSize>& sizes,
                   DType dtype = DType::kF32);
  /// The f32 tensor of this name from the weights, or seeded numbers in the range. All parameters
  /// that the weights lack, or have in another shape or type, are named in one error.
  GraphValue parameter(const std::string& name, const Shape& shape, SeededRange range);
  /// The same with elements to take if weights are seeded.
  GraphValue parameter(const std::string& name, const Tensor& otherwise);
  /// A tensor that is no weight.
  GraphValue constant(const std::string& name, Tensor elements);
  /// Calls an operator by its full ATen name ("aten::add.Tensor") with arguments in the order of
  /// its schema; those at the end that have defaults may be left out. The operator must have one
  /// result. `layer` is what messages call the place.
  GraphValue call(std::string_view name, const std::vector<GraphArgument>& arguments,
                  std::string_view layer = {});
  /// The next result of the network.
  void output(GraphValue value);

  // ---- layers ----------------------------------------------------------------------------------
  GraphValue conv2d(const std::string& layer, GraphValue x, const Conv2dOptions& options);
  GraphValue batch_norm(const std::string& layer, GraphValue x, double epsilon = 1e-5);
  /// Over the last dimension.
  GraphValue linear(const std::string& layer, GraphValue x, std::int64_t out_features);

  // ---- functions -------------------------------------------------------------------------------
  GraphValue relu(GraphValue x);
  GraphValue add(GraphValue a, GraphValue b);
  GraphValue cat_channels(const std::vector<GraphValue>& values);
  GraphValue max_pool2d(GraphValue x, std::int64_t kernel, std::int64_t stride,
                        std::int64_t padding = 0);
  /// Mean over height and width, which become 1.
  GraphValue global_average_pool(GraphValue x);
  /// Bilinear, pixel centres at halves (align_corners=False): `factor` times as many rows and
  /// columns, or as many as `like` has.
  GraphValue upsample(GraphValue x, std::int64_t factor);
  GraphValue resize_to(GraphValue x, GraphValue like);

  /// The number of channels, size 1 of an image; 0 if there was an error.
  std::int64_t channels(GraphValue x) const;
  /// Weights whose names start so may be there without being used.
  void allow_unused(std::string prefix);

  /// The text form of the graph so far, as `tessera compile --dump-ir` writes it; empty after an
  /// error.
  std::string text() const;

  struct State;  ///< in src/models/build_state.h

 private:
  friend State& state_of(GraphBuilder& builder);
  std::unique_ptr<State> state_;
};

/// Compiles what was built, as compile() of tessera/compile.h does for a file. Weights that nothing
/// asked for are an error, too; "num_batches_tracked" of batch norms may be there.
Result<CompileReport> compile(GraphBuilder builder, const std::filesystem::path& model_pte,
                              const CompileOptions& options = {});

}  // namespace tessera
