// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ogr_spatialref.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <format>
#include <fstream>

#include "image/gdal_sink.h"
#include "image/gdal_source.h"
#include "tessera/image.h"

namespace tessera::image {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ImageFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::temp_directory_path() / std::format("tessera-image-{}-{}", ::getpid(), test);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::size_t num_files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

/// Values that every sample type holds exactly with Scale::kNone.
Tensor make_image(std::int64_t bands, std::int64_t height, std::int64_t width) {
  Tensor image = *Tensor::empty(DType::kF32, {1, bands, height, width});
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    image.data<float>()[i] = static_cast<float>((i * 37 + i / 91) % 256);
  }
  return image;
}

bool is_equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.bytes(), b.bytes(), a.num_bytes()) == 0;
}

constexpr PixelFormat kAsIs = {PixelFormat::Scale::kNone, PixelFormat::Channels::kRgb};

TEST_F(ImageFiles, SamplesComeAndGoAsBytes) {
  const Tensor numbers = make_image(3, 300, 270);
  ASSERT_TRUE(write_image(folder_ / "a.tif", numbers, {kAsIs, DType::kU8, std::nullopt}));
  const Tensor samples = read_samples(folder_ / "a.tif").value();
  EXPECT_EQ(samples.type_string(), "u8[1, 3, 300, 270]");
  for (std::int64_t i = 0; i < samples.num_elements(); ++i) {
    ASSERT_EQ(static_cast<float>(samples.data<std::uint8_t>()[i]), numbers.data<float>()[i]) << i;
  }
  // 0..255 stand for 0..1 in the default format, which is what a file of bytes has again.
  ASSERT_TRUE(write_image(folder_ / "b.tif", samples, {{}, DType::kU8, std::nullopt}));
  EXPECT_TRUE(is_equal(read_samples(folder_ / "b.tif").value(), samples));
  const Tensor swapped =
      read_samples(folder_ / "a.tif", {PixelFormat::Scale::kNone, PixelFormat::Channels::kBgr})
          .value();
  EXPECT_EQ(swapped.data<std::uint8_t>()[0], samples.data<std::uint8_t>()[2 * 300 * 270]);

  ASSERT_TRUE(write_image(folder_ / "c.tif", numbers, {kAsIs, DType::kF32, std::nullopt}));
  EXPECT_THAT(read_samples(folder_ / "c.tif").error().message,
              HasSubstr("expected samples of u8, found f32"));
}

TEST_F(ImageFiles, RoundTrip) {
  for (const std::int64_t bands : {1, 3, 4}) {
    const Tensor image = make_image(bands, 300, 270);
    for (const auto& [name, dtype] : {std::pair{"a.tif", DType::kU8},
                                      {"b.tif", DType::kU16},
                                      {"c.tif", DType::kF32},
                                      {"d.png", DType::kU8},
                                      {"e.png", DType::kU16}}) {
      const fs::path path = folder_ / name;
      const auto written = write_image(path, image, {kAsIs, dtype, std::nullopt});
      ASSERT_TRUE(written.has_value()) << written.error().to_string();
      const auto read = read_image(path, kAsIs);
      ASSERT_TRUE(read.has_value()) << read.error().to_string();
      EXPECT_TRUE(is_equal(*read, image)) << path;
      EXPECT_EQ((*GdalSource::open(path))->dtype(), dtype);
    }
  }
}

TEST_F(ImageFiles, WindowsAreParts) {
  const Tensor image = make_image(3, 40, 50);
  const fs::path path = folder_ / "a.tif";
  ASSERT_TRUE(write_image(path, image, {kAsIs, DType::kU8, std::nullopt}).has_value());
  const auto source = *(*GdalSource::open(path, kAsIs))->clone();
  EXPECT_EQ(source->size(), (ImageSize{50, 40, 3}));
  Tensor part = *Tensor::empty(DType::kF32, {1, 3, 5, 7});
  ASSERT_TRUE(source->read({11, 13, 7, 5}, planes_of(part)).has_value());
  const ConstPlanes expected = planes_of(image).crop({11, 13, 7, 5});
  for (std::int64_t band = 0; band < 3; ++band) {
    for (std::int64_t y = 0; y < 5; ++y) {
      EXPECT_EQ(std::memcmp(planes_of(part).row(band, y), expected.row(band, y), 7 * 4), 0);
    }
  }
}

TEST_F(ImageFiles, WindowsMayBeWrittenInAnyOrder) {
  const Tensor image = make_image(2, 600, 300);
  const fs::path path = folder_ / "a.tif";
  {
    const auto sink = *GdalSink::create(path, {kAsIs, DType::kU16, std::nullopt});
    ASSERT_TRUE(sink->begin({300, 600, 2}).has_value());
    for (std::int64_t y = 500; y >= 0; y -= 100) {
      const PixelWindow window{0, y, 300, 100};
      ASSERT_TRUE(sink->write(window, planes_of(image).crop(window)).has_value());
    }
    ASSERT_TRUE(sink->finish().has_value());
  }
  EXPECT_TRUE(is_equal(*read_image(path, kAsIs), image));
  EXPECT_EQ(num_files(), 1);
}

TEST_F(ImageFiles, KeepTheirPlaceAndMissingValues) {
  const fs::path like = folder_ / "like.tif", path = folder_ / "double.tif";
  ASSERT_TRUE(write_image(like, make_image(1, 20, 30), {kAsIs, DType::kU16, std::nullopt}));
  {
    const GDALDatasetUniquePtr dataset(
        GDALDataset::Open(like.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE));
    std::array<double, 6> transform = {500000, 10, 0, 4600000, 0, -10};
    OGRSpatialReference reference;
    reference.importFromEPSG(32633);
    dataset->SetGeoTransform(transform.data());
    dataset->SetSpatialRef(&reference);
    dataset->GetRasterBand(1)->SetNoDataValue(7);
  }
  ASSERT_TRUE(write_image(path, make_image(1, 40, 60), {kAsIs, std::nullopt, like}).has_value());
  const auto dataset = *open_dataset(path);
  std::array<double, 6> transform{};
  ASSERT_EQ(dataset->GetGeoTransform(transform.data()), CE_None);
  EXPECT_EQ(transform, (std::array<double, 6>{500000, 5, 0, 4600000, 0, -5}));
  ASSERT_NE(dataset->GetSpatialRef(), nullptr);
  EXPECT_STREQ(dataset->GetSpatialRef()->GetAuthorityCode(nullptr), "32633");
  EXPECT_EQ(dataset->GetRasterBand(1)->GetNoDataValue(), 7);
  EXPECT_EQ(dataset->GetRasterBand(1)->GetRasterDataType(), GDT_UInt16);
}

TEST_F(ImageFiles, AreWholeOrNotThere) {
  for (const char* name : {"a.tif", "a.png"}) {
    const auto sink = *GdalSink::create(folder_ / name, {kAsIs, DType::kU8, std::nullopt});
    ASSERT_TRUE(sink->begin({64, 64, 3}).has_value());
    const Tensor image = make_image(3, 32, 64);
    ASSERT_TRUE(sink->write({0, 0, 64, 32}, planes_of(image)).has_value());
  }
  EXPECT_EQ(num_files(), 0);
}

TEST_F(ImageFiles, AreRefusedWithAReason) {
  EXPECT_THAT(read_image(folder_ / "none.tif").error().message, HasSubstr("no such file"));
  std::ofstream(folder_ / "text.tif") << "not an image at all";
  EXPECT_THAT(read_image(folder_ / "text.tif").error().message,
              HasSubstr("not an image GDAL can read"));
  EXPECT_THAT(write_image(folder_ / "a.xyz1", make_image(1, 4, 4)).error().message,
              HasSubstr("'.xyz1'"));
  EXPECT_THAT(write_image(folder_ / "a.png", make_image(1, 4, 4)).error().message,
              AllOf(HasSubstr("PNG"), HasSubstr("f32")));
  EXPECT_THAT(write_image(folder_ / "missing" / "a.tif", make_image(1, 4, 4)).error().message,
              HasSubstr("cannot be created"));
  EXPECT_EQ(num_files(), 1);
}

TEST_F(ImageFiles, OfOtherSampleTypesAreRefused) {
  const fs::path path = folder_ / "f64.tif";
  {
    const QuietGdal gdal;
    const GDALDatasetUniquePtr dataset(GetGDALDriverManager()->GetDriverByName("GTiff")->Create(
        path.c_str(), 8, 8, 1, GDT_Float64, nullptr));
    ASSERT_NE(dataset, nullptr);
  }
  EXPECT_THAT(read_image(path).error().message, HasSubstr("Float64"));
}

}  // namespace
}  // namespace tessera::image
