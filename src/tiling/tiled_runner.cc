// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "base/try.h"
#include "tessera/tiled.h"

namespace tessera {
namespace {

/// What the threads of one run share.
class Run {
 public:
  Run(const TilePlan& plan, Sink& sink, const TileOptions& options)
      : plan_(plan), sink_(sink), options_(options) {}

  /// The next tile in row order; nothing once all are taken or the run has stopped.
  std::optional<Tile> next() {
    if (is_stopped_) return std::nullopt;
    const std::size_t index = next_++;
    if (index >= plan_.num_tiles()) return std::nullopt;
    return plan_.tile(index);
  }

  /// Nothing is written any more once the run has stopped.
  void write(const Tile& tile, const Tensor& output) {
    const std::scoped_lock lock(mutex_);
    if (is_stopped_) return;
    if (auto written = write_and_report(tile, output); !written) {
      stop_locked(std::move(written).error());
    }
  }

  void stop(Error error) {
    const std::scoped_lock lock(mutex_);
    stop_locked(std::move(error));
  }

  Result<void> result() const {
    if (is_stopped_) return std::unexpected(error_);
    return {};
  }

 private:
  Result<void> write_and_report(const Tile& tile, const Tensor& output) {
    TRY(sink_.write(tile.output, planes_of(output).crop(tile.crop)));
    ++num_done_;
    if (options_.progress && !options_.progress(num_done_, plan_.num_tiles())) {
      return fail(ErrorCode::kInvalidState, "cancelled after {} of {} tiles", num_done_,
                  plan_.num_tiles());
    }
    return {};
  }

  void stop_locked(Error error) {
    if (!is_stopped_) error_ = std::move(error);
    is_stopped_ = true;
  }

  const TilePlan& plan_;
  Sink& sink_;
  const TileOptions& options_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> is_stopped_ = false;
  std::mutex mutex_;  ///< guards the sink and what follows
  std::size_t num_done_ = 0;
  Error error_;
};

std::int64_t max_of(const std::vector<Tile>& tiles, std::int64_t PixelWindow::* size) {
  std::int64_t max = 0;
  for (const Tile& tile : tiles) max = std::max(max, tile.window.*size);
  return max;
}

}  // namespace

namespace {

/// 0..255 stand for 0..1 where programs take or give bytes.
constexpr float kSamples = 255;

void to_samples(const Tensor& numbers, Tensor& samples) {
  const auto from = numbers.elements<float>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const float scaled = std::clamp(from[i] * kSamples, 0.0f, kSamples);
    samples.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(scaled + 0.5f);
  }
}

Result<Tensor> to_numbers(const Tensor& samples) {
  Tensor numbers = TRY(Tensor::empty(DType::kF32, samples.shape()));
  const auto from = samples.elements<std::uint8_t>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    numbers.data<float>()[i] = static_cast<float>(from[i]) / kSamples;
  }
  return numbers;
}

}  // namespace

/// One thread's Method and the memory of its input window.
class TiledRunner::Worker {
 public:
  static Result<Worker> create(const Program& program, const TilePlan& plan,
                               const TileOptions& options) {
    Worker worker;
    worker.method_ = TRY(program.load_method(options.method, {.num_threads = 1}));
    worker.output_channels_ = plan.output_channels;
    const Shape largest = {1, plan.input_channels, max_of(plan.rows, &PixelWindow::height),
                           max_of(plan.columns, &PixelWindow::width)};
    worker.input_ = TRY(Tensor::empty(DType::kF32, largest));
    if (TRY(program.inputs(options.method))[0].dtype == DType::kU8) {
      worker.samples_ = TRY(Tensor::empty(DType::kU8, largest));
    }
    return worker;
  }

  /// Takes tiles until none is left; an error stops the whole run.
  void run(Run& run, Source& source) {
    while (const auto tile = run.next()) {
      if (auto done = run_tile(*tile, run, source); !done) run.stop(std::move(done).error());
    }
  }

 private:
  Result<void> run_tile(const Tile& tile, Run& run, Source& source) {
    TRY(bind(tile.window));
    TRY(source.read(tile.window, planes_of(input_)));
    if (samples_) to_samples(input_, *samples_);
    TRY(method_->execute());
    Tensor output = TRY(method_->output(0));
    if (output.dtype() == DType::kU8) output = TRY(to_numbers(output));
    const Shape expected = {1, output_channels_, tile.window_output_height,
                            tile.window_output_width};
    if (output.dtype() != DType::kF32 || output.shape() != expected) {
      return fail(ErrorCode::kNotSupported, "a window of {}x{} gives {}, expected f32{}",
                  tile.window.width, tile.window.height, output.type_string(),
                  expected.to_string());
    }
    run.write(tile, output);
    return {};
  }

  /// Gives the method the input's memory, which is kept, in the window's sizes.
  Result<void> bind(const PixelWindow& window) {
    const Shape shape = {1, input_.size(1), window.height, window.width};
    if (is_bound_ && input_.shape() == shape) return {};
    input_.set_shape(shape);
    if (samples_) samples_->set_shape(shape);
    TRY(method_->bind_input(0, samples_ ? *samples_ : input_));
    is_bound_ = true;
    return {};
  }

  std::unique_ptr<Method> method_;
  std::int64_t output_channels_ = 0;
  Tensor input_;
  std::optional<Tensor> samples_;  ///< of a program that takes bytes
  bool is_bound_ = false;
};

namespace {

Result<void> check_channels(const TilePlan& plan, const ImageSize& image) {
  if (image.channels != plan.input_channels) {
    return fail(ErrorCode::kInvalidArgument, "the image has {} bands, the program takes {}",
                image.channels, plan.input_channels);
  }
  if (image.height != plan.vertical.image || image.width != plan.horizontal.image) {
    return fail(ErrorCode::kInvalidArgument, "the image has {}x{} pixels, the plan is for {}x{}",
                image.width, image.height, plan.horizontal.image, plan.vertical.image);
  }
  return {};
}

}  // namespace

TiledRunner::TiledRunner(TilePlan plan, TileOptions options)
    : plan_(std::move(plan)), options_(std::move(options)) {}
TiledRunner::TiledRunner(TiledRunner&&) noexcept = default;
TiledRunner::~TiledRunner() = default;

Result<TiledRunner> TiledRunner::create(const Program& program, TilePlan plan,
                                        const TileOptions& options) {
  const std::size_t wanted =
      options.num_threads == 0 ? ThreadPool::num_processors() : options.num_threads;
  const std::size_t num_threads = std::clamp<std::size_t>(wanted, 1, plan.num_tiles());
  TiledRunner runner(std::move(plan), options);
  for (std::size_t i = 0; i < num_threads; ++i) {
    runner.workers_.push_back(TRY(Worker::create(program, runner.plan_, options)));
  }
  return runner;
}

Result<void> TiledRunner::run(Source& source, Sink& sink) {
  TRY(check_channels(plan_, source.size()));
  TRY(sink.begin(plan_.output_size()));
  std::vector<std::unique_ptr<Source>> clones;
  for (std::size_t i = 1; i < workers_.size(); ++i) clones.push_back(TRY(source.clone()));

  Run run(plan_, sink, options_);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers_.size(); ++i) {
      threads.emplace_back([&, i] { workers_[i].run(run, *clones[i - 1]); });
    }
    workers_[0].run(run, source);
  }
  TRY(run.result());
  return sink.finish();
}

Result<void> run_tiled(const Program& program, Source& source, Sink& sink,
                       const TileOptions& options) {
  const ImageSize image = source.size();
  const TilePlan plan = TRY(plan_tiles(program, image.width, image.height, options));
  return run_tiled(program, plan, source, sink, options);
}

Result<void> run_tiled(const Program& program, const TilePlan& plan, Source& source, Sink& sink,
                       const TileOptions& options) {
  TiledRunner runner = TRY(TiledRunner::create(program, plan, options));
  return runner.run(source, sink);
}

}  // namespace tessera
