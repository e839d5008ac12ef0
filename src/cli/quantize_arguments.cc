// SPDX-License-Identifier: MIT
#include "cli/quantize_arguments.h"

#include <unistd.h>

#include <algorithm>
#include <format>
#include <map>
#include <print>

#include "base/try.h"

namespace tessera::cli {
namespace {

const std::map<std::string, Scheme> kSchemes = {{"int8", Scheme::kInt8},
                                                {"int8-dynamic", Scheme::kInt8Dynamic},
                                                {"int4-grouped", Scheme::kInt4Grouped},
                                                {"fp16", Scheme::kFp16}};

/// A bar on the terminal, one line that is written over.
void print_progress(std::size_t done, std::size_t total) {
  constexpr std::size_t kWidth = 40;
  const std::size_t filled = total == 0 ? kWidth : done * kWidth / total;
  std::print(stderr, "\rcalibrating [{}{}] {}/{} ", std::string(filled, '#'),
             std::string(kWidth - filled, '.'), done, total);
  if (done == total) std::print(stderr, "\r{}\r", std::string(kWidth + 40, ' '));
}

void print_layers(const QuantizationReport& report) {
  std::vector<QuantizedLayer> layers = report.layers;
  std::ranges::stable_sort(layers, std::ranges::less(), [](const QuantizedLayer& layer) {
    return layer.is_quantized ? layer.sqnr_db : -1e9;
  });
  std::println("    SQNR  range used  layer, worst first");
  for (const QuantizedLayer& layer : layers) {
    if (layer.is_quantized) {
      std::println("{:5.1f} dB  {:8.0f} %  {}", layer.sqnr_db, 100 * layer.range_use, layer.name);
    } else {
      std::println("   float              {}: {}", layer.name, layer.reason);
    }
  }
}

}  // namespace

void QuantizeArguments::add_to(CLI::App& command) {
  std::vector<std::string> names;
  for (const auto& [name, value] : kSchemes) names.push_back(name);
  CLI::Option* quantize =
      command
          .add_option("--quantize", scheme,
                      "int8: weights and activations, ranges measured on --calibrate; int8-dynamic "
                      "and int4-grouped: weights of linear layers, activations by their range in "
                      "each run; fp16: 16-bit floats")
          ->check(CLI::IsMember(names));
  calibration.add_to(command);
  command.add_flag("--per-tensor", per_tensor, "One scale for all channels of a weight")
      ->needs(quantize);
  command
      .add_flag("--no-bias-correction", keep_biases,
                "Leave biases as they are (default: corrected if that helps)")
      ->needs(quantize);
  command
      .add_flag("--no-equalization", keep_channels,
                "Leave the channels' scales as they are (default: equalized if that helps)")
      ->needs(quantize);
  command
      .add_option(
          "--accuracy-budget", accuracy_budget_db,
          "Signal-to-noise ratio of the outputs in dB that has to be kept: sensitive layers "
          "stay in floating point")
      ->needs(quantize);
  const auto add_type = [&](const std::string& name, std::string& type, const std::string& what) {
    command
        .add_option(
            name, type,
            what + ": u8 (0..255 for 0..1, as in images) or int8 (what the layers work with)")
        ->check(CLI::IsMember({"u8", "int8"}))
        ->needs(quantize);
  };
  add_type("--input-type", input_type, "Integers instead of f32 inputs");
  add_type("--output-type", output_type, "Integers instead of f32 outputs");
  command.add_flag("--report", report, "Say of every layer what quantizing it costs")
      ->needs(quantize);
}

Result<std::optional<QuantizeOptions>> quantize_options(const QuantizeArguments& arguments) {
  if (arguments.scheme.empty()) return std::nullopt;
  QuantizeOptions options{.scheme = kSchemes.at(arguments.scheme),
                          .observer = arguments.calibration.observer(),
                          .per_channel = !arguments.per_tensor,
                          .correct_biases = !arguments.keep_biases,
                          .equalize = !arguments.keep_channels,
                          .accuracy_budget_db = arguments.accuracy_budget_db};
  const auto type_of = [](const std::string& name) -> std::optional<DType> {
    if (name.empty()) return std::nullopt;
    return name == "u8" ? DType::kU8 : DType::kI8;
  };
  options.input_type = type_of(arguments.input_type);
  options.output_type = type_of(arguments.output_type);
  if (isatty(STDERR_FILENO) != 0) options.progress = print_progress;
  const bool needs_data = options.scheme == Scheme::kInt8;
  if (needs_data || !arguments.calibration.data.empty()) {
    options.calibration = TRY(arguments.calibration.inputs());
  }
  return options;
}

namespace {

void print_edges(std::string_view what, const std::vector<QuantizedEdge>& edges) {
  for (const QuantizedEdge& edge : edges) {
    std::println("{} '{}': {}, each {:.9g} * (q - {})", what, edge.name, name_of(edge.dtype),
                 edge.scale, edge.zero_point);
  }
}

}  // namespace

void print_quantization(const CompileReport& report, const QuantizeArguments& arguments) {
  for (const QuantizationReport& method : report.quantization) {
    if (arguments.report) print_layers(method);
    print_edges("input", method.inputs);
    print_edges("output", method.outputs);
    const auto num_floats = std::ranges::count(method.layers, false, &QuantizedLayer::is_quantized);
    if (!method.layers.empty()) {
      std::print("{} of {} layers quantized, ",
                 method.layers.size() - static_cast<std::size_t>(num_floats), method.layers.size());
    }
    if (method.num_samples == 0) {
      std::println("accuracy not measured: no --calibrate");
      continue;
    }
    std::println("output SQNR {:.1f} dB on {} {}samples{}{}", method.output_sqnr_db,
                 method.num_samples, method.is_random ? "random " : "",
                 method.are_biases_corrected ? ", biases corrected" : "",
                 method.is_equalized ? ", channels equalized" : "");
  }
}

}  // namespace tessera::cli
