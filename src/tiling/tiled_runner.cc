// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <mutex>
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

  Result<void> write(const Tile& tile, const Tensor& output) {
    const std::scoped_lock lock(mutex_);
    if (is_stopped_) return {};
    TRY(sink_.write(tile.output, planes_of(output).crop(tile.crop)));
    ++num_done_;
    if (options_.progress && !options_.progress(num_done_, plan_.num_tiles())) {
      return fail(ErrorCode::kInvalidState, "cancelled after {} of {} tiles", num_done_,
                  plan_.num_tiles());
    }
    return {};
  }

  void stop(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!is_stopped_) error_ = std::move(error);
    is_stopped_ = true;
  }

  Result<void> result() const {
    if (is_stopped_) return std::unexpected(error_);
    return {};
  }

 private:
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

/// One thread's Method and the memory of its input window.
class Worker {
 public:
  static Result<Worker> create(const Program& program, const TilePlan& plan, Source& source,
                               const TileOptions& options) {
    Worker worker(source);
    worker.method_ = TRY(program.load_method(options.method, {.num_threads = 1}));
    worker.output_channels_ = plan.output_channels;
    worker.input_ = TRY(
        Tensor::empty(DType::kF32, {1, plan.input_channels, max_of(plan.rows, &PixelWindow::height),
                                    max_of(plan.columns, &PixelWindow::width)}));
    return worker;
  }

  Result<void> run(Run& run) {
    while (const auto tile = run.next()) {
      TRY(bind(tile->window));
      TRY(source_->read(tile->window, planes_of(input_)));
      TRY(method_->execute());
      const Tensor output = TRY(method_->output(0));
      const Shape expected = {1, output_channels_, tile->window_output_height,
                              tile->window_output_width};
      if (output.dtype() != DType::kF32 || output.shape() != expected) {
        return fail(ErrorCode::kNotSupported, "a window of {}x{} gives {}, expected f32{}",
                    tile->window.width, tile->window.height, output.type_string(),
                    expected.to_string());
      }
      TRY(run.write(*tile, output));
    }
    return {};
  }

 private:
  explicit Worker(Source& source) : source_(&source) {}

  /// Gives the method the input's memory, which is kept, in the window's sizes.
  Result<void> bind(const PixelWindow& window) {
    const Shape shape = {1, input_.size(1), window.height, window.width};
    if (is_bound_ && input_.shape() == shape) return {};
    input_.set_shape(shape);
    TRY(method_->bind_input(0, input_));
    is_bound_ = true;
    return {};
  }

  Source* source_;
  std::unique_ptr<Method> method_;
  std::int64_t output_channels_ = 0;
  Tensor input_;
  bool is_bound_ = false;
};

/// A thread's whole life: nothing of it outlives the run.
void work(const Program& program, const TilePlan& plan, Source& source, const TileOptions& options,
          Run& run) {
  auto worker = Worker::create(program, plan, source, options);
  Result<void> done = {};
  if (!worker) {
    done = std::unexpected(std::move(worker).error());
  } else {
    done = worker->run(run);
  }
  if (!done) run.stop(std::move(done).error());
}

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

Result<void> run_tiled(const Program& program, Source& source, Sink& sink,
                       const TileOptions& options) {
  const ImageSize image = source.size();
  const TilePlan plan = TRY(plan_tiles(program, image.width, image.height, options));
  return run_tiled(program, plan, source, sink, options);
}

Result<void> run_tiled(const Program& program, const TilePlan& plan, Source& source, Sink& sink,
                       const TileOptions& options) {
  TRY(check_channels(plan, source.size()));
  TRY(sink.begin(plan.output_size()));
  const std::size_t wanted =
      options.num_threads == 0 ? ThreadPool::num_processors() : options.num_threads;
  const std::size_t num_threads = std::clamp<std::size_t>(wanted, 1, plan.num_tiles());
  std::vector<std::unique_ptr<Source>> sources;
  for (std::size_t i = 1; i < num_threads; ++i) sources.push_back(TRY(source.clone()));

  Run run(plan, sink, options);
  {
    std::vector<std::jthread> threads;
    for (const auto& own : sources) {
      threads.emplace_back([&, reader = own.get()] { work(program, plan, *reader, options, run); });
    }
    work(program, plan, source, options, run);
  }
  TRY(run.result());
  return sink.finish();
}

}  // namespace tessera
