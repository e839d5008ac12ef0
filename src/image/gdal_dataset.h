// SPDX-License-Identifier: MIT
#pragma once

#include <gdal_priv.h>

#include <filesystem>
#include <string>

#include "tessera/result.h"
#include "tessera/tensor.h"

/// What all users of GDAL in here share. GDAL prints nothing while a QuietGdal lives: its messages
/// become ours.
namespace tessera::image {

/// Registers GDAL's drivers once, with a small block cache so that memory stays bounded, and keeps
/// this thread's messages off the terminal.
class QuietGdal {
 public:
  QuietGdal();
  ~QuietGdal();
  QuietGdal(const QuietGdal&) = delete;
  QuietGdal& operator=(const QuietGdal&) = delete;

  /// GDAL's last message in this thread in one line, "no reason given" if it has none.
  std::string message() const;
};

Result<GDALDatasetUniquePtr> open_dataset(const std::filesystem::path& path);

/// The type of all samples. Errors: kNotSupported for other types than u8, u16 and f32, and for
/// bands of different types.
Result<DType> dtype_of(GDALDataset& dataset, const std::filesystem::path& path);
GDALDataType gdal_type_of(DType dtype);

}  // namespace tessera::image
