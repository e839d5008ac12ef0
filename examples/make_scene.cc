// SPDX-License-Identifier: MIT
//
// Writes a procedural RGB scene of any size as a tiled GeoTIFF, with Gaussian noise on top.
//
// Every pixel follows from its position and the seed alone: shapes come from hashed grid cells,
// noise from a hash of the pixel. So a tile needs none of its neighbours, memory stays bounded by
// one tile, and a small scene is the corner of a large one with the same seed.

#include <cpl_error.h>
#include <gdal_priv.h>
#include <ogr_spatialref.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kTile = 256;
constexpr int kBands = 3;
constexpr float kTwoPi = 2 * std::numbers::pi_v<float>;

struct Options {
  std::string noisy_path, clean_path, compression = "none";
  int width = 4096, height = 4096;
  float sigma = 0.05F;
  std::uint64_t seed = 1;
};

struct Window {
  int x, y, width, height;
};

// A tile, kTile pixels a row however many of them are in the image.
template <typename Sample>
using Pixels = std::vector<std::array<Sample, kBands>>;

// ---- hashing ---------------------------------------------------------------------------------

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t hash_position(std::uint64_t salt, int x, int y) {
  const std::uint64_t row = mix(salt + 0x9e3779b97f4a7c15 * static_cast<std::uint64_t>(y));
  return mix(row + 0xd1342543de82ef95 * static_cast<std::uint64_t>(x));
}

class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}
  float uniform(float low, float high) {
    state_ += 0x9e3779b97f4a7c15;
    return low + (high - low) * static_cast<float>(mix(state_) >> 40) * 0x1p-24F;
  }

 private:
  std::uint64_t state_;
};

// ---- the scene: leaves that hide each other over a smooth background -------------------------

enum class Kind { kDisc, kRectangle, kStroke, kGlyphs };
constexpr std::array kKinds = {Kind::kDisc,      Kind::kDisc,      Kind::kRectangle,
                               Kind::kRectangle, Kind::kRectangle, Kind::kRectangle,
                               Kind::kStroke,    Kind::kGlyphs};

struct Octave {
  int cell_size;
  float leaf_probability;
};
// Fewer small leaves than a power law would have: it makes confetti.
constexpr std::array kOctaves = {Octave{8, 0.1F},   Octave{16, 0.15F}, Octave{32, 0.25F},
                                 Octave{64, 0.45F}, Octave{128, 0.7F}, Octave{256, 0.9F}};

struct Leaf {
  explicit Leaf(std::uint64_t hash) : depth(hash), kind(kKinds[hash % kKinds.size()]) {}

  std::uint64_t depth;
  Kind kind;
  double x, y;  // a float would move the centre on large scenes
  float radius, cosine, sine, length, breadth;
  float slope, wave, wave_height;
  std::array<float, kBands> colour;
};

Leaf grow_leaf(std::uint64_t hash, int column, int row, int cell_size) {
  Random random(hash);
  Leaf leaf(hash);
  leaf.x = (column + random.uniform(0, 1)) * static_cast<double>(cell_size);
  leaf.y = (row + random.uniform(0, 1)) * static_cast<double>(cell_size);
  leaf.radius = 0.4F * static_cast<float>(cell_size) / std::sqrt(random.uniform(0.25F, 1));
  const float angle = leaf.kind == Kind::kGlyphs ? 0 : random.uniform(0, kTwoPi);
  leaf.cosine = std::cos(angle);
  leaf.sine = std::sin(angle);
  leaf.length = leaf.radius * random.uniform(0.3F, 0.7F);
  leaf.breadth = leaf.radius * random.uniform(0.2F, 0.7F);
  leaf.slope = random.uniform(-0.15F, 0.15F) / leaf.radius;
  leaf.wave = kTwoPi / random.uniform(3, 24);
  leaf.wave_height = std::max(0.0F, random.uniform(-0.2F, 0.1F));
  const float grey = random.uniform(0.05F, 0.95F), vividness = random.uniform(0.02F, 0.25F);
  for (float& channel : leaf.colour) channel = grey + vividness * random.uniform(-1, 1);
  return leaf;
}

// A leaf reaches 0.8 of a cell from its centre, so those of the next cell but one stay outside.
void grow_leaves(const Window& window, std::uint64_t seed, std::vector<Leaf>& leaves) {
  for (const auto [size, probability] : kOctaves) {
    const int right = (window.x + window.width) / size + 1;
    const int bottom = (window.y + window.height) / size + 1;
    for (int row = window.y / size - 1; row <= bottom; ++row)
      for (int column = window.x / size - 1; column <= right; ++column) {
        const std::uint64_t hash = hash_position(mix(seed) + size, column, row);
        if (Random(~hash).uniform(0, 1) < probability)
          leaves.push_back(grow_leaf(hash, column, row, size));
      }
  }
}

// A line of 3x5 block letters with random strokes.
bool is_on_glyph(const Leaf& leaf, float u, float v) {
  const float pen = std::floor(std::max(1.0F, leaf.radius / 16));
  const int column = static_cast<int>(std::floor((u + leaf.radius) / pen));
  const int row = static_cast<int>(std::floor(v / pen)) + 3;
  if (std::abs(u) >= leaf.radius || row < 0 || row >= 5 || column % 4 == 3) return false;
  return hash_position(leaf.depth, column, row) % 8 < 5;
}

// How much of the pixel at (u, v) the leaf covers, 0..1, with edges about one pixel wide.
float coverage(const Leaf& leaf, float u, float v) {
  float distance = 0;
  switch (leaf.kind) {
    case Kind::kGlyphs:
      return is_on_glyph(leaf, u, v) ? 1 : 0;
    case Kind::kDisc:
      distance = leaf.length + 0.3F * leaf.radius - std::sqrt(u * u + v * v);
      break;
    case Kind::kRectangle:
      distance = std::min(leaf.length - std::abs(u), leaf.breadth - std::abs(v));
      break;
    case Kind::kStroke: {
      const float bend = 0.25F * leaf.radius * std::sin(u / leaf.length);
      const float thickness = 0.6F + 0.08F * leaf.breadth;
      distance = std::min(0.9F * leaf.radius - std::abs(u), thickness - std::abs(v - bend));
    }
  }
  return std::clamp(distance + 0.5F, 0.0F, 1.0F);
}

void paint_leaf(const Leaf& leaf, const Window& window, Pixels<float>& pixels) {
  const double x = leaf.x - window.x, y = leaf.y - window.y, reach = leaf.radius + 1;
  const int left = std::max(0, static_cast<int>(x - reach));
  const int right = std::min(window.width, static_cast<int>(x + reach) + 1);
  const int top = std::max(0, static_cast<int>(y - reach));
  const int bottom = std::min(window.height, static_cast<int>(y + reach) + 1);
  for (int row = top; row < bottom; ++row)
    for (int column = left; column < right; ++column) {
      const auto dx = static_cast<float>(column - x), dy = static_cast<float>(row - y);
      const float u = leaf.cosine * dx + leaf.sine * dy, v = leaf.cosine * dy - leaf.sine * dx;
      const float alpha = coverage(leaf, u, v);
      if (alpha == 0) continue;
      float shade = leaf.slope * u;
      if (leaf.wave_height > 0) shade += leaf.wave_height * std::sin(leaf.wave * v);
      for (int band = 0; band < kBands; ++band) {
        float& sample = pixels[row * kTile + column][band];
        sample += alpha * (leaf.colour[band] + shade - sample);
      }
    }
}

void paint_background(const Window& window, std::uint64_t seed, Pixels<float>& pixels) {
  struct Wave {
    float along_x, along_y;
    std::array<float, kBands> height;
  };
  std::array<Wave, 3> waves;
  Random random(mix(~seed));
  for (Wave& wave : waves) {
    const float angle = random.uniform(0, kTwoPi), frequency = kTwoPi / random.uniform(400, 2000);
    wave = {std::cos(angle) * frequency, std::sin(angle) * frequency, {}};
    for (float& height : wave.height) height = random.uniform(-0.12F, 0.12F);
  }
  for (int row = 0; row < window.height; ++row)
    for (int column = 0; column < window.width; ++column) {
      auto& pixel = pixels[row * kTile + column];
      pixel.fill(0.5F);
      const auto x = static_cast<float>(window.x + column), y = static_cast<float>(window.y + row);
      for (const Wave& wave : waves) {
        const float swing = std::sin(wave.along_x * x + wave.along_y * y);
        for (int band = 0; band < kBands; ++band) pixel[band] += wave.height[band] * swing;
      }
    }
}

std::uint8_t to_byte(float sample) {
  return static_cast<std::uint8_t>(std::clamp(sample, 0.0F, 1.0F) * 255 + 0.5F);
}

void render(const Window& window, std::uint64_t seed, Pixels<float>& scratch,
            Pixels<std::uint8_t>& clean) {
  std::vector<Leaf> leaves;
  grow_leaves(window, seed, leaves);
  std::ranges::sort(leaves, {}, &Leaf::depth);
  paint_background(window, seed, scratch);
  for (const Leaf& leaf : leaves) paint_leaf(leaf, window, scratch);
  for (std::size_t i = 0; i < clean.size(); ++i)
    std::ranges::transform(scratch[i], clean[i].begin(), to_byte);
}

// ---- noise -----------------------------------------------------------------------------------

// Two independent normal numbers out of one hash, by Box and Muller.
std::pair<float, float> normal_pair(std::uint64_t hash) {
  const float fraction = static_cast<float>((hash >> 40) + 1) * 0x1p-24F;  // never 0
  const float angle = static_cast<float>((hash >> 16) & 0xffffff) * 0x1p-24F * kTwoPi;
  const float distance = std::sqrt(-2 * std::log(fraction));
  return {distance * std::cos(angle), distance * std::sin(angle)};
}

void add_noise(const Window& window, const Options& options, const Pixels<std::uint8_t>& clean,
               Pixels<std::uint8_t>& noisy) {
  const std::uint64_t salt = mix(options.seed ^ 0x6e6f697365);
  for (int row = 0; row < window.height; ++row)
    for (int column = 0; column < window.width; ++column) {
      const std::uint64_t hash = hash_position(salt, window.x + column, window.y + row);
      const auto [red, green] = normal_pair(hash);
      const std::array<float, kBands> noise = {red, green, normal_pair(mix(~hash)).first};
      const int pixel = row * kTile + column;
      for (int band = 0; band < kBands; ++band)
        noisy[pixel][band] = to_byte(clean[pixel][band] / 255.0F + options.sigma * noise[band]);
    }
}

// ---- files -----------------------------------------------------------------------------------

void require(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what + ": " + CPLGetLastErrorMsg());
}

// A GeoTIFF that gets its name only once it is whole; until then it has another beside it.
class SceneFile {
 public:
  SceneFile(std::string path, const Options& options)
      : path_(std::move(path)), partial_path_(path_ + ".part") {
    CPLStringList layout;
    for (const char* item : {"TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", "INTERLEAVE=PIXEL",
                             "PHOTOMETRIC=RGB", "BIGTIFF=IF_SAFER"})
      layout.AddString(item);
    layout.SetNameValue("COMPRESS", options.compression.c_str());
    GDALDriver* driver = GetGDALDriverManager()->GetDriverByName("GTiff");
    require(driver != nullptr, "no GeoTIFF driver");
    dataset_.reset(driver->Create(partial_path_.c_str(), options.width, options.height, kBands,
                                  GDT_Byte, layout));
    require(dataset_ != nullptr, "cannot create " + partial_path_);
    set_position();
  }
  SceneFile(const SceneFile&) = delete;
  SceneFile& operator=(const SceneFile&) = delete;
  ~SceneFile() {
    dataset_.reset();
    std::error_code ignored;
    std::filesystem::remove(partial_path_, ignored);
  }

  void write(const Window& window, Pixels<std::uint8_t>& pixels) {
    require(dataset_->RasterIO(GF_Write, window.x, window.y, window.width, window.height,
                               pixels.data(), window.width, window.height, GDT_Byte, kBands,
                               nullptr, kBands, kTile * kBands, 1, nullptr) == CE_None,
            "cannot write " + partial_path_);
  }

  // Closing writes what GDAL still holds, so it can fail as writing can.
  void close() {
    require(GDALClose(GDALDataset::ToHandle(dataset_.release())) == CE_None,
            "cannot finish " + partial_path_);
  }

  void publish() const { std::filesystem::rename(partial_path_, path_); }

 private:
  // Half a metre a pixel, somewhere in UTM zone 33 north.
  void set_position() {
    std::array<double, 6> transform = {390000, 0.5, 0, 5820000, 0, -0.5};
    OGRSpatialReference reference;
    require(reference.importFromEPSG(32633) == OGRERR_NONE, "cannot look up EPSG:32633");
    require(dataset_->SetGeoTransform(transform.data()) == CE_None &&
                dataset_->SetSpatialRef(&reference) == CE_None,
            "cannot set the position of " + path_);
  }

  std::string path_, partial_path_;
  GDALDatasetUniquePtr dataset_;
};

void make_scene(const Options& options) {
  // CLI11 lets a nan through its range check.
  if (std::isnan(options.sigma)) throw std::runtime_error("sigma is not a number");
  if (options.noisy_path == options.clean_path)
    throw std::runtime_error("the scenes with and without noise need different files");
  SceneFile noisy_file(options.noisy_path, options);
  std::optional<SceneFile> clean_file;
  if (!options.clean_path.empty()) clean_file.emplace(options.clean_path, options);

  Pixels<float> scratch(kTile * kTile);
  Pixels<std::uint8_t> clean(kTile * kTile), noisy(kTile * kTile);
  for (int y = 0; y < options.height; y += kTile)
    for (int x = 0; x < options.width; x += kTile) {
      const Window window = {x, y, std::min(kTile, options.width - x),
                             std::min(kTile, options.height - y)};
      render(window, options.seed, scratch, clean);
      add_noise(window, options, clean, noisy);
      noisy_file.write(window, noisy);
      if (clean_file) clean_file->write(window, clean);
    }

  noisy_file.close();
  if (clean_file) clean_file->close();
  noisy_file.publish();
  if (clean_file) clean_file->publish();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a procedural scene with Gaussian noise as a tiled GeoTIFF.");
  app.option_defaults()->always_capture_default();
  const CLI::Range side(1, 1'000'000);
  Options options;
  app.add_option("OUT.tif", options.noisy_path, "the scene with noise")->required();
  app.add_option("--clean", options.clean_path, "a file for the scene without noise");
  app.add_option("--width", options.width, "in pixels")->check(side);
  app.add_option("--height", options.height, "in pixels")->check(side);
  app.add_option("--sigma", options.sigma, "of the noise, for samples in 0..1")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", options.seed, "of shapes and noise");
  app.add_option("--compression", options.compression)->check(CLI::IsMember({"none", "deflate"}));
  CLI11_PARSE(app, argc, argv);

  GDALAllRegister();
  GDALSetCacheMax64(std::int64_t{64} << 20);  // by default it grows with the machine's memory
  CPLSetErrorHandler(CPLQuietErrorHandler);   // errors are thrown, and printed once
  try {
    make_scene(options);
  } catch (const std::exception& error) {
    std::cerr << "make_scene: " << error.what() << '\n';
    return 1;
  }
}
