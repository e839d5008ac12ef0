// SPDX-License-Identifier: MIT
#include "runtime/band_runner.h"

#include <cstring>

#include "base/try.h"
#include "xnnpack/profile.h"

namespace tessera::runtime {
namespace {

/// Rows of a tensor in memory: `num_planes` blocks of rows of `row_bytes` each.
struct Rows {
  std::size_t num_planes = 1, rows_per_plane = 1, row_bytes = 1;

  Rows(const Shape& shape, std::size_t dim, std::size_t element_bytes) : row_bytes(element_bytes) {
    for (std::size_t i = 0; i < dim; ++i) num_planes *= static_cast<std::size_t>(shape[i]);
    for (std::size_t i = dim + 1; i < shape.rank(); ++i) {
      row_bytes *= static_cast<std::size_t>(shape[i]);
    }
    rows_per_plane = static_cast<std::size_t>(shape[dim]);
  }
  std::size_t offset(std::size_t plane, std::int64_t row) const {
    return (plane * rows_per_plane + static_cast<std::size_t>(row)) * row_bytes;
  }
};

void copy_rows(const std::byte* from, const Rows& from_rows, std::int64_t from_row, std::byte* to,
               const Rows& to_rows, std::int64_t to_row, std::int64_t num_rows) {
  const std::size_t bytes = static_cast<std::size_t>(num_rows) * from_rows.row_bytes;
  for (std::size_t plane = 0; plane < from_rows.num_planes; ++plane) {
    std::memcpy(to + to_rows.offset(plane, to_row), from + from_rows.offset(plane, from_row),
                bytes);
  }
}

}  // namespace

Result<BandRunner> BandRunner::create(BandPlan plan, xnnpack::Engine& engine,
                                      std::span<const Tensor* const> inputs, const Tensor& output) {
  const std::span<const Shape> outputs = TRY(engine.reshape(plan.input_shapes));
  for (const BandPlan::Band& band : plan.bands) {
    const std::int64_t end = band.first_local_row + band.output_rows.size();
    if (outputs.size() != 1 || end > outputs[0][plan.output_row_dim]) {
      return fail(ErrorCode::kInternal, "a band of the delegate makes {}, {} rows are needed",
                  outputs.empty() ? "nothing" : outputs[0].to_string(), end);
    }
  }
  BandRunner runner;
  runner.output_ = TRY(Tensor::empty(output.dtype(), outputs[0]));
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto& row_dim = plan.inputs[i].row_dim;
    bool is_copied = false;
    for (std::size_t dim = 0; row_dim && dim < *row_dim; ++dim) {
      is_copied = is_copied || plan.input_shapes[i][dim] != 1;
    }
    const DType dtype = inputs[i]->dtype();
    runner.inputs_.push_back(is_copied ? TRY(Tensor::empty(dtype, plan.input_shapes[i]))
                                       : Tensor::view(dtype, plan.input_shapes[i], nullptr));
    runner.is_copied_.push_back(is_copied);
  }
  for (const Tensor& input : runner.inputs_) runner.input_pointers_.push_back(&input);
  runner.plan_ = std::move(plan);
  return runner;
}

Result<void> BandRunner::run(xnnpack::Engine& engine, std::span<const Tensor* const> inputs,
                             std::span<const Shape> shapes, Tensor& output,
                             const Shape& output_shape) {
  const std::size_t element_bytes = size_of(output.dtype());
  const Rows whole_output(output_shape, plan_.output_row_dim, element_bytes);
  const Rows band_output(output_.shape(), plan_.output_row_dim, element_bytes);
  Tensor* const band_outputs[] = {&output_};
  operator_times_.clear();
  for (const BandPlan::Band& band : plan_.bands) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto* data = const_cast<std::byte*>(inputs[i]->bytes());  // the delegate only reads it
      const auto& row_dim = plan_.inputs[i].row_dim;
      if (!row_dim) {
        inputs_[i].set_data(data);
        continue;
      }
      const Rows whole(shapes[i], *row_dim, size_of(inputs[i]->dtype()));
      if (!is_copied_[i]) {
        inputs_[i].set_data(data + whole.offset(0, band.input_rows[i]));
        continue;
      }
      const Rows rows(plan_.input_shapes[i], *row_dim, size_of(inputs[i]->dtype()));
      copy_rows(data, whole, band.input_rows[i], inputs_[i].bytes(), rows, 0,
                plan_.inputs[i].num_rows);
    }
    TRY(engine.run(input_pointers_, band_outputs));
    if (engine.keeps_profile()) {
      xnnpack::add_times(operator_times_, TRY(engine.operator_times()));
    }
    copy_rows(output_.bytes(), band_output, band.first_local_row, output.bytes(), whole_output,
              band.output_rows.begin, band.output_rows.size());
  }
  return {};
}

}  // namespace tessera::runtime
