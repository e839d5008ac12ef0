// SPDX-License-Identifier: MIT
#include "cli/compare_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <print>
#include <span>

#include "base/mapped_file.h"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

void print_output(std::size_t index, const OutputComparison& output) {
  const TensorDifference& difference = output.difference;
  std::println("output {}: {}", index, output.type);
  if (difference.num_not_finite > 0) {
    std::println("  {} of {} elements are NaN or infinite in one program only",
                 difference.num_not_finite, difference.num_elements);
  }
  std::println("  error: largest {:.6g}, mean {:.6g}, relative {:.3g}", difference.max_error,
               difference.mean_error, difference.relative_error);
  std::println("  SQNR {:.2f} dB, PSNR {:.2f} dB (peak {:.6g}: {}), cosine similarity {:.6f}",
               difference.sqnr_db, output.psnr_db, output.peak, output.peak_name,
               difference.cosine);
  if (output.num_rows > 0) {
    std::println("  largest element at the same place: {} of {} ({:.1f} %)",
                 output.num_rows_that_agree, output.num_rows,
                 100.0 * static_cast<double>(output.num_rows_that_agree) /
                     static_cast<double>(output.num_rows));
  }
}

void print_table(std::span<const LayerComparison> layers) {
  std::size_t kind = 5, first = 5, sizes = 5;
  for (const LayerComparison& layer : layers) {
    kind = std::max(kind, layer.kind.size());
    first = std::max(first, layer.first.size());
    sizes = std::max(sizes, layer.sizes.size());
  }
  std::println("{:<{}}  {:<{}}  {:>9}  {:>10} {:>10} {:>9}  {:<{}}  second", "kind", kind, "sizes",
               sizes, "SQNR, dB", "largest", "mean", "cosine", "first", first);
  for (const LayerComparison& layer : layers) {
    const TensorDifference& difference = layer.difference;
    std::println("{:<{}}  {:<{}}  {:9.2f}{} {:10.3g} {:10.3g} {:9.6f}  {:<{}}  {}", layer.kind,
                 kind, layer.sizes, sizes, layer.sqnr_db(), layer.is_scaled() ? '*' : ' ',
                 difference.max_error, difference.mean_error, difference.cosine, layer.first, first,
                 layer.second);
  }
}

void print_layer(std::string_view title, const LayerComparison& layer) {
  std::println("{}: {} {}, SQNR {:.2f} dB{}", title, layer.kind, layer.sizes, layer.sqnr_db(),
               layer.is_scaled() ? " with scaled channels" : "");
  std::println("  first program:  {}", layer.first);
  std::println("  second program: {}", layer.second);
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const TensorDifference& difference) {
  return {{"num_elements", difference.num_elements},
          {"num_not_finite", difference.num_not_finite},
          {"equal", difference.max_error == 0 && difference.num_not_finite == 0},
          {"max_error", number(difference.max_error)},
          {"mean_error", number(difference.mean_error)},
          {"relative_error", number(difference.relative_error)},
          {"sqnr_db", number(difference.sqnr_db)},
          {"cosine", number(difference.cosine)}};
}

Json json_of(const OutputComparison& output) {
  Json json = {{"type", output.type}};
  json.update(json_of(output.difference));
  json["psnr_db"] = number(output.psnr_db);
  json["peak"] = number(output.peak);
  json["peak_name"] = output.peak_name;
  if (output.num_rows > 0) {
    json["top1_rows"] = output.num_rows;
    json["top1_rows_that_agree"] = output.num_rows_that_agree;
  }
  return json;
}

Json json_of(const LayerComparison& layer) {
  Json json = {{"kind", layer.kind},
               {"first", layer.first},
               {"second", layer.second},
               {"sizes", layer.sizes}};
  json.update(json_of(layer.difference));
  json["has_scaled_channels"] = layer.is_scaled();
  if (layer.scaled_sqnr_db) json["scaled_sqnr_db"] = number(*layer.scaled_sqnr_db);
  return json;
}

}  // namespace

void print_comparison(const ComparedPrograms& compared, bool with_layers) {
  const CompareReport& report = compared.report;
  std::println("runs: {}", report.num_inputs);
  for (std::size_t i = 0; i < report.outputs.size(); ++i) print_output(i, report.outputs[i]);
  if (report.layers.empty()) {
    std::println("layers: not compared: {}", report.why_no_layers);
    return;
  }
  std::println("layers: {} matched of {} and {}; with weights {} of {} and {}",
               report.layers.size(), report.num_first_layers, report.num_second_layers,
               report.num_weighted, report.num_first_weighted, report.num_second_weighted);
  if (with_layers) print_table(report.layers);
  if (const auto num_scaled = std::ranges::count_if(report.layers, &LayerComparison::is_scaled)) {
    std::println(
        "{} of them {}with other factors on the channels, which do not count in their SQNR",
        num_scaled, with_layers ? "(*) " : "");
  }
  if (const LayerComparison* layer = report.first_below(compared.threshold_db)) {
    print_layer(std::format("first layer below {} dB", compared.threshold_db), *layer);
  } else {
    std::println("no layer is below {} dB", compared.threshold_db);
  }
  print_layer("lowest layer",
              *std::ranges::min_element(report.layers, {}, &LayerComparison::sqnr_db));
}

Result<void> write_comparison(const std::filesystem::path& path, const ComparedPrograms& compared) {
  const CompareReport& report = compared.report;
  Json json = {{"first", compared.first},
               {"second", compared.second},
               {"num_inputs", report.num_inputs},
               {"outputs", Json::array()},
               {"threshold_db", compared.threshold_db},
               {"first_layer_below", nullptr},
               {"num_first_layers", report.num_first_layers},
               {"num_second_layers", report.num_second_layers},
               {"layers", Json::array()}};
  for (const OutputComparison& output : report.outputs) json["outputs"].push_back(json_of(output));
  for (const LayerComparison& layer : report.layers) json["layers"].push_back(json_of(layer));
  if (const LayerComparison* layer = report.first_below(compared.threshold_db)) {
    json["first_layer_below"] = layer - report.layers.data();
  }
  if (!report.why_no_layers.empty()) json["why_no_layers"] = report.why_no_layers;
  // Names of files may be no UTF-8: such bytes are replaced.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace tessera::cli
