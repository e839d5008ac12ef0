// SPDX-License-Identifier: MIT
#include "runtime/bands.h"

#include <algorithm>
#include <numeric>
#include <ranges>

#include "ops/record_rules.h"
#include "xnnpack/indirection.h"
#include "xnnpack/node_kinds.h"

namespace tessera::runtime {
namespace {

/// Rows that a band computes beyond those it owes are at most this part of all.
constexpr std::int64_t kMinRowsPerSharedRow = 12;

std::size_t num_bytes(const xnnpack::ValueRecord& value, const Shape& shape) {
  std::vector<std::uint32_t> dims;
  for (const std::int64_t size : shape) dims.push_back(static_cast<std::uint32_t>(size));
  return xnnpack::num_bytes(value.datatype, dims);
}

/// Which rows of the inputs rows of the output depend on.
class RowRegions {
 public:
  RowRegions(const xnnpack::Payload& payload, const xnnpack::ShapeInference& shapes,
             std::vector<std::optional<RowAxis>> axes)
      : payload_(payload), shapes_(shapes), axes_(std::move(axes)) {
    for (std::size_t node = 0; node < payload.nodes.size(); ++node) {
      std::vector<Shape>& shapes_of_node = input_shapes_.emplace_back();
      for (const std::size_t value : shapes.node_inputs(node)) {
        shapes_of_node.push_back(shapes.shape(value));
      }
      shapes_of_node.resize(payload.nodes[node].inputs.size());  // an absent bias has rank 0
    }
  }

  std::size_t output() const { return shapes_.outputs()[0]; }
  const std::optional<RowAxis>& axis(std::size_t value) const { return axes_[value]; }
  std::size_t num_values() const { return axes_.size(); }
  std::int64_t num_rows(std::size_t value) const { return shapes_.shape(value)[axes_[value]->dim]; }

  /// Rows of each input (by external id) that these rows of the output depend on.
  std::vector<Interval> input_rows(Interval output_rows) const {
    std::vector<std::optional<Region>> regions(payload_.values.size());
    regions[output()] = Region::whole(shapes_.shape(output()));
    (*regions[output()])[axes_[output()]->dim] = output_rows;
    for (std::size_t i = payload_.nodes.size(); i-- > 0;) {
      const std::span<const std::size_t> inputs = shapes_.node_inputs(i);
      const std::size_t output = shapes_.node_outputs(i)[0];
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (!axes_[inputs[k]]) continue;
        const Region region =
            ops::record_input_region(payload_.nodes[i], {input_shapes_[i], Shape()},
                                     shapes_.shape(output), *regions[output], k);
        auto& known = regions[inputs[k]];
        known = known ? hull(*known, region) : region;
      }
    }
    std::vector<Interval> rows;
    for (const std::size_t value : shapes_.inputs()) {
      rows.push_back(axes_[value] ? (*regions[value])[axes_[value]->dim] : Interval{});
    }
    return rows;
  }

 private:
  const xnnpack::Payload& payload_;
  const xnnpack::ShapeInference& shapes_;
  std::vector<std::optional<RowAxis>> axes_;
  std::vector<std::vector<Shape>> input_shapes_;  ///< by node
};

class BandPlanner {
 public:
  BandPlanner(const xnnpack::ShapeInference& shapes, RowRegions regions)
      : shapes_(shapes), regions_(std::move(regions)) {}

  std::optional<BandPlan> plan(std::size_t working_bytes, std::size_t target_bytes) {
    if (!find_length()) return std::nullopt;
    const std::int64_t shared = num_shared_rows();
    const auto wanted =
        static_cast<std::int64_t>(static_cast<double>(length_) * static_cast<double>(target_bytes) /
                                  static_cast<double>(std::max<std::size_t>(working_bytes, 1)));
    const std::int64_t rows = std::max(wanted, kMinRowsPerSharedRow * shared);
    // A multiple of the alignment, and as much more as the whole has.
    band_length_ = (rows + alignment_ - 1) / alignment_ * alignment_ + length_ % alignment_;
    if (band_length_ * 2 > length_) return std::nullopt;
    fill_externals();
    for (std::int64_t row = 0; row < num_output_rows();) {
      if (!add_band(row)) return std::nullopt;
      row = plan_.bands.back().output_rows.end;
    }
    return std::move(plan_);
  }

 private:
  std::int64_t num_output_rows() const { return regions_.num_rows(regions_.output()); }

  /// The image's length in rows of the output (a convolution without padding makes fewer), and the
  /// multiple at which a band may start so that every strided node stays in step.
  bool find_length() {
    for (std::size_t value = 0; value < regions_.num_values(); ++value) {
      if (const auto& axis = regions_.axis(value)) {
        alignment_ = std::lcm(alignment_, axis->denominator);
        if (alignment_ > kMaxAlignment) return false;
      }
    }
    for (const std::size_t input : shapes_.inputs()) {
      const auto& axis = regions_.axis(input);
      if (!axis) continue;
      const std::int64_t rows = regions_.num_rows(input) * axis->denominator;
      if (rows % axis->numerator != 0) return false;
      const std::int64_t length = rows / axis->numerator;
      if (length_ != 0 && length != length_) return false;
      length_ = length;
    }
    return length_ > 0;
  }

  /// Rows, in units of the output's, that the middle rows of the output depend on beyond their own.
  std::int64_t num_shared_rows() const {
    const std::int64_t middle = num_output_rows() / 2 / alignment_ * alignment_;
    const Interval wanted{middle, std::min(middle + alignment_, num_output_rows())};
    const auto rows = regions_.input_rows(wanted);
    std::int64_t shared = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& axis = regions_.axis(shapes_.inputs()[i]);
      if (!axis) continue;
      const std::int64_t own = rows[i].size() * axis->denominator / axis->numerator;
      shared = std::max(shared, own - wanted.size());
    }
    return shared;
  }

  void fill_externals() {
    for (const std::size_t input : shapes_.inputs()) {
      Shape shape = shapes_.shape(input);
      BandPlan::External external;
      if (const auto& axis = regions_.axis(input)) {
        external.row_dim = axis->dim;
        external.num_rows = band_length_ * axis->numerator / axis->denominator;
        shape[axis->dim] = external.num_rows;
      }
      plan_.inputs.push_back(external);
      plan_.input_shapes.push_back(shape);
    }
    plan_.output_row_dim = regions_.axis(regions_.output())->dim;
  }

  /// The band that starts as late as output row `first` allows and owes all rows it can.
  bool add_band(std::int64_t first) {
    std::int64_t start = length_ - band_length_;
    const auto needed = regions_.input_rows({first, first + 1});
    for (std::size_t i = 0; i < needed.size(); ++i) {
      const auto& axis = regions_.axis(shapes_.inputs()[i]);
      if (axis) start = std::min(start, needed[i].begin * axis->denominator / axis->numerator);
    }
    start = start / alignment_ * alignment_;
    std::int64_t end = std::min(start + band_length_, num_output_rows());
    while (end > first && !is_inside({first, end}, start)) --end;
    if (end == first) return false;
    BandPlan::Band band{.output_rows = {first, end}, .first_local_row = first - start};
    for (const std::size_t input : shapes_.inputs()) {
      const auto& axis = regions_.axis(input);
      band.input_rows.push_back(axis ? start * axis->numerator / axis->denominator : 0);
    }
    plan_.bands.push_back(std::move(band));
    return true;
  }

  bool is_inside(Interval output_rows, std::int64_t start) const {
    const auto rows = regions_.input_rows(output_rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& axis = regions_.axis(shapes_.inputs()[i]);
      if (!axis) continue;
      const std::int64_t begin = start * axis->numerator / axis->denominator;
      if (rows[i].begin < begin || rows[i].end > begin + plan_.inputs[i].num_rows) return false;
    }
    return true;
  }

  static constexpr std::int64_t kMaxAlignment = 1024;
  const xnnpack::ShapeInference& shapes_;
  RowRegions regions_;
  BandPlan plan_;
  std::int64_t alignment_ = 1, length_ = 0, band_length_ = 0;
};

/// Bytes that the delegate needs for intermediate values and XNNPACK's tables at these sizes.
std::size_t estimate_working_bytes(const xnnpack::Payload& payload,
                                   const xnnpack::ShapeInference& shapes) {
  const auto inner_bytes = [&](std::size_t index) -> std::size_t {
    const auto& value = payload.values[index];
    const bool is_inner = value.flags == 0 && value.constant_index == 0;
    return is_inner ? num_bytes(value, shapes.shape(index)) : 0;
  };
  std::size_t most = 0;
  for (std::size_t node = 0; node < payload.nodes.size(); ++node) {
    std::size_t sum = 0;
    for (const std::size_t value : shapes.node_inputs(node)) sum += inner_bytes(value);
    for (const std::size_t value : shapes.node_outputs(node)) sum += inner_bytes(value);
    most = std::max(most, sum);
  }
  return most + xnnpack::indirection_bytes(payload, shapes);
}

}  // namespace

std::optional<BandPlan> plan_bands(const xnnpack::Payload& payload,
                                   const xnnpack::ShapeInference& shapes,
                                   std::size_t target_bytes) {
  const std::size_t working_bytes = estimate_working_bytes(payload, shapes);
  if (working_bytes <= 2 * target_bytes) return std::nullopt;
  auto axes = find_row_axes(payload, shapes);
  if (!axes) return std::nullopt;
  return BandPlanner(shapes, RowRegions(payload, shapes, *std::move(axes)))
      .plan(working_bytes, target_bytes);
}

}  // namespace tessera::runtime
