// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/input_size.h"
#include "tessera/result.h"
#include "tessera/tensor.h"

/// Post-training quantization: what becomes small integers, and on which data their ranges are
/// measured.
namespace tessera {

/// What the weights and activations of a model become.
enum class Scheme {
  kInt8,         ///< weights and activations 8 bits, ranges of activations measured beforehand
  kInt8Dynamic,  ///< linear layers: weights 8 bits, activations by their range in each run
  kInt4Grouped,  ///< the same with weights of 4 bits and one scale for a few of them
  kFp16,         ///< weights and activations 16-bit floats
};

/// How the range of an activation follows from the numbers that calibration saw.
enum class Observer {
  kMinMax,      ///< from the smallest to the largest
  kHistogram,   ///< tails are cut off for as long as that lowers the mean squared error
  kPercentile,  ///< 99.99 % of the numbers on either side
  kMse,         ///< the range of the least mean squared error, both ends searched for
};

/// An input of the model that is calibrated.
struct ModelInput {
  std::string name;
  DType dtype = DType::kF32;
  /// NCHW for images. A size that depends on others is the name "2*h": the same holds for it as for
  /// a symbol, and the model checks what is given.
  std::vector<InputSize> sizes;

  /// "x: f32[1, 3, 64..1024, 64..1024]"
  std::string to_string() const;
};

/// The data that calibration runs the model on.
struct CalibrationInputs {
  std::size_t num_samples = 0;
  /// The model's inputs of sample 0 <= `sample` < num_samples, of the dtypes and sizes that
  /// `inputs` says. Asked for by one thread at a time, in any order and more than once; the same
  /// sample has the same inputs. Errors end the compilation.
  std::function<Result<std::vector<Tensor>>(std::size_t sample, std::span<const ModelInput> inputs)>
      inputs;
  bool is_random = false;  ///< not data: ranges, and accuracies measured on it, mean little
};

/// Numbers between 0 and 1 that follow from the seed (integers 0 and 1); dynamic sizes are the
/// allowed ones next to 256. For trying out what quantization does to a program's speed and size.
CalibrationInputs random_inputs(std::size_t num_samples, std::uint64_t seed);

/// The same inputs in every compilation, from memory: one set of inputs per sample.
CalibrationInputs tensor_inputs(std::vector<std::vector<Tensor>> samples);

struct QuantizeOptions {
  Scheme scheme = Scheme::kInt8;
  /// Nothing: those that minimize an error are tried, and the one that does best is kept.
  std::optional<Observer> observer;
  CalibrationInputs calibration;
  bool per_channel = true;  ///< weights have one scale per output channel
  /// Biases make up for the mean error that the weights' rounding adds to each channel.
  bool correct_biases = true;
  /// Channels of consecutive convolutions are scaled against each other so that weights of one
  /// layer are of like size.
  bool equalize = true;
  /// Layers stay in floating point, the most sensitive first, until the signal-to-noise ratio of
  /// the outputs on the calibration data is at least this, in dB. Nothing: all are quantized.
  std::optional<double> accuracy_budget_db;
  /// Inputs and outputs that are f32 become kI8, with the scales of the integers inside, or kU8:
  /// samples of images, 0..255 for 0..1. Nothing: they stay f32.
  std::optional<DType> input_type, output_type;
  std::size_t num_threads = 0;  ///< 0: all processors
  /// Called after every sample, by one thread at a time.
  std::function<void(std::size_t done, std::size_t total)> progress;
};

/// What quantization did to one layer with a weight.
struct QuantizedLayer {
  std::string name;          ///< "aten::convolution of module features.0 (...)"
  bool is_quantized = true;  ///< false: it stays in floating point
  std::string reason;        ///< why it does
  /// Signal-to-quantization-noise ratio of its result for an exact input, dB.
  double sqnr_db = 0;
  double range_use = 0;   ///< part of the integers that its result's numbers lie within
  double arithmetic = 0;  ///< multiplications, at the upper bounds of sizes
};

/// An input or output that is integers: q stands for scale * (q - zero_point).
struct QuantizedEdge {
  std::string name;
  DType dtype = DType::kI8;
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// What came of quantization, on the calibration data.
struct QuantizationReport {
  std::vector<QuantizedLayer> layers;
  std::vector<QuantizedEdge> inputs, outputs;  ///< those that are integers now
  double output_sqnr_db = 0;                   ///< of all f32 outputs together
  bool are_biases_corrected = false;           ///< because that helped
  bool is_equalized = false;                   ///< likewise
  std::size_t num_samples = 0;
  bool is_random = false;  ///< calibrated without data: the ratios mean little
};

}  // namespace tessera
