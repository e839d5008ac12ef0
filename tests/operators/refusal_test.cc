// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/call.h"
#include "ops/element_types.h"
#include "ops/registry.h"

/// Calls that are wrong are refused with a message; whatever is accepted can run.
namespace tessera::testing {
namespace {

using ::testing::HasSubstr;

struct Refusal {
  std::string_view name;
  std::string_view arguments;
  std::string_view message;
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithMessage) {
  const ir::Operator* op = ops::find_operator(GetParam().name);
  ASSERT_NE(op, nullptr);
  const auto graph = make_graph(make_call(*op, 0, GetParam().arguments));
  ASSERT_FALSE(graph.has_value()) << GetParam().arguments;
  EXPECT_THAT(graph.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(graph.error().message, HasSubstr(GetParam().name));
}

constexpr Refusal kRefusals[] = {
    {"aten::relu", "(bool[3])", "argument 'self' is bool, expected f32, f64, f16, bf16, u8, i8"},
    {"aten::sigmoid", "(u16[3])", "argument 'self' is u16, expected f32, f64, f16, bf16, u8, i8"},
    {"aten::bitwise_not", "(f32[3])",
     "argument 'self' is f32, expected u8, i8, i16, i32, i64, bool"},
    {"aten::relu", "()", "expected 1 arguments, found 0"},
    {"aten::clamp", "(f32[3], none, none)", "both none"},
    {"aten::hardtanh", "(f32[3], 2, 1)", "argument 'min_val' is 2, above 'max_val', 1"},
    {"aten::add.Tensor", "(f32[3], u16[3], 1)", "argument 1 is u16, expected f32, f64, f16, bf16"},
    {"aten::sub.Tensor", "(bool[3], bool[3], 1)",
     "the operands' common type is bool, expected f32"},
    {"aten::bitwise_and.Tensor", "(i32[3], f16[3])",
     "the operands' common type is f16, expected u8"},
    {"aten::fmod.Scalar", "(i32[3], 0)", "argument 'other' is 0, but the result is i32"},
    {"aten::div.Tensor_mode", "(f32[3], f32[3], \"up\")",
     "argument 'rounding_mode' is \"up\", expected none, \"floor\" or \"trunc\""},
    {"aten::pow.Tensor_Scalar", "(i32[3], -1)", "argument 'exponent' is -1, but the result is i32"},
    {"aten::gelu", "(f32[3], \"erf\")", "argument 'approximate' is \"erf\""},
    {"aten::glu", "(f32[3], 0)", "the size of argument 'self' along 'dim' is 3"},
    {"aten::where.self", "(f32[3], f32[3], f32[3])", "argument 'condition' is f32, expected bool"},
    {"aten::copy", "(f32[3], f32[2,3], false)", "argument 'src' has sizes [2, 3]"},
    {"aten::_to_copy", "(f32[3], 27, none, none, none, false, none)", "argument 'dtype' is 27"},
    {"aten::fill.Tensor", "(f32[3], f32[1])", "argument 'value' has sizes [1]"},
    {"aten::add.Tensor", "(f32[2,3], f32[4], 1)",
     "sizes [2, 3] and [4] do not broadcast: 3 is not 4"},
    {"aten::add.Tensor", "(i32[3], i32[3], 0.5)", "argument 'alpha' is 0.5, but the result is i32"},
    {"aten::convolution",
     "(f32[1,3,8,8], f32[4,2,3,3], none, [1,1], [0,0], [1,1], false, [0,0], 1)",
     "channels of argument 'input' is 3, but channels of argument 'weight' times groups is 2"},
    {"aten::convolution",
     "(f32[1,3,8,8], f32[4,3,3,3], f32[5], [1,1], [0,0], [1,1], false, [0,0], 1)",
     "size of argument 'bias' is 5"},
    {"aten::convolution",
     "(f32[1,3,8,8], f32[4,3,3,3], none, [1,1,1], [0,0], [1,1], false, [0,0], 1)",
     "argument 'stride' has 3 elements, expected 2"},
    {"aten::convolution",
     "(f32[1,3,8,8], f32[4,3,3,3], none, [0,1], [0,0], [1,1], false, [0,0], 1)",
     "argument 'stride' is 0, expected 1 to"},
    {"aten::convolution",
     "(f32[1,3,8,8], f32[4,3,3,3], none, [1,1], [0,-1], [1,1], false, [0,0], 1)",
     "argument 'padding' is -1"},
    {"aten::convolution",
     "(f32[1,3,2,8], f32[4,3,3,3], none, [1,1], [0,0], [1,1], false, [0,0], 1)",
     "size of 'input' is 2 with padding 0 on each side, but the window covers 3"},
    {"aten::convolution", "(f32[1,3,8,8], f32[4,3,3,3], none, [1,1], [0,0], [1,1], true, [0,0], 1)",
     "channels of argument 'input' is 3, but size 0 of argument 'weight' is 4"},
    {"aten::convolution", "(f32[1,4,8,8], f32[4,3,3,3], none, [2,2], [0,0], [1,1], true, [2,0], 1)",
     "argument 'output_padding' is 2, expected less than stride 2"},
    {"aten::convolution", "(f32[1,4,1,8], f32[4,3,3,3], none, [2,2], [2,0], [1,1], true, [0,0], 1)",
     "which gives a result of size -1"},
    {"aten::_native_batch_norm_legit",
     "(f32[2,3,4], f32[3], f32[3], f32[3], f32[3], true, 0.1, 0.1)",
     "argument 'training' is true, expected false"},
    {"aten::native_group_norm", "(f32[2,4,5], none, none, 2, 4, 5, 3, 0.1)",
     "'input' has 4 channels, expected a multiple of argument 'group', 3"},
    {"aten::native_layer_norm", "(f32[2,4,5], [4], none, none, 0.1)",
     "argument 'normalized_shape' is [4], expected the last sizes of 'input', [2, 4, 5]"},
    {"aten::amax", "(f32[2,0], [1], false)", "dimension 1 of 'self' has size 0"},
    {"aten::topk", "(f32[2,3], 4, 1, true, true)", "argument 'k' is 4, expected 0 to 3"},
    {"aten::_softmax", "(f16[2,3], 1, true)", "argument 'half_to_float' is true"},
    {"aten::avg_pool2d", "(f32[1,4,4], [2,2], [], [0,0], false, true, 0)",
     "argument 'divisor_override' is 0"},
    {"quantized_decomposed::quantize_per_tensor", "(f32[2,3], 0.1, 0, -129, 127, 1)",
     "argument 'quant_min' is -129, expected -128 to 127"},
    {"quantized_decomposed::quantize_per_channel", "(f32[2,3], f32[2], i64[2], 1, -128, 127, 1)",
     "size of argument 'scales' is 2, but size of 'input' along the axis is 3"},
    {"quantized_decomposed::dequantize_per_tensor", "(i8[2,3], 0.1, 0, -128, 127, 0, none)",
     "argument 'dtype' is not that of 'input', i8"},
    {"torchao::choose_qparams_affine",
     "(f32[3,40], \"SYMMETRIC\", [1,40], 1, -128, 127, none, none, 1, false)",
     "argument 'mapping_type' is 'SYMMETRIC'"},
    {"torchao::choose_qparams_affine",
     "(f32[3,40], \"ASYMMETRIC\", [1,20], 1, -128, 127, none, none, 1, false)",
     "argument 'block_size' is not one row"},
    {"torchao::choose_qparams_affine",
     "(f32[3,40], \"ASYMMETRIC\", [1,40], 1, -8, 7, none, none, 1, false)",
     "the integers are not those of i8"},
    {"torchao::quantize_affine", "(f32[3,40], [1,40], f32[2], i8[3], 1, -128, 127)",
     "have 2 and 3 elements, the input 3 rows"},
    {"quantized_decomposed::embedding_4bit", "(u8[5,3], f32[5,4], none, -8, 7, i64[2])",
     "argument 'weight_scales' has 4 groups, expected a divisor of 6"},
    {"aten::convolution", "(f32[3,8,8], f32[4,3,3,3], none, [1,1], [0,0], [1,1], false, [0,0], 1)",
     "argument 'weight' has sizes [4, 3, 3, 3], expected 3 dimensions"},
    {"aten::convolution",
     "(f32[1,4,8,8], f32[3,2,3,3], none, [1,1], [0,0], [1,1], false, [0,0], 2)",
     "argument 'weight' has 3 output channels, expected a multiple of 'groups', 2"},
    {"aten::_native_batch_norm_legit_no_training",
     "(f32[2,3,4], f32[3], f32[4], f32[3], f32[3], 0.1, 0.1)", "size of argument 'bias' is 4"},
    {"aten::max_pool2d_with_indices", "(f32[8,8], [2,2], [2,2], [0,0], [1,1], false)",
     "argument 'self' has sizes [8, 8], expected 3 to 4 dimensions"},
    {"aten::max_pool2d_with_indices", "(f32[1,8,8], [2,2], [2,2], [2,0], [1,1], false)",
     "argument 'padding' is 2, expected at most half of the kernel's 2"},
    {"aten::upsample_bilinear2d.vec", "(f32[1,1,4,4], none, false, none)", "expected either"},
    {"aten::upsample_bilinear2d.vec", "(f32[1,1,4,4], none, false, [2.0])",
     "argument 'scale_factors' has 1 elements, expected 2"},
    {"aten::upsample_bilinear2d.vec", "(f32[1,1,4,4], none, false, [-2.0, 2.0])",
     "argument 'scale_factors' has -2"},
    {"aten::upsample_bilinear2d.vec", "(f32[1,1,4,4], [0,8], false, none)", "size would be 0"},
    {"aten::cat", "([f32[2,3], f32[3,3]], 1)",
     "size 0 of argument 'tensors[1]' is 3, but size 0 of argument 'tensors[0]' is 2"},
    {"aten::cat", "([f32[2,3], f64[2,3]], 1)", "argument 'tensors[1]' is f64"},
    {"aten::cat", "([f32[2,3], f32[2,3]], 2)", "argument 'dim' is 2, expected -2 to 1"},
    {"aten::mean.dim", "(f32[2,3], [0,-2], false, none)", "argument 'dim' has -2 twice"},
    {"aten::mean.dim", "(i64[2,3], [0], false, none)", "the mean would be i64"},
    {"aten::mm", "(f32[2,3], f32[4,5])",
     "size 0 of argument 'mat2' is 4, but size 1 of argument 'self' is 3"},
    {"aten::addmm", "(f32[4], f32[2,3], f32[3,5], 1, 1)", "sizes [4] and [2, 5] do not broadcast"},
    {"aten::addmm", "(f32[3,5], f32[1,3], f32[3,5], 1, 1)", "which do not broadcast to [1, 5]"},
    {"aten::permute_copy", "(f32[2,3], [0])", "argument 'dims' has 1 elements, expected 2"},
    {"aten::permute_copy", "(f32[2,3], [0,0])", "argument 'dims' has 0 twice"},
    {"aten::view_copy", "(f32[2,3], [4])", "which is not as many elements as sizes [2, 3]"},
    {"aten::view_copy", "(f32[2,3], [-1,4])", "the -1 cannot be computed"},
    {"aten::view_copy", "(f32[2,3], [-1,-1])", "expected one -1 at most"},
    {"aten::expand_copy", "(f32[2,3], [4,3], false)", "which [2, 3] cannot become"},
    {"aten::constant_pad_nd", "(f32[2,3], [1], 0)", "expected an even number up to 4"},
    {"aten::constant_pad_nd", "(f32[2,3], [-2,-2], 0)", "cuts off more than size 1 has"},
    {"aten::batch_norm", "(f32[2,3], none, none, f32[3], f32[3], true, 0.1, 0.1, true)",
     "argument 'training' is true, expected false"},
    {"aten::dropout", "(f32[2,3], 0.5, true)", "argument 'train' is true"},
    {"aten::chunk", "(f32[2,6], 0, 1)", "expected two positive constants"},
    {"aten::unflatten.int", "(f32[2,6], 1, [4,2])", "argument 'size' is [4, 2]"},
    {"aten::movedim.intlist", "(f32[2,6], [0], [0,1])", "1 dimensions are moved to 2 places"},
    {"aten::pad", "(f32[2,6], [1,1], \"circular\", none)", "mode 'circular' with 2 paddings"},
    {"aten::matmul", "(f32[2,3], f32[4,5])", "the rows of 'other' is 4"},
    {"aten::einsum", "(\"ii->i\", [f32[3,3]], none)", "label 'i' occurs twice"},
    {"aten::einsum", "(\"...i->i\", [f32[3,3]], none)", "expected letters"},
    {"aten::einsum", "(\"ij->ik\", [f32[3,3]], none)", "has the label 'k'"},
    {"aten::einsum", "(\"ij,jk\", [f32[3,4], f32[3,5]], none)", "size 'j' of operand 1 is 3"},
    {"aten::conv2d.padding", "(f32[1,1,4,4], f32[1,1,3,3], none, [2,2], \"same\", [1,1], 1)",
     "padding 'same' with stride [2, 2]"},
    {"aten::softmax.int", "(f32[3], 0, 7)", "argument 'dtype' is not that of 'self', f32"},
    {"aten::instance_norm", "(f32[1,2,3], none, none, none, none, false, 0.1, 1e-05, true)",
     "argument 'use_input_stats' is false"},
    {"aten::scaled_dot_product_attention",
     "(f32[2,3], f32[4,3], f32[4,3], none, 0.5, false, none, false)",
     "argument 'dropout_p' is 0.5, expected 0"},
    {"aten::linear", "(f32[2,3], f32[4,5], none)", "the last size of argument 'input' is 3"},
    {"aten::flatten.using_ints", "(f32[2,3,4], 2, 0)", "argument 'start_dim' is 2, after"},
    {"aten::transpose.int", "(f32[2,3], 0, 5)", "argument 'dim1' is 5, expected -2 to 1"},
    {"aten::slice_copy.Tensor", "(f32[2,3], 0, none, none, 0)", "argument 'step' is 0"},
    {"aten::slice_copy.Tensor", "(f32[], 0, none, none, 1)", "expected 1 to 16 dimensions"},
    {"aten::select_copy.int", "(f32[2,3], 1, 3)", "argument 'index' is 3, expected -3 to 2"},
    {"aten::narrow_copy", "(f32[2,3], 1, 2, 2)", "are 2 and 2, which size 3 does not have"},
    {"aten::as_strided_copy", "(f32[6], [2,3], [3,2], none)", "reach behind the 6 elements"},
    {"aten::as_strided_copy", "(f32[6], [2,2], [9223372036854775807,1], none)",
     "reach behind the 6 elements"},
    {"aten::diagonal_copy", "(f32[2,3], 0, 1, -1)", "arguments 'dim1' and 'dim2' are both 1"},
    {"aten::unfold_copy", "(f32[5], 0, 6, 1)", "argument 'size' is 6, expected up to 5"},
    {"aten::squeeze_copy.dims", "(f32[1,1], [0,-2])", "argument 'dim' has -2 twice"},
    {"aten::split_copy.Tensor", "(f32[5], 0, 0)", "argument 'split_size' is 0 for a size of 5"},
    {"aten::split_with_sizes_copy", "(f32[5], [2,2], 0)",
     "size 0 of argument 'self' is 5, but the sum of argument 'split_sizes' is 4"},
    {"aten::unbind_copy.int", "(f32[], 0)", "expected 1 to 16 dimensions"},
    {"aten::stack", "([f32[2], f32[3]], 0)", "size 0 of argument 'tensors[1]' is 3, but"},
    {"aten::slice_scatter", "(f32[5], f32[2], 0, 1, 4, 1)",
     "size 0 of the slice is 3, but size 0 of argument 'src' is 2"},
    {"aten::flip", "(f32[2,3], [1,-1])", "argument 'dims' has -1 twice"},
    {"aten::roll", "(f32[2,3], [1,2], [0])", "argument 'shifts' has 2 elements, expected 1"},
    {"aten::repeat", "(f32[2,3], [2])", "argument 'repeats' has 1 elements, expected 2 to 16"},
    {"aten::repeat", "(f32[2,3], [-1,2])", "expected sizes from 0 on"},
    {"aten::reflection_pad2d", "(f32[1,4,4], [4,0,0,0])",
     "argument 'padding' is 4 and 0 for a dimension of size 4"},
    {"aten::replication_pad2d", "(f32[1,0,4], [1,1,1,1])", "for a dimension of size 0"},
    {"aten::pixel_shuffle", "(f32[1,6,2,2], 2)",
     "the number of channels of argument 'self' is 6, expected a multiple of 4"},
    {"aten::gather", "(f32[2,3], 0, i64[2,4], false)",
     "size 1 of argument 'index' is 4, expected up to 3"},
    {"aten::gather", "(f32[2,3], 0, f32[2,3], false)", "argument 'index' is f32"},
    {"aten::scatter.src", "(f32[5], 0, i64[3], f32[2])",
     "size 0 of argument 'index' is 3, expected up to 2 as in argument 'src'"},
    {"aten::scatter.value", "(u8[5], 0, i64[3], 300)", "argument 'value' is 300, which u8 cannot"},
    {"aten::index_select", "(f32[5], 0, i64[2,2])", "argument 'index' has sizes [2, 2]"},
    {"aten::embedding", "(f32[5], i64[2], -1, false, false)", "argument 'weight' has sizes [5]"},
    {"aten::index.Tensor", "(f32[5], [none, i64[2]])", "stands for dimensions 1 to 2"},
    {"aten::index.Tensor", "(f32[5,4], [bool[4]])",
     "size 0 of argument 'self' is 5, but size 0 of argument 'indices[0]' is 4"},
    {"aten::index.Tensor", "(f32[5,4], [i64[3], i64[2]])", "do not broadcast"},
    {"aten::index_put", "(f32[5], [i64[3]], f32[2], false)",
     "size 0 of what is indexed is 3, but size 0 of argument 'values' is 2"},
    {"aten::masked_select", "(f32[5], u8[5])", "argument 'mask' is u8, expected bool"},
    {"aten::full", "([2,-1], 1, none, none, none, none)", "expected sizes from 0 on"},
    {"aten::full", "([2], 300, 0, none, none, none)", "argument 'fill_value' is 300, which u8"},
    {"aten::rand", "([2], 4, none, none, none)", "argument 'dtype' is i64, expected f32"},
    {"aten::arange.start_step", "(0, 5, 0, none, none, none, none)", "no range from 0 to 5"},
    {"aten::arange.start_step", "(0, 5, -1, none, none, none, none)", "no range from 0 to 5"},
    {"aten::native_dropout", "(f32[2], 1.5, true)", "argument 'p' is 1.5, expected 0 to 1"},
    {"aten::_upsample_bilinear2d_aa", "(f32[1,1,4,4], [0,2], false, none, none)",
     "the result's size would be 0"},
    {"aten::grid_sampler_2d", "(f32[1,1,4,4], f32[1,2,2,3], 0, 0, false)",
     "size 3 of argument 'grid' is 3"},
    {"aten::grid_sampler_2d", "(f32[1,1,4,4], f32[1,2,2,2], 3, 0, false)",
     "argument 'interpolation_mode' is 3, expected 0 to 2"},
    {"dim_order_ops::_to_dim_order_copy", "(f32[2,3], none, none, none, none, false, [0])",
     "argument 'dim_order' has 1 elements, expected 2"},
};

INSTANTIATE_TEST_SUITE_P(Calls, Refused, ::testing::ValuesIn(kRefusals));

/// Whether there are tensors of indices or masks, whose elements only a kernel can refuse.
bool has_indices(const Call& call) {
  return std::ranges::any_of(call.tensors, [&](const Tensor& tensor) {
    return !ops::is_float(tensor.dtype()) && tensor.dtype() != call.tensors[0].dtype();
  });
}

/// If the call is refused, with a message; if not, it runs.
void expect_refused_or_runs(const Call& call, bool is_refusal_expected) {
  const auto graph = make_graph(call);
  if (!graph) {
    EXPECT_GT(graph.error().message.size(), call.name().size() + 10) << call.description();
    return;
  }
  EXPECT_FALSE(is_refusal_expected) << call.description();
  if (call.op->kernel == nullptr) return;
  ir::KernelContext context;
  const auto results = run_kernel(call, context);
  if (results) return;
  const bool is_division = results.error().message.contains("divided by 0");
  EXPECT_TRUE(has_indices(call) || is_division)
      << call.description() << ": " << results.error().message;
  EXPECT_EQ(results.error().code, ErrorCode::kInvalidArgument) << call.description();
}

TEST(WrongCalls, OtherDtypesAreRefusedOrRun) {
  for (const Call& call : all_calls()) {
    for (std::size_t i = 0; i < call.tensors.size(); ++i) {
      for (const DType dtype : {DType::kI8, DType::kBool, DType::kF16, DType::kI64, DType::kU16}) {
        std::vector<Tensor> tensors = call.tensors;
        tensors[i] = *Tensor::zeros(dtype, tensors[i].shape());
        expect_refused_or_runs(with_tensors(call, std::move(tensors)), false);
      }
    }
  }
}

TEST(WrongCalls, OtherRanksAndSizesAreRefusedOrRun) {
  for (const Call& call : all_calls()) {
    for (std::size_t i = 0; i < call.tensors.size(); ++i) {
      const Shape shape = call.tensors[i].shape();
      Shape more{1};
      for (const std::int64_t size : shape) more.push_back(size);
      const Shape fewer(shape.span().subspan(shape.rank() > 0 ? 1 : 0));
      Shape empty = shape, longer = shape;
      if (shape.rank() > 0) {
        empty[shape.rank() - 1] = 0;
        ++longer[shape.rank() - 1];
      }
      for (const Shape& other : {more, fewer, empty, longer}) {
        std::vector<Tensor> tensors = call.tensors;
        tensors[i] = *Tensor::zeros(tensors[i].dtype(), other);
        expect_refused_or_runs(with_tensors(call, std::move(tensors)), false);
      }
    }
  }
}

TEST(WrongCalls, OtherNumbersOfArgumentsAreRefused) {
  for (const Call& call : all_calls()) {
    Call shorter = call;
    const bool is_tensor = std::holds_alternative<ir::TensorType>(shorter.arguments.back());
    shorter.arguments.pop_back();
    if (is_tensor) shorter.tensors.pop_back();
    expect_refused_or_runs(shorter, true);
    Call longer = call;
    longer.arguments.emplace_back(true);
    expect_refused_or_runs(longer, true);
  }
}

/// The text form of a graph with just the call is read back exactly.
TEST(TextForm, RoundTripIsExact) {
  for (const Call& call : all_calls()) {
    const auto graph = make_graph(call);
    ASSERT_TRUE(graph.has_value()) << call.description() << ": " << graph.error().message;
    const std::string text = ir::print(*graph);
    const auto parsed = ir::parse_graph(text, ops::find_operator);
    ASSERT_TRUE(parsed.has_value()) << text << parsed.error().message;
    EXPECT_EQ(ir::print(*parsed), text);
  }
}

}  // namespace
}  // namespace tessera::testing
