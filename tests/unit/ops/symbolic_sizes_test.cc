// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/registry.h"
#include "ops/shape_rules.h"

/// infer with sizes that are expressions: results are expressions too, and sizes that may differ
/// are refused with both named.
namespace tessera::ops {
namespace {

using ::testing::HasSubstr;

Result<std::vector<ir::TensorType>> infer(std::string_view name, std::string_view arguments) {
  auto sample = ir::parse_sample(arguments);
  EXPECT_TRUE(sample.has_value()) << arguments;
  std::vector<ir::TypeArguments::Argument> converted;
  for (const ir::SampleArgument& argument : *sample) {
    std::visit(
        [&]<class A>(const A& value) {
          if constexpr (std::is_same_v<A, ir::TensorType>) {
            converted.push_back(&value);
          } else if constexpr (std::is_same_v<A, ir::OptionalTypes>) {
            std::vector<const ir::TensorType*> list;
            for (const auto& type : value) list.push_back(type ? &*type : nullptr);
            converted.push_back(std::move(list));
          } else {
            converted.push_back(value);
          }
        },
        argument);
  }
  return find_operator(name)->infer(ir::TypeArguments(converted));
}

std::string infer_text(std::string_view name, std::string_view arguments) {
  const auto types = infer(name, arguments);
  return types ? ir::print((*types)[0]) : types.error().message;
}

TEST(SymbolicSizes, FlowThroughOperators) {
  EXPECT_EQ(infer_text("aten::relu", "(f32[1,3,h,w])"), "f32[1,3,h,w]");
  EXPECT_EQ(
      infer_text("aten::convolution",
                 "(f32[1,3,h,4*s], f32[8,3,3,3], none, [1,2], [1,1], [1,1], false, [0,0], 1)"),
      "f32[1,8,h,2*s]");
  EXPECT_EQ(infer_text("aten::max_pool2d_with_indices",
                       "(f32[1,3,2*h,4*s], [2,2], [], [0,0], [1,1], false)"),
            "f32[1,3,h,2*s]");
  EXPECT_EQ(infer_text("aten::upsample_bilinear2d.vec", "(f32[1,3,h,w], none, false, [2.0,0.5])"),
            "f32[1,3,2*h,w//2]");
  EXPECT_EQ(infer_text("aten::upsample_bilinear2d.vec", "(f32[1,3,h,w], [2*h,w], false, none)"),
            "f32[1,3,2*h,w]");
  EXPECT_EQ(infer_text("aten::cat", "([f32[1,3,h,w], f32[1,c,h,w]], 1)"), "f32[1,c + 3,h,w]");
  EXPECT_EQ(infer_text("aten::mean.dim", "(f32[n,3,h,w], [2,3], true, none)"), "f32[n,3,1,1]");
  EXPECT_EQ(infer_text("aten::view_copy", "(f32[n,3,h,w], [n,-1])"), "f32[n,3*h*w]");
  EXPECT_EQ(infer_text("aten::add.Tensor", "(f32[n,3,h,w], f32[3,1,1], 1)"), "f32[n,3,h,w]");
  EXPECT_EQ(infer_text("aten::permute_copy", "(f32[h,w], [1,0])"), "f32[w,h]");
  EXPECT_EQ(infer_text("aten::addmm", "(f32[5], f32[n,3], f32[3,5], 1, 1)"), "f32[n,5]");
  EXPECT_EQ(infer_text("aten::flatten.using_ints", "(f32[n,3,h], 1, -1)"), "f32[n,3*h]");
}

TEST(SymbolicSizes, ThatMayDifferAreRefused) {
  EXPECT_THAT(infer_text("aten::add.Tensor", "(f32[1,h], f32[1,w], 1)"), HasSubstr("h is not w"));
  EXPECT_EQ(infer_text("aten::cat", "([f32[h,2], f32[2*(h//2),2]], 1)"),
            "size 0 of argument 'tensors[1]' is 2*(h//2), but size 0 of argument 'tensors[0]' is h "
            "(not equal for all sizes)");
  EXPECT_THAT(infer_text("aten::mm", "(f32[2,k], f32[3,2])"), HasSubstr("is k"));
  EXPECT_THAT(infer_text("aten::view_copy", "(f32[h,3], [3,w])"), HasSubstr("sizes [h, 3]"));
  EXPECT_THAT(infer_text("aten::upsample_bilinear2d.vec", "(f32[1,3,h,w], none, false, [1.3,2.0])"),
              HasSubstr("argument 'scale_factors' has 1.3"));
}

TEST(WindowOutput, CeilModeCountsWindowsThatStartInside) {
  const auto size = [](std::int64_t input, WindowSize window) {
    return window_output(ir::Dim(input), window, "size").value().constant();
  };
  EXPECT_EQ(size(8, {.kernel = 3, .stride = 2}), 3);
  EXPECT_EQ(size(8, {.kernel = 3, .stride = 2, .ceil_mode = true}), 4);
  EXPECT_EQ(size(5, {.kernel = 1, .stride = 3, .ceil_mode = true}), 2);
  EXPECT_EQ(size(6, {.kernel = 2, .stride = 4, .padding = 1, .ceil_mode = true}), 2);
}

}  // namespace
}  // namespace tessera::ops
