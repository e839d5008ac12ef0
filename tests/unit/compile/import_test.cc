// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <filesystem>

#include "archive_variant.h"
#include "compile/import_pt2.h"
#include "formats/pt2.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ops/registry.h"

namespace tessera {
namespace {

using pt2::Argument;
using pt2::ExportedProgram;
using pt2::TensorName;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Result<ir::Graph> import(const ExportedProgram& program, std::vector<DimOverride> overrides = {}) {
  return import_graph(program, overrides, ops::find_operator);
}

Result<ir::Graph> import_fixture(const std::string& model,
                                 std::vector<DimOverride> overrides = {}) {
  auto program = pt2::read(testing::fixture(model));
  EXPECT_TRUE(program.has_value()) << program.error().to_string();
  if (!program) return std::unexpected(program.error());
  return import(*program, std::move(overrides));
}

std::string error_of(const Result<ir::Graph>& graph) {
  return graph ? "no error" : graph.error().to_string();
}

pt2::TensorMeta meta(std::vector<pt2::SymbolicInt> sizes) {
  const std::size_t rank = sizes.size();
  return {.sizes = std::move(sizes), .strides = std::vector<pt2::SymbolicInt>(rank)};
}

/// f(x: f32[2, 3, n, 8]) with n in 4..64, step by step.
class Model {
 public:
  Model() {
    program.tensors["x"] = meta({{2}, {3}, {16, "Symbol('n')"}, {8}});
    program.ranges["n"] = {.min = 4, .max = 64};
    program.inputs.push_back({.argument = TensorName{"x"}, .keyword = "user_input"});
  }
  Model& call(const std::string& target, std::vector<pt2::NamedArgument> arguments,
              const std::string& result) {
    program.nodes.push_back({.target = "torch.ops.aten." + target,
                             .arguments = std::move(arguments),
                             .outputs = {TensorName{result}}});
    return *this;
  }
  Model& relu(const std::string& from, const std::string& to) {
    return call("relu.default", {{"self", TensorName{from}}}, to);
  }
  Model& relu_in_place(const std::string& from, const std::string& to) {
    return call("relu_.default", {{"self", TensorName{from}}}, to);
  }
  Model& flatten(const std::string& from, const std::string& to) {
    return call("flatten.using_ints", {{"self", TensorName{from}}, {"start_dim", std::int64_t{2}}},
                to);
  }
  Model& returns(const std::string& name) {
    program.outputs.push_back({.argument = TensorName{name}, .keyword = "user_output"});
    return *this;
  }
  std::string text() const {
    const auto graph = import(program);
    return graph ? ir::print(*graph) : graph.error().to_string();
  }

  ExportedProgram program;
};

TEST(Import, EdgeBecomesThisGraph) {
  const auto graph = import_fixture("edge");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  EXPECT_EQ(ir::print(*graph),
            "graph forward(%x: f32[1,1,s53,s0]) where s0 in 256..1024, s53 in 256..1024 {\n"
            "  %p_conv_weight: f32[1,1,3,3] = parameter \"conv.weight\"\n"
            "  %conv2d: f32[1,1,s53,s0] = aten::conv2d(%x, %p_conv_weight, none, stride=[1,1], "
            "padding=[1,1], dilation=[1,1], groups=1) at \"conv\", "
            "\"extra_models.py:15: return torch.clamp(self.conv(x), 0, 1)\"\n"
            "  %clamp: f32[1,1,s53,s0] = aten::clamp(%conv2d, min=0, max=1) at \"\", "
            "\"extra_models.py:15: return torch.clamp(self.conv(x), 0, 1)\"\n"
            "  return %clamp\n"
            "}\n");
}

TEST(Import, EveryFixtureIsAWholeGraphOrNamesWhatIsMissing) {
  std::size_t num_whole = 0;
  for (const std::string folder : {TESSERA_TEST_DATA "/fixtures", TESSERA_FIXTURES}) {
    if (folder.empty()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (!std::filesystem::exists(entry.path() / "model.pt2")) continue;
      const auto graph = import(*pt2::read(entry.path() / "model.pt2"));
      if (!graph) {
        EXPECT_EQ(graph.error().code, ErrorCode::kOperatorMissing) << graph.error().to_string();
        continue;
      }
      const auto verified = ir::verify(*graph);
      EXPECT_TRUE(verified.has_value()) << verified.error().to_string();
      ++num_whole;
    }
  }
  EXPECT_GE(num_whole, 5U);
}

TEST(Import, NodesKnowTheirSource) {
  const auto graph = import_fixture("unetdyn");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  const ir::Origin& origin = graph->node(graph->nodes().front()).origin;
  EXPECT_EQ(origin.module_path, "d0.c1");
  EXPECT_EQ(origin.source_line, "peer_models.py:32: x = F.relu(self.b1(self.c1(x)))");
}

TEST(Import, UnusedBuffersAreLeftOut) {
  const auto graph = import_fixture("unet");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  for (const ir::ValueId id : graph->values()) {
    EXPECT_THAT(graph->value(id).fully_qualified_name, Not(HasSubstr("num_batches_tracked")));
  }
}

TEST(Import, AllMissingOperatorsAtOnce) {
  auto program = *pt2::read(testing::fixture("unet"));
  const auto graph = import_graph(program, {}, [](std::string_view name) {
    const bool is_missing = name == "aten::cat" || name == "aten::batch_norm";
    return is_missing ? nullptr : ops::find_operator(name);
  });
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, ErrorCode::kOperatorMissing);
  EXPECT_THAT(graph.error().message,
              AllOf(HasSubstr("aten::batch_norm of module d0.b1 (peer_models.py:32: "),
                    HasSubstr(") and 9 more; aten::cat (peer_models.py:")));
}

TEST(Import, OverridesNarrowRanges) {
  const auto graph = import_fixture("edge", {{"x", 2, 300, 400}});
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  EXPECT_EQ(graph->symbols.at("s53"), (ir::DimRange{300, 400}));
  EXPECT_EQ(graph->symbols.at("s0"), (ir::DimRange{256, 1024}));
}

TEST(Import, OverridesOfMultiplesAreDivided) {
  const auto graph = import_fixture("unetdyn", {{"x", 3, 64, 512}});
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  EXPECT_EQ(graph->symbols.at("s23"), (ir::DimRange{16, 128}));
  EXPECT_THAT(error_of(import_fixture("unetdyn", {{"x", 3, 64, 510}})),
              AllOf(HasSubstr("--dim x:3"), HasSubstr("multiples of 4")));
}

TEST(Import, WrongOverridesAreRefused) {
  EXPECT_THAT(error_of(import_fixture("edge", {{"y", 2, 300, 400}})),
              AllOf(HasSubstr("InvalidArgument"), HasSubstr("no input 'y', just x")));
  EXPECT_THAT(error_of(import_fixture("edge", {{"x", 4, 300, 400}})), HasSubstr("4 dimensions"));
  EXPECT_THAT(error_of(import_fixture("edge", {{"x", 1, 1, 4}})), HasSubstr("fixed to 1"));
  EXPECT_THAT(error_of(import_fixture("edge", {{"x", 2, 255, 400}})),
              HasSubstr("not within the exported range 256..1024"));
  EXPECT_THAT(error_of(import_fixture("unetdyn", {{"x", 2, 64, 1028}})),
              HasSubstr("not within the exported range 64..1024"));
  EXPECT_THAT(error_of(import_fixture("edge", {{"x", 2, 400, 300}})), HasSubstr("no range"));
}

TEST(Import, EverySizeNeedsABound) {
  Model model;
  model.relu("x", "y").returns("y");
  model.program.ranges["n"].max = std::nullopt;
  EXPECT_THAT(model.text(),
              AllOf(HasSubstr("InvalidArgument"), HasSubstr("dimension 2 of input 'x'"),
                    HasSubstr("--dim x:2=MIN..MAX")));
  const auto graph = import(model.program, {{"x", 2, 4, 100000}});
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  EXPECT_EQ(graph->symbols.at("n"), (ir::DimRange{4, 100000}));
}

TEST(Import, InPlaceOperatorsBecomeFunctional) {
  Model model;
  model.relu("x", "a").relu_in_place("a", "b");
  model.call("add.Tensor", {{"self", TensorName{"a"}}, {"other", TensorName{"b"}}}, "c")
      .returns("c");
  EXPECT_EQ(model.text(), R"(graph forward(%x: f32[2,3,n,8]) where n in 4..64 {
  %relu: f32[2,3,n,8] = aten::relu(%x)
  %relu_1: f32[2,3,n,8] = aten::relu(%relu)
  %add: f32[2,3,n,8] = aten::add.Tensor(%relu_1, %relu_1, alpha=1)
  return %add
}
)");
}

TEST(Import, AWriteSeenThroughAViewIsRefused) {
  Model model;
  model.relu("x", "a").flatten("a", "v").relu_in_place("a", "b").returns("v");
  EXPECT_THAT(model.text(), AllOf(HasSubstr("aten::relu_"), HasSubstr("'a' while 'v'")));
  Model through_view;
  through_view.relu("x", "a").flatten("a", "v").relu_in_place("v", "b").returns("b").returns("a");
  EXPECT_THAT(through_view.text(), HasSubstr("'v' while 'a'"));
}

/// A slice of a transposed tensor is written to; the tensor and another view of it are read later.
TEST(Import, AWriteThroughViewsReachesTheTensorAndItsOtherViews) {
  Model model;
  model.relu("x", "a")
      .call("transpose.int",
            {{"self", TensorName{"a"}}, {"dim0", std::int64_t{0}}, {"dim1", std::int64_t{1}}}, "t")
      .call("select.int",
            {{"self", TensorName{"a"}}, {"dim", std::int64_t{3}}, {"index", std::int64_t{5}}},
            "column")
      .call("slice.Tensor",
            {{"self", TensorName{"t"}},
             {"dim", std::int64_t{3}},
             {"start", std::int64_t{4}},
             {"end", std::int64_t{8}}},
            "s")
      .relu_in_place("s", "written")
      .returns("a")
      .returns("column");
  EXPECT_EQ(model.text(), R"(graph forward(%x: f32[2,3,n,8]) where n in 4..64 {
  %relu: f32[2,3,n,8] = aten::relu(%x)
  %transpose: f32[3,2,n,8] = aten::transpose.int(%relu, dim0=0, dim1=1)
  %select: f32[2,3,n] = aten::select.int(%relu, dim=3, index=5)
  %slice: f32[3,2,n,4] = aten::slice.Tensor(%transpose, dim=3, start=4, end=8, step=1)
  %relu_1: f32[3,2,n,4] = aten::relu(%slice)
  %slice_scatter: f32[3,2,n,8] = aten::slice_scatter(%transpose, %relu_1, dim=3, start=4, end=8, step=1)
  %transpose_1: f32[2,3,n,8] = aten::transpose.int(%slice_scatter, dim0=0, dim1=1)
  %select_1: f32[2,3,n] = aten::select.int(%transpose_1, dim=3, index=5)
  return %transpose_1, %select_1
}
)");
}

TEST(Import, AWriteThatNobodyElseSeesIsFine) {
  Model before;
  before.relu("x", "a").flatten("a", "v").relu("v", "w").relu_in_place("a", "b");
  before.returns("b").returns("w");
  EXPECT_THAT(before.text(), HasSubstr("return"));
  Model last;
  last.relu("x", "a").flatten("a", "v").relu_in_place("v", "b").returns("b");
  EXPECT_THAT(last.text(), HasSubstr("return"));
}

/// A buffer that is written to, through a view, is an input and an output.
TEST(Import, WrittenBuffersAreStates) {
  Model model;
  model.program.inputs.push_back({.kind = pt2::InputKind::kBuffer,
                                  .argument = TensorName{"b_count"},
                                  .target = "count",
                                  .keyword = "buffer"});
  model.program.weights["count"] = Tensor::of<float>(Shape{2, 2}, std::array{1.F, 2.F, 3.F, 4.F});
  model.program.tensors["b_count"] = meta({{2}, {2}});
  model
      .call("select.int",
            {{"self", TensorName{"b_count"}}, {"dim", std::int64_t{0}}, {"index", std::int64_t{1}}},
            "row")
      .relu_in_place("row", "written")
      .relu("x", "y")
      .returns("y")
      .returns("b_count");
  std::vector<BufferState> states;
  const auto graph = import_graph(model.program, {}, ops::find_operator, &states);
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  EXPECT_EQ(ir::print(*graph),
            R"(graph forward(%x: f32[2,3,n,8], %b_count: f32[2,2]) where n in 4..64 {
  %select: f32[2] = aten::select.int(%b_count, dim=0, index=1)
  %relu: f32[2] = aten::relu(%select)
  %select_scatter: f32[2,2] = aten::select_scatter(%b_count, %relu, dim=0, index=1)
  %relu_1: f32[2,3,n,8] = aten::relu(%x)
  return %relu_1, %select_scatter, %select_scatter
}
)");
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].fully_qualified_name, "count");
}

TEST(Import, WritesToInputsAndStateAreRefused) {
  Model input;
  input.relu_in_place("x", "y").returns("y");
  EXPECT_THAT(input.text(), AllOf(HasSubstr("aten::relu_"), HasSubstr("writes to input 'x'")));
  Model view_of_input;
  view_of_input.flatten("x", "v").relu_in_place("v", "y").returns("y");
  EXPECT_THAT(view_of_input.text(), HasSubstr("writes to input 'x'"));
  Model buffer;
  buffer.relu("x", "y").returns("y");
  buffer.program.outputs.push_back({.kind = pt2::OutputKind::kBufferMutation,
                                    .argument = TensorName{"y"},
                                    .target = "norm.running_mean",
                                    .keyword = "buffer_mutation"});
  EXPECT_THAT(buffer.text(), HasSubstr("writes to its buffer 'norm.running_mean'"));
}

TEST(Import, SizesAreExpressionsAndAssertionsAreGone) {
  Model model;
  model.program.nodes.push_back({.target = "torch.ops.aten.sym_size.int",
                                 .arguments = {{"self", TensorName{"x"}}, {"dim", std::int64_t{2}}},
                                 .outputs = {pt2::SymbolName{"sym_size_int"}}});
  model.program.nodes.push_back(
      {.target = "_operator.mul",
       .arguments = {{"a", pt2::SymbolName{"sym_size_int"}}, {"b", std::int64_t{8}}},
       .outputs = {pt2::SymbolName{"mul"}}});
  model.program.nodes.push_back(
      {.target = "_operator.ge", .outputs = {pt2::OtherArgument{"as_sym_bool"}}});
  model.program.nodes.push_back({.target = "torch.ops.aten._assert_scalar.default",
                                 .arguments = {{"self", pt2::OtherArgument{"as_sym_bool"}}}});
  model.program.symbolic_ints["mul"] = {128, "Mul(Integer(8), Symbol('n'))"};
  using Int = std::variant<std::int64_t, pt2::SymbolName>;
  model.call("view.default",
             {{"self", TensorName{"x"}}, {"size", std::vector<Int>{6, pt2::SymbolName{"mul"}}}},
             "y");
  model.returns("y");
  EXPECT_THAT(model.text(), AllOf(HasSubstr("[6,8*n]"), Not(HasSubstr("assert"))));

  model.program.symbolic_ints["mul"] = {128, "Symbol('u0')"};
  EXPECT_THAT(model.text(), AllOf(HasSubstr("aten::view"), HasSubstr("does not follow from")));
}

TEST(Import, WrongCallsNameTheNode) {
  EXPECT_THAT(Model().relu("z", "y").returns("y").text(),
              AllOf(HasSubstr("aten::relu"), HasSubstr("no tensor 'z'")));
  EXPECT_THAT(Model().relu("x", "x").returns("x").text(), HasSubstr("a second tensor"));
  EXPECT_THAT(Model().call("relu.default", {{"self", std::string("x")}}, "y").text(),
              HasSubstr("argument 'self': expected a tensor"));
  EXPECT_THAT(Model().call("relu.default", {}, "y").text(), HasSubstr("'self' is missing"));
  EXPECT_THAT(Model().call("relu.default", {{"self", TensorName{"x"}}, {"slope", 0.5}}, "y").text(),
              HasSubstr("aten::relu has no argument 'slope'"));
  EXPECT_THAT(Model()
                  .call("relu.default", {{"self", TensorName{"x"}}, {"self", TensorName{"q"}}}, "y")
                  .text(),
              HasSubstr("passed twice"));
  EXPECT_THAT(Model().relu("x", "y").returns("z").text(),
              AllOf(HasSubstr("output 0"), HasSubstr("no tensor 'z'")));
}

TEST(Import, ListsOfTensorsHaveNoneWhereTheSchemaSaysSo) {
  Model model;
  model.program.tensors["i"] = meta({{4}});
  model.program.tensors["i"].dtype = DType::kI64;
  model.program.inputs.push_back({.argument = TensorName{"i"}, .keyword = "user_input"});
  const std::vector<std::optional<TensorName>> list = {std::nullopt, TensorName{"i"}};
  Model wrong = model;
  model.call("index.Tensor", {{"self", TensorName{"x"}}, {"indices", list}}, "y").returns("y");
  EXPECT_THAT(model.text(), HasSubstr("f32[2,4,n,8] = aten::index.Tensor(%x, [none,%i])"));
  EXPECT_THAT(wrong.call("cat.default", {{"tensors", list}}, "y").returns("y").text(),
              HasSubstr("argument 'tensors': expected a list of tensors"));
}

TEST(Import, NumbersForTensorsBecomeConstants) {
  const std::string text = Model()
                               .call("mul.Tensor", {{"self", TensorName{"x"}}, {"other", 0.1}}, "y")
                               .returns("y")
                               .text();
  EXPECT_THAT(text, HasSubstr("%number: f32[] = parameter"));
  EXPECT_THAT(text, HasSubstr("f32[2,3,n,8] = aten::mul.Tensor(%x, %number)"));
}

TEST(Import, TheArchivesTypesMustAgree) {
  Model model;
  model.relu("x", "y").returns("y");
  model.program.tensors["y"] = meta({{2}, {3}, {16, "Symbol('n')"}, {9}});
  EXPECT_THAT(model.text(), AllOf(HasSubstr("InvalidProgram"), HasSubstr("f32[2,3,Symbol('n'),9]"),
                                  HasSubstr("found f32[2,3,n,8]")));
}

TEST(Import, FixedInputsAreLeftOut) {
  Model model;
  model.program.inputs.push_back({.argument = Argument(), .keyword = "user_input"});
  model.program.inputs.push_back({.kind = pt2::InputKind::kOther, .keyword = "constant_input"});
  model.relu("x", "y").returns("y");
  EXPECT_THAT(model.text(), HasSubstr("graph forward(%x: f32[2,3,n,8])"));
  model.program.inputs.push_back({.kind = pt2::InputKind::kOther, .keyword = "custom_obj"});
  EXPECT_THAT(model.text(), HasSubstr("input of kind 'custom_obj'"));
}

}  // namespace
}  // namespace tessera
