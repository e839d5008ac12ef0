// SPDX-License-Identifier: MIT
#include "cli/image_files.h"

#include "base/try.h"
#include "image/gdal_source.h"
#include "tensor/npy.h"

namespace tessera::cli {
namespace {

/// A .npy file cannot be written by windows: its tensor is collected first.
class NpySink : public Sink {
 public:
  NpySink(std::filesystem::path path, DType dtype, PixelFormat format)
      : path_(std::move(path)), memory_(dtype, format) {}
  Result<void> begin(const ImageSize& size) override { return memory_.begin(size); }
  Result<void> write(const PixelWindow& window, const ConstPlanes& pixels) override {
    return memory_.write(window, pixels);
  }
  Result<void> finish() override { return write_npy(path_, memory_.tensor()); }

 private:
  std::filesystem::path path_;
  MemorySink memory_;
};

}  // namespace

bool is_npy(const std::filesystem::path& path) { return path.extension() == ".npy"; }

void PixelArguments::add_reading_to(CLI::App& command) {
  command.add_option("--scale", scale, "unit: integer samples become 0..1; none: as they are")
      ->check(CLI::IsMember({"unit", "none"}))
      ->capture_default_str();
  command.add_option("--channels", channels, "order of the model's channels")
      ->check(CLI::IsMember({"rgb", "bgr"}))
      ->capture_default_str();
}

void PixelArguments::add_writing_to(CLI::App& command) {
  command.add_option("--type", type, "samples of the output; same: those of the input")
      ->check(CLI::IsMember({"same", "u8", "u16", "f32"}))
      ->capture_default_str();
}

PixelFormat PixelArguments::format() const {
  return {scale == "unit" ? PixelFormat::Scale::kUnit : PixelFormat::Scale::kNone,
          channels == "rgb" ? PixelFormat::Channels::kRgb : PixelFormat::Channels::kBgr};
}

std::optional<DType> PixelArguments::dtype() const { return dtype_from_name(type); }

Result<OpenedSource> open_source(const std::filesystem::path& path, const PixelFormat& format) {
  if (!is_npy(path)) {
    auto source = TRY(image::GdalSource::open(path, format));
    const DType dtype = source->dtype();
    return OpenedSource{std::move(source), dtype};
  }
  Tensor tensor = TRY(read_npy(path));
  const DType dtype = tensor.dtype();
  auto source = MemorySource::create(std::move(tensor), format);
  if (!source) return with_context(std::move(source).error(), path.string());
  return OpenedSource{*std::move(source), dtype};
}

Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const std::filesystem::path& like, DType dtype,
                                        const PixelFormat& format) {
  if (is_npy(path)) return std::make_unique<NpySink>(path, dtype, format);
  image::SinkOptions options{format, dtype, std::nullopt};
  if (!is_npy(like)) options.like = like;
  return TRY(image::GdalSink::create(path, options));
}

}  // namespace tessera::cli
