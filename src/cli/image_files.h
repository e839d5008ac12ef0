// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "image/gdal_sink.h"
#include "tessera/tiled.h"

/// Image arguments of the commands: files that GDAL reads and writes, or .npy.
namespace tessera::cli {

bool is_npy(const std::filesystem::path& path);

/// The values that --scale, --channels and --type take.
struct PixelArguments {
  std::string scale = "unit", channels = "rgb", type = "same";

  /// Declares the three options.
  void add_to(CLI::App& command) {
    add_reading_to(command);
    add_writing_to(command);
  }
  void add_reading_to(CLI::App& command);  ///< --scale and --channels
  void add_writing_to(CLI::App& command);  ///< --type
  PixelFormat format() const;
  std::optional<DType> dtype() const;  ///< nothing: as the input
};

struct OpenedSource {
  std::unique_ptr<Source> source;
  DType dtype = DType::kF32;  ///< of the file's samples
};
Result<OpenedSource> open_source(const std::filesystem::path& path, const PixelFormat& format);

/// `like` is the input, for what SinkOptions::like keeps; ignored if it or the output is .npy.
Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const std::filesystem::path& like, DType dtype,
                                        const PixelFormat& format);

}  // namespace tessera::cli
