// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tessera/program.h"
#include "tessera/result.h"
#include "tessera/tensor.h"

/// Running an image-to-image program tile by tile, with the bits of the whole-image run.
namespace tessera {

/// How an image's samples become a model's numbers, and back.
struct PixelFormat {
  enum class Scale {
    kUnit,  ///< u8 / 255 and u16 / 65535, so 0..1; f32 as it is
    kNone,  ///< the samples' own numbers
  };
  enum class Channels { kRgb, kBgr };  ///< the image's band order, or reversed

  Scale scale = Scale::kUnit;
  Channels channels = Channels::kRgb;
};

/// A box of pixels of an image.
struct PixelWindow {
  std::int64_t x = 0, y = 0, width = 0, height = 0;
  friend bool operator==(const PixelWindow&, const PixelWindow&) = default;
};

/// f32 planes in someone's memory, one per channel, with strides in elements: a whole f32[1,C,H,W]
/// tensor or a part of one. Never owns.
template <class T>
struct BasicPlanes {
  T* data = nullptr;
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t row_stride = 0, plane_stride = 0;

  T* row(std::int64_t channel, std::int64_t y) const {
    return data + channel * plane_stride + y * row_stride;
  }
  /// The part inside `window`, whose position counts from this one's first pixel.
  BasicPlanes crop(const PixelWindow& window) const {
    return {row(0, window.y) + window.x,
            channels,
            window.height,
            window.width,
            row_stride,
            plane_stride};
  }
};
using Planes = BasicPlanes<float>;
using ConstPlanes = BasicPlanes<const float>;

/// The planes of a tensor f32[1,C,H,W], which must be one.
Planes planes_of(Tensor& tensor);
ConstPlanes planes_of(const Tensor& tensor);

struct ImageSize {
  std::int64_t width = 0, height = 0;  ///< pixels
  std::int64_t channels = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

/// Where the pixels come from. One thread at a time; other threads use clones.
class Source {
 public:
  virtual ~Source() = default;
  virtual ImageSize size() const = 0;
  /// Another reader of the same image.
  virtual Result<std::unique_ptr<Source>> clone() const = 0;
  /// Fills `destination`, which has the window's sizes and the image's channels. The window lies
  /// inside the image.
  virtual Result<void> read(const PixelWindow& window, const Planes& destination) = 0;
};

/// Where the pixels go. One thread at a time. What is not finished is discarded with the sink.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Called once before the first write.
  virtual Result<void> begin(const ImageSize& size) = 0;
  /// `pixels` has the window's sizes. Windows come in any order, never overlap and lie inside the
  /// image.
  virtual Result<void> write(const PixelWindow& window, const ConstPlanes& pixels) = 0;
  /// Called once after the last write: from here on the image exists.
  virtual Result<void> finish() = 0;
};

/// Reads a tensor [1,C,H,W] of u8, u16 or f32, shared by all clones.
class MemorySource : public Source {
 public:
  /// Fails if the tensor is not such a one.
  static Result<std::unique_ptr<MemorySource>> create(Tensor tensor, PixelFormat format = {});
  ImageSize size() const override;
  Result<std::unique_ptr<Source>> clone() const override;
  Result<void> read(const PixelWindow& window, const Planes& destination) override;

 private:
  MemorySource(Tensor tensor, PixelFormat format) : tensor_(std::move(tensor)), format_(format) {}
  Tensor tensor_;
  PixelFormat format_;
};

/// Collects the image in a tensor [1,C,H,W] of u8, u16 or f32.
class MemorySink : public Sink {
 public:
  explicit MemorySink(DType dtype = DType::kF32, PixelFormat format = {})
      : dtype_(dtype), format_(format) {}
  /// Writes to `target`'s memory, which has the sizes of the image to come.
  explicit MemorySink(Tensor target, PixelFormat format = {})
      : dtype_(target.dtype()), format_(format), is_given_(true), tensor_(std::move(target)) {}
  Result<void> begin(const ImageSize& size) override;
  Result<void> write(const PixelWindow& window, const ConstPlanes& pixels) override;
  Result<void> finish() override;
  /// The image, once finished.
  const Tensor& tensor() const { return tensor_; }

 private:
  DType dtype_;
  PixelFormat format_;
  bool is_given_ = false;
  Tensor tensor_;
};

struct TileOptions {
  std::string method = "forward";
  /// Pixels of a tile's side in the output, rounded up to what the program's strides allow; more or
  /// less where the program's bounds demand it. Nothing: 256, or what a program of fixed size
  /// gives.
  std::optional<std::int64_t> tile;
  std::size_t num_threads = 1;  ///< each with its own Method; 0: all processors
  /// Called after every tile, by one thread at a time. False cancels the run.
  std::function<bool(std::size_t num_done, std::size_t num_tiles)> progress;
};

/// What holds for one axis of the image.
struct TileAxis {
  std::int64_t image = 0, output = 0;  ///< sizes in pixels
  std::int64_t tile = 0;               ///< pixels of the output
  std::int64_t window = 0;             ///< pixels of the input
  std::int64_t halo_before = 0,
               halo_after = 0;  ///< pixels of the input that a tile needs around it
  std::int64_t alignment = 1;   ///< windows start at multiples of it
  std::int64_t scale_numerator = 1, scale_denominator = 1;  ///< output / input
};

/// One tile: these pixels of the output are computed from this window of the input.
struct Tile {
  PixelWindow output, window;
  PixelWindow crop;  ///< `output` in the coordinates of the window's own output
  std::int64_t window_output_width = 0, window_output_height = 0;
};

/// How an image is cut. The tiles partition the output in row order.
struct TilePlan {
  TileAxis vertical, horizontal;
  std::int64_t input_channels = 0, output_channels = 0;
  std::int64_t num_rows = 0, num_columns = 0;
  std::vector<Tile> rows, columns;  ///< one tile each, with the other axis' fields zero

  std::size_t num_tiles() const { return static_cast<std::size_t>(num_rows * num_columns); }
  Tile tile(std::size_t index) const;
  ImageSize output_size() const { return {horizontal.output, vertical.output, output_channels}; }
  /// A few lines for people.
  std::string to_string() const;
};

/// Plans tiles for an image of this size. The program must take one f32[1,C,H,W] and give one
/// f32[1,C',H',W'].
/// Errors: kNotSupported names the operator that needs its whole input; kInvalidArgument says why
/// this image or this tile does not fit the program.
Result<TilePlan> plan_tiles(const Program& program, std::int64_t width, std::int64_t height,
                            const TileOptions& options = {});

/// The Methods of one plan, loaded once for any number of images of its size. One run at a time.
class TiledRunner {
 public:
  /// `plan` was made by plan_tiles for this program.
  static Result<TiledRunner> create(const Program& program, TilePlan plan,
                                    const TileOptions& options = {});
  TiledRunner(TiledRunner&&) noexcept;
  ~TiledRunner();

  /// Runs the program over the image. See run_tiled.
  Result<void> run(Source& source, Sink& sink);

 private:
  class Worker;
  TiledRunner(TilePlan plan, TileOptions options);

  TilePlan plan_;
  TileOptions options_;
  std::vector<Worker> workers_;  ///< one per thread
};

/// Runs the program over the whole image. The output has the bits of a whole-image run. Memory is
/// bounded by tile and threads, whatever the image's size. The first error stops all threads and is
/// returned; the sink is finished only on success.
Result<void> run_tiled(const Program& program, Source& source, Sink& sink,
                       const TileOptions& options = {});

/// The same with a plan made by plan_tiles for this program and this image.
Result<void> run_tiled(const Program& program, const TilePlan& plan, Source& source, Sink& sink,
                       const TileOptions& options = {});

}  // namespace tessera
