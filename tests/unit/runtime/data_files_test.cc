// SPDX-License-Identifier: MIT
// Programs whose weights are in data files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/ptd.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using testing::elements_of;
using ::testing::ElementsAre;
using testing::expect_ok;
using ::testing::HasSubstr;
using testing::PlanBuilder;
using testing::run;

using Bytes = std::vector<std::byte>;

/// A data file of f32 tensors of rank 1.
class DataBuilder {
 public:
  DataBuilder& add(const std::string& key, std::vector<float> elements) {
    elements_.push_back(std::make_unique<std::vector<float>>(std::move(elements)));
    const auto size = static_cast<std::int64_t>(elements_.back()->size());
    file_.entries.push_back({key, std::as_bytes(std::span(*elements_.back())),
                             ptd::TensorLayout{.sizes = {size}, .dim_order = {0}}});
    return *this;
  }
  ptd::Entry& last() { return file_.entries.back(); }
  Bytes write() const { return ptd::write(file_).value(); }

 private:
  ptd::DataFile file_;
  std::vector<std::unique_ptr<std::vector<float>>> elements_;
};

pte::TensorValue external(const std::string& name, const Shape& sizes) {
  pte::TensorValue value = PlanBuilder::tensor_value(sizes);
  value.qualified_name = name;
  value.is_external = true;
  return value;
}

/// y = x + weight + state, then state = y.
PlanBuilder accumulator() {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), sum = builder.planned({2}, 64),
             y = builder.planned({2}, 128);
  const auto weight = builder.add(external("layer.weight", {2}));
  pte::TensorValue state = external("layer.state", {2});
  state.allocation = pte::Allocation{1, 192};
  const auto state_value = builder.add(state);
  builder.plus(x, weight, sum);
  builder.plus(sum, state_value, y);
  builder.append(pte::MoveCall{y, state_value});
  builder.returns({x}, {y, weight});
  return builder;
}

Error error_of(PlanBuilder builder, const std::vector<Bytes>& files) {
  LoadOptions options;
  for (const Bytes& file : files) options.data.emplace_back(file);
  const auto program = builder.load(options);
  if (!program) return program.error();
  const auto method = (*program)->load_method();
  return method ? Error{.message = ""} : method.error();
}

TEST(DataFiles, GiveConstantsAndState) {
  const Bytes file = DataBuilder()
                         .add("unused", {9, 9, 9})
                         .add("layer.state", {100, 200})
                         .add("layer.weight", {10, 20})
                         .write();
  const auto program = accumulator().load({.data = {file}}).value();
  const auto method = program->load_method().value();
  EXPECT_THAT(run(*method, {1, 2}), ElementsAre(111, 222));
  EXPECT_THAT(run(*method, {1, 2}), ElementsAre(122, 244));
  EXPECT_THAT(elements_of(method->output(1)), ElementsAre(10, 20));
  // Another method starts with the file's state.
  EXPECT_THAT(run(*program->load_method().value(), {1, 2}), ElementsAre(111, 222));
}

TEST(DataFiles, MayBeSeveral) {
  const Bytes states = DataBuilder().add("layer.state", {1, 1}).write();
  const Bytes weights = DataBuilder().add("layer.weight", {2, 2}).write();
  const auto program = accumulator().load({.data = {states, weights}}).value();
  EXPECT_THAT(run(*program->load_method().value(), {0, 0}), ElementsAre(3, 3));
}

TEST(DataFiles, OutliveTheProgram) {
  const Bytes file = DataBuilder().add("layer.state", {1, 1}).add("layer.weight", {2, 2}).write();
  auto program = accumulator().load({.data = {file}}).value();
  const auto method = program->load_method().value();
  program.reset();
  EXPECT_THAT(run(*method, {0, 0}), ElementsAre(3, 3));
}

TEST(DataFiles, AllThatIsMissingIsNamed) {
  const Error none = error_of(accumulator(), {});
  EXPECT_EQ(none.code, ErrorCode::kNotFound);
  EXPECT_THAT(none.message, HasSubstr("no data for 'layer.state', 'layer.weight' in the program in "
                                      "memory; give the data files (.ptd)"));
  const Bytes file = DataBuilder().add("layer.weight", {2, 2}).write();
  const Error one = error_of(accumulator(), {file});
  EXPECT_THAT(one.message,
              HasSubstr("no data for 'layer.state' in the program in memory, data 0 in memory"));
}

TEST(DataFiles, AKeyIsInOneFileOnly) {
  const Bytes file = DataBuilder().add("layer.state", {1, 1}).add("layer.weight", {2, 2}).write();
  const Error twice = error_of(accumulator(), {file, file});
  EXPECT_EQ(twice.code, ErrorCode::kInvalidExternalData);
  EXPECT_EQ(twice.message, "'layer.state' is both in data 0 in memory and in data 1 in memory");

  PlanBuilder builder = accumulator();
  builder.program().named_data = {{"layer.weight", {}}};
  const Error own = error_of(std::move(builder), {file});
  EXPECT_EQ(own.message, "'layer.weight' is both in the program in memory and in data 0 in memory");
}

TEST(DataFiles, LayoutsMustBeEqual) {
  const auto refuse = [](auto change, const std::string& fragment) {
    DataBuilder data;
    data.add("layer.state", {1, 1}).add("layer.weight", {2, 2});
    change(data.last());
    const Error error = error_of(accumulator(), {data.write()});
    EXPECT_EQ(error.code, ErrorCode::kInvalidExternalData);
    EXPECT_THAT(error.message, HasSubstr(fragment));
  };
  refuse([](ptd::Entry& entry) { entry.layout->dtype = DType::kI32; },
         "value 3: 'layer.weight' is i32[2] in data 0 in memory, expected f32[2]");
  refuse([](ptd::Entry& entry) { entry.layout->sizes = {1}; }, "is f32[1] in data 0 in memory");
  refuse(
      [](ptd::Entry& entry) {
        entry.layout->sizes = {1, 2};
        entry.layout->dim_order = {1, 0};
      },
      "is f32[1, 2] in dim order 1 0 in data 0 in memory, expected f32[2]");
  refuse([](ptd::Entry& entry) { entry.layout.reset(); }, "is no tensor in data 0 in memory");
}

TEST(DataFiles, BrokenOnesAreNamed) {
  const Error error = error_of(accumulator(), {Bytes(64)});
  EXPECT_EQ(error.code, ErrorCode::kInvalidExternalData);
  EXPECT_THAT(error.message, HasSubstr("data 0 in memory: the file identifier is 0x00000000"));
}

TEST(DataFiles, ConstantsAreNotWritten) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.add(external("y", {2}));
  builder.relu(x, y);
  builder.returns({x}, {y});
  const Error error = error_of(std::move(builder), {DataBuilder().add("y", {1, 2}).write()});
  EXPECT_EQ(error.code, ErrorCode::kInvalidProgram);
  EXPECT_THAT(error.message, HasSubstr("constant"));
}

}  // namespace
}  // namespace tessera
