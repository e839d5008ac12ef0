// SPDX-License-Identifier: MIT
//
// Regions against the truth: which outputs change when one input pixel does.

#include "tiling/propagate.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "runtime/program_impl.h"
#include "tiling/geometry.h"
#include "unit/tiling/small_program.h"

namespace tessera::tiling {
namespace {

Tensor run(Method& method, const Tensor& input) {
  const auto set = method.set_input(0, input);
  CHECK(set.has_value(), "{}", set.error().to_string());
  const auto done = method.execute();
  CHECK(done.has_value(), "{}", done.error().to_string());
  const Tensor view = *method.output(0);
  return Tensor::of_bytes(view.dtype(), view.shape(), {view.bytes(), view.num_bytes()});
}

/// For every output pixel of one row and one column the region must hold exactly the input pixels
/// that change it.
void compare_with_truth(const Program& program, std::int64_t channels, std::int64_t height,
                        std::int64_t width) {
  const auto flow = *Flow::create(*(*program.impl().find_method("forward"))->plan);
  const Shape input_shape = {1, channels, height, width};
  const auto propagated = propagate_sizes(flow, input_shape);
  ASSERT_TRUE(propagated.has_value()) << propagated.error().to_string();
  const FlowSizes& sizes = *propagated;
  const Shape shape = sizes.shape(flow.output());
  const auto loaded = program.load_method();
  ASSERT_TRUE(loaded.has_value()) << loaded.error().to_string();
  Method& method = **loaded;
  Tensor input = *Tensor::zeros(DType::kF32, input_shape);
  const Tensor base = run(method, input);
  ASSERT_EQ(base.shape(), shape);

  std::vector<Region> truth(static_cast<std::size_t>(shape[2] * shape[3]));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      input.data<float>()[y * width + x] = 1;
      const Tensor changed = run(method, input);
      input.data<float>()[y * width + x] = 0;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        if (changed.data<float>()[i] == base.data<float>()[i]) continue;
        Region pixel;
        pixel.push_back({y, y + 1});
        pixel.push_back({x, x + 1});
        truth[i] = truth[i].rank() == 0 ? pixel : hull(truth[i], pixel);
      }
    }
  }
  for (std::int64_t y = 0; y < shape[2]; ++y) {
    for (std::int64_t x = 0; x < shape[3]; ++x) {
      Region wanted = Region::whole(shape);
      wanted[2] = {y, y + 1};
      wanted[3] = {x, x + 1};
      const auto found = propagate_regions(flow, sizes, wanted)[flow.input()];
      const Region& expected = truth[static_cast<std::size_t>(y * shape[3] + x)];
      ASSERT_TRUE(found.has_value() && expected.rank() == 2) << y << ", " << x;
      EXPECT_EQ((*found)[2], expected[0]) << y << ", " << x;
      EXPECT_EQ((*found)[3], expected[1]) << y << ", " << x;
    }
  }
}

TEST(Propagate, FindsTheInputsThatMatterThroughBranchesAndStrides) {
  const auto program = testing::hourglass();
  ASSERT_NE(program, nullptr);
  const auto flow = *Flow::create(*(*program->impl().find_method("forward"))->plan);
  const auto geometry = analyze(flow);
  ASSERT_TRUE(geometry.has_value()) << geometry.error().to_string();
  EXPECT_EQ(geometry->axes[0].alignment, 2);
  // Half-pixel upsampling reads one more position, the dilated convolution two, at half resolution;
  // the strided one reads a pixel more to the left and none to the right of its pair.
  EXPECT_EQ(geometry->axes[0].halo_before, 2 * (1 + 2) + 1);
  EXPECT_EQ(geometry->axes[1].halo_after, 2 * (1 + 2));
}

TEST(Propagate, EqualsTheTruthWhereSizesChange) {
  const auto program = testing::shrinker();
  ASSERT_NE(program, nullptr);
  compare_with_truth(*program, 1, 9, 7);
}

TEST(Propagate, EqualsTheTruthAtBorders) {
  const auto program = testing::fixed();
  ASSERT_NE(program, nullptr);
  compare_with_truth(*program, 1, 24, 20);
}

TEST(Propagate, NamesTheOperatorThatNeedsItsWholeInput) {
  const auto program = testing::centered();
  ASSERT_NE(program, nullptr);
  const auto flow = *Flow::create(*(*program->impl().find_method("forward"))->plan);
  const auto geometry = analyze(flow);
  ASSERT_FALSE(geometry.has_value());
  EXPECT_EQ(geometry.error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(geometry.error().message,
            "aten::mean.dim needs its whole input, so the model cannot be tiled exactly");
}

}  // namespace
}  // namespace tessera::tiling
