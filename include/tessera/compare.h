// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/program.h"

/// Two programs on the same inputs: how far apart their outputs are, and from which layer on.
namespace tessera {

struct CompareOptions {
  std::string first_method = "forward", second_method = "forward";
  std::size_t num_threads = 1;  ///< 0: all processors
  /// Compare what is inside, too. Costs a second run of every delegate, with weights of its own.
  bool layers = true;
  /// Memory for the first program's values of layers. Where all of them need more, the programs run
  /// several times for each input.
  std::size_t value_bytes = std::size_t{1} << 30;
  /// Float outputs f32[N, C, H, W] with one to four channels are images with samples in 0..1: their
  /// PSNR is that of 1.
  bool images_are_unit = false;
};

/// Difference of two tensors, a (the first program's) and b, element by element over all inputs.
/// Elements that are NaN in both or the same infinity in both are left out.
struct TensorDifference {
  std::uint64_t num_elements = 0;
  std::uint64_t num_not_finite = 0;  ///< NaN or infinite in one of them: no number below holds then
  double max_error = 0;              ///< largest |a - b|
  double mean_error = 0;             ///< mean of |a - b|
  double relative_error = 0;         ///< largest |a - b| over largest |a|
  /// 10 log10(sum a^2 / sum (a - b)^2); infinite if equal, minus infinite if `num_not_finite`.
  double sqnr_db = 0;
  double cosine = 0;        ///< similarity; 1 if both are zero
  double min = 0, max = 0;  ///< of a
};

struct OutputComparison {
  std::string type;  ///< of the first input's result, "f32[1, 1000]"
  TensorDifference difference;
  double peak = 0;        ///< of `psnr_db`
  std::string peak_name;  ///< "range of the first program's output", "8-bit samples"
  double psnr_db = 0;     ///< 10 log10(peak^2 / mean (a - b)^2)
  /// Of outputs [N, classes]: rows, and those where the largest element is at the same place.
  std::uint64_t num_rows = 0, num_rows_that_agree = 0;
};

struct LayerComparison {
  std::string kind;           ///< "convolution", "add": the same for kernels and delegates' nodes
  std::string first, second;  ///< "delegate 0, node 4 (Conv2d)", "instruction 7 (aten::add.out)"
  std::string sizes;          ///< in the first program, of the first input: "[1, 112, 112, 32]"
  TensorDifference difference;
  /// Of images with 16 or more pixels: the SQNR if each channel of b is multiplied by the factor
  /// that fits best.
  std::optional<double> scaled_sqnr_db;

  /// Whether the programs agree on the channels but for a factor each: 6 dB or more by which
  /// scaling helps. Programs whose weights were equalized before they were quantized have such
  /// layers, and the next ones take the factors back.
  bool is_scaled() const;
  /// Of the layer in its own right: with scaled channels where they are.
  double sqnr_db() const { return is_scaled() ? *scaled_sqnr_db : difference.sqnr_db; }
};

struct CompareReport {
  std::size_t num_inputs = 0;
  std::vector<OutputComparison> outputs;
  std::vector<LayerComparison> layers;  ///< matched, in the order in which the first program runs
  /// Layers there are, and those of them with weights, matched and in each program.
  std::size_t num_first_layers = 0, num_second_layers = 0;
  std::size_t num_weighted = 0, num_first_weighted = 0, num_second_weighted = 0;
  std::string why_no_layers;  ///< why `layers` is empty; else empty

  /// The first of the layers whose sqnr_db() is below this.
  const LayerComparison* first_below(double sqnr_db) const;
};

/// Compares two programs over any number of inputs. One thread at a time.
///
/// Layers are values that both programs compute: of kernels' results and of the nodes inside
/// XNNPACK delegates. A layer ends behind the activation, the batch norm and the conversions that
/// follow its operator alone, so that programs that fuse them and programs that do not, or int8
/// programs and float ones, have the same layers. They are matched in order by their weights'
/// sizes, and between those by what they compute and the sizes of their results. Integers are
/// compared as the real numbers that they stand for.
class ProgramComparison {
 public:
  /// Loads both methods. Errors: those of load_method; kInvalidArgument if the two methods do not
  /// take and give the same numbers and types of tensors, with the difference.
  static Result<std::unique_ptr<ProgramComparison>> create(std::shared_ptr<const Program> first,
                                                           std::shared_ptr<const Program> second,
                                                           const CompareOptions& options = {});
  ~ProgramComparison();

  /// Runs both on these inputs, one tensor for each of the methods' inputs, and adds what differs.
  Result<void> add(std::span<const Tensor> inputs);
  CompareReport report() const;

 private:
  struct Impl;
  explicit ProgramComparison(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
