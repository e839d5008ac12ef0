// SPDX-License-Identifier: MIT
// `tessera run`: where inputs come from, what is printed, where outputs go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/mapped_file.h"
#include "cli/command_line.h"
#include "cli/small_programs.h"
#include "formats/ptd.h"
#include "tensor/npy.h"

namespace tessera {
namespace {

using testing::CommandResult;
using ::testing::ContainsRegex;
using testing::expect_failure;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PlanBuilder;
using testing::run_tessera;
using testing::TemporaryFolder;
using testing::write_program;

const std::string kFixtures = std::string(TESSERA_TEST_DATA) + "/fixtures/";

std::string expect_success(const CommandResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

template <class T>
void write_raw(const std::filesystem::path& path, const std::vector<T>& elements) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(elements.data()),
             static_cast<std::streamsize>(elements.size() * sizeof(T)));
}

std::string bytes_of(const std::filesystem::path& path) {
  const auto file = FileBytes::map(path).value();
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

/// sum = a + b, and a itself.
std::string two_inputs(const TemporaryFolder& folder) {
  PlanBuilder builder;
  const auto a = builder.unplanned({2, 2}), b = builder.unplanned({2, 2}),
             sum = builder.unplanned({2, 2});
  builder.plus(a, b, sum);
  builder.returns({a, b}, {sum, a});
  return write_program(builder, folder / "two.pte");
}

/// A compiled program whose sizes have names: f32[1,1,s53,s0], both in 256..1024.
std::string named_sizes(const TemporaryFolder& folder) {
  const std::string program = (folder / "demodyn.pte").string();
  expect_success(run_tessera("compile " + kFixtures + "demodyn/model.pt2 -o " + program));
  return program;
}

TEST(Run, TakesSeveralInputsAsFilesOfEachKind) {
  const TemporaryFolder folder;
  const std::string program = two_inputs(folder);
  const std::vector<float> a = {1, 2, 3, 4}, b = {10, 20, 30, 40};
  ASSERT_TRUE(write_npy(folder / "a.npy", Tensor::of<float>({2, 2}, a)).has_value());
  write_raw(folder / "b.bin", b);
  const std::string output = expect_success(
      run_tessera("run " + program + " -i " + (folder / "a.npy").string() + " -i " +
                  (folder / "b.bin").string() + " -o " + (folder / "sum.raw").string() + " -o " +
                  (folder / "copy.npy").string() + " --print all"));
  EXPECT_THAT(output, HasSubstr("output 0: f32[2, 2] min 11, max 44, mean 27.5\n"
                                "[0, :] 11 22\n"
                                "[1, :] 33 44\n"
                                "output 1: f32[2, 2] min 1, max 4, mean 2.5\n"));
  const std::vector<float> sum = {11, 22, 33, 44};
  EXPECT_EQ(bytes_of(folder / "sum.raw"),
            std::string(reinterpret_cast<const char*>(sum.data()), sum.size() * sizeof(float)));
  EXPECT_EQ(read_npy(folder / "copy.npy").value().elements<float>()[3], 4);
}

TEST(Run, PrintsWhatItIsAskedFor) {
  const TemporaryFolder folder;
  const std::string command = "run " + two_inputs(folder) + " --fill ones --print ";
  EXPECT_EQ(expect_success(run_tessera(command + "none")), "");
  EXPECT_EQ(expect_success(run_tessera(command + "all --quiet")), "");
  EXPECT_EQ(expect_success(run_tessera(command + "summary")),
            "output 0: f32[2, 2] min 2, max 2, mean 2\noutput 1: f32[2, 2] min 1, max 1, mean 1\n");
  EXPECT_EQ(run_tessera(command + "everything").exit_code, 2);
}

TEST(Run, SummarisesEveryElementType) {
  const TemporaryFolder folder;
  // Three elements with the values 1, 2 and 3 as bytes of each type.
  struct Case {
    DType dtype;
    std::string bytes;
  };
  const auto three = []<class T>(T one, T two, T three) {
    const std::array<T, 3> elements = {one, two, three};
    return std::string(reinterpret_cast<const char*>(elements.data()), sizeof elements);
  };
  const std::vector<Case> cases = {
      {DType::kU8, three.operator()<std::uint8_t>(1, 2, 3)},
      {DType::kI8, three.operator()<std::int8_t>(1, 2, 3)},
      {DType::kI16, three.operator()<std::int16_t>(1, 2, 3)},
      {DType::kU16, three.operator()<std::uint16_t>(1, 2, 3)},
      {DType::kI32, three.operator()<std::int32_t>(1, 2, 3)},
      {DType::kU32, three.operator()<std::uint32_t>(1, 2, 3)},
      {DType::kI64, three.operator()<std::int64_t>(1, 2, 3)},
      {DType::kU64, three.operator()<std::uint64_t>(1, 2, 3)},
      {DType::kF16, three.operator()<std::uint16_t>(0x3C00, 0x4000, 0x4200)},  // IEEE 754 binary16
      {DType::kBF16, three.operator()<std::uint16_t>(0x3F80, 0x4000, 0x4040)},
      {DType::kF32, three.operator()<float>(1, 2, 3)},
      {DType::kF64, three.operator()<double>(1, 2, 3)},
      {DType::kBool, three.operator()<std::uint8_t>(1, 2, 3)}};
  for (const Case& test : cases) {
    PlanBuilder builder;
    const auto x = builder.unplanned({3}, test.dtype);
    builder.returns({x}, {x});
    const std::string program = write_program(builder, folder / "same.pte");
    std::ofstream(folder / "x.bin", std::ios::binary) << test.bytes;
    const std::string output =
        expect_success(run_tessera("run " + program + " -i " + (folder / "x.bin").string() +
                                   " --print all -o " + (folder / "y.bin").string()));
    EXPECT_EQ(output, std::format("output 0: {}[3] min 1, max 3, mean 2\n[:] 1 2 3\n",
                                  name_of(test.dtype)));
    EXPECT_EQ(bytes_of(folder / "y.bin"), test.bytes) << name_of(test.dtype);
    for (const std::string fill : {"zeros", "ones"}) {
      const std::string value = fill == "ones" ? "1" : "0";
      EXPECT_THAT(expect_success(run_tessera("run " + program + " --fill " + fill)),
                  HasSubstr("min " + value + ", max " + value + ", mean " + value));
    }
  }
}

TEST(Run, CountsNotANumber) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto x = builder.unplanned({4});
  builder.returns({x}, {x});
  const std::string program = write_program(builder, folder / "same.pte");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_raw(folder / "x.bin", std::vector<float>{nan, -1, 2, nan});
  const std::string command = "run " + program + " -i " + (folder / "x.bin").string();
  EXPECT_THAT(expect_success(run_tessera(command)), HasSubstr("min -1, max 2, mean 0.5, 2 NaN"));
  write_raw(folder / "x.bin", std::vector<float>{nan, nan, nan, nan});
  EXPECT_THAT(expect_success(run_tessera(command)), HasSubstr("f32[4] 4 NaN"));
}

TEST(Run, PrintsScalars) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto x = builder.unplanned({2});
  const auto count = builder.add(std::int64_t{42}), factor = builder.add(0.5),
             flag = builder.add(true);
  builder.returns({x}, {x, count, factor, flag});
  const std::string program = write_program(builder, folder / "scalars.pte");
  const std::string output = expect_success(run_tessera("run " + program + " --fill ones"));
  EXPECT_THAT(output, HasSubstr("output 1: i64[] 42\n"));
  EXPECT_THAT(output, HasSubstr("output 2: f64[] 0.5\n"));
  EXPECT_THAT(output, HasSubstr("output 3: bool[] 1\n"));
}

TEST(Run, FillsWithTheSameNumbersEveryTime) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto x = builder.dynamic({1000}, 0);
  builder.returns({x}, {x});
  const std::string program = write_program(builder, folder / "same.pte");
  const auto fill = [&](const std::string& options, const std::string& name) {
    expect_success(run_tessera("run " + program + " -o " + (folder / name).string() + options));
    return read_npy(folder / name).value();
  };
  const Tensor first = fill(" --fill random", "first.npy");
  fill(" --fill random", "second.npy");
  EXPECT_EQ(bytes_of(folder / "first.npy"), bytes_of(folder / "second.npy"));
  EXPECT_EQ(first.shape(), Shape({1000}));
  const auto [min, max] = std::ranges::minmax(first.elements<float>());
  EXPECT_GE(min, 0);
  EXPECT_LT(min, 0.1);
  EXPECT_LT(max, 1);
  EXPECT_GT(max, 0.9);
  EXPECT_EQ(fill(" --shape 0:7", "third.npy").shape(), Shape({7}));
}

TEST(Run, FillsIntegersThatAreIndices) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto x = builder.unplanned({1000}, DType::kI64), y = builder.unplanned({1000}, DType::kU8);
  builder.returns({x, y}, {x, y});
  const std::string program = write_program(builder, folder / "same.pte");
  const std::string output = expect_success(run_tessera("run " + program + " --fill random"));
  EXPECT_THAT(output, HasSubstr("i64[1000] min 0, max 1, "));
  EXPECT_THAT(output, ContainsRegex("u8\\[1000\\] min 0, max 12[5-7], "));
}

TEST(Run, SizesByNameAndByIndex) {
  const TemporaryFolder folder;
  const std::string run = "run " + named_sizes(folder) + " ";
  EXPECT_THAT(expect_success(run_tessera(run + "--shape s53=256,s0=300")),
              HasSubstr("f32[1, 1, 256, 300]"));
  EXPECT_THAT(expect_success(run_tessera(run + "--shape s53=256 --shape s0=257")),
              HasSubstr("f32[1, 1, 256, 257]"));
  EXPECT_THAT(expect_success(run_tessera(run + "--shape s0=256")),
              HasSubstr("f32[1, 1, 1024, 256]"));
  EXPECT_THAT(expect_success(run_tessera(run + "--shape 0:1,1,258,259 --fill zeros")),
              HasSubstr("f32[1, 1, 258, 259]"));
  expect_failure(run_tessera(run + "--shape h=256"),
                 "--shape h=256: the program's sizes are s0, s53");
  expect_failure(run_tessera(run + "--shape s0=255"), "--shape s0=255: expected 256..1024");
  expect_failure(run_tessera(run + "--shape s0=256,s0=256"), "gives s0 twice");
  expect_failure(run_tessera("run " + kFixtures + "demodyn/portable.pte --shape s0=256"),
                 "the program names no sizes");
}

TEST(Run, RefusesBadShapes) {
  const TemporaryFolder folder;
  const std::string run = "run " + kFixtures + "demodyn/portable.pte --shape ";
  expect_failure(run_tessera(run + "0:1,1,256"), "input 0 is f32[1, 1, ..1024, ..1024]");
  expect_failure(run_tessera(run + "0:1,1,0,256"), "[1, 1, 0, 256]");
  expect_failure(run_tessera(run + "0:1,1,256,1025"), "[1, 1, 1024, 1024]");
  expect_failure(run_tessera(run + "0:1,1,256,999999999999999999"), "[1, 1, 1024, 1024]");
  expect_failure(run_tessera(run + "1:1,1,256,256"), "no input 1, method 'forward' has 1");
  expect_failure(run_tessera(run + "0:1,1,256,256 --shape 0:1,1,256,256"), "input 0 twice");
  for (const std::string text :
       {"''", "0", "0:", "0:x", "0:1,,2", "0:-1", "=3", "h=", "h=-3", "h=x",
        "0:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "1,1,256,256", "0:99999999999999999999"}) {
    expect_failure(run_tessera(run + text), "--shape");
  }
  expect_failure(run_tessera(run + std::string(100'000, '1')), "--shape '1111");
  // Files have sizes of their own.
  ASSERT_TRUE(
      write_npy(folder / "x.npy", Tensor::zeros(DType::kF32, {1, 1, 8, 8}).value()).has_value());
  expect_failure(run_tessera(run + "0:1,1,8,9 -i " + (folder / "x.npy").string()),
                 "x.npy is f32[1, 1, 8, 8], --shape says [1, 1, 8, 9]");
}

TEST(Run, TakesRawFilesOfDynamicSizes) {
  const TemporaryFolder folder;
  const std::string run = "run " + kFixtures + "demodyn/portable.pte -i ";
  write_raw(folder / "x.raw", std::vector<float>(6 * 7));
  const std::string file = (folder / "x.raw").string();
  EXPECT_THAT(expect_success(run_tessera(run + file + " --shape 0:1,1,6,7")),
              HasSubstr("f32[1, 1, 6, 7]"));
  expect_failure(run_tessera(run + file + " --shape 0:1,1,6,8"),
                 "x.raw has 168 bytes, f32[1, 1, 6, 8] has 192");
  expect_failure(run_tessera(run + file), "x.raw has 168 bytes, f32[1, 1, 1024, 1024]");
}

TEST(Run, SaysWhichMethodsAndInputsThereAre) {
  const TemporaryFolder folder;
  const std::string program = two_inputs(folder);
  expect_failure(run_tessera("run " + program + " --fill ones --method backward"),
                 "two.pte: no method 'backward', the program has 'forward'");
  expect_failure(run_tessera("run " + program), "'forward' has 2 inputs, --input names 0 (--fill");
  ASSERT_TRUE(write_npy(folder / "a.npy", Tensor::zeros(DType::kF32, {2, 2}).value()).has_value());
  const std::string input = " -i " + (folder / "a.npy").string();
  expect_failure(run_tessera("run " + program + input), "has 2 inputs, --input names 1 (--fill");
  EXPECT_THAT(expect_success(run_tessera("run " + program + input + " --fill ones")),
              HasSubstr("output 0: f32[2, 2] min 1, max 1, mean 1\n"));
  expect_failure(run_tessera("run " + program + input + input + input),
                 "has 2 inputs, --input names 3\n");
  const std::string output = " -o " + (folder / "y.npy").string();
  expect_failure(run_tessera("run " + program + " --fill ones" + output + output + output),
                 "has 2 outputs, --output names 3");
  EXPECT_EQ(folder.num_entries(), 2u);
}

TEST(Run, TakesTheFirstMethodIfThereIsNoForward) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto x = builder.unplanned({3});
  builder.returns({x}, {x});
  const std::string program = write_program(builder, folder / "p.pte", {"encode", "decode"});
  EXPECT_THAT(expect_success(run_tessera("run " + program + " --fill ones")), HasSubstr("f32[3]"));
  expect_success(run_tessera("run " + program + " --fill ones --method decode"));
  expect_failure(run_tessera("run " + program + " --fill ones --method forward"),
                 "no method 'forward', the program has 'encode', 'decode'");
}

TEST(Run, TakesWeightsFromDataFiles) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  pte::TensorValue weight = PlanBuilder::tensor_value({2});
  weight.qualified_name = "layer.weight";
  weight.is_external = true;
  const auto x = builder.unplanned({2}), sum = builder.unplanned({2});
  builder.plus(x, builder.add(weight), sum);
  builder.returns({x}, {sum});
  const std::string run = "run " + write_program(builder, folder / "p.pte") + " --fill ones ";
  const std::vector<float> elements = {10, 20};
  const auto bytes = ptd::write({.entries = {{"layer.weight", std::as_bytes(std::span(elements)),
                                              ptd::TensorLayout{.sizes = {2}, .dim_order = {0}}}}});
  ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
  ASSERT_TRUE(write_file_atomically(folder / "p.ptd", *bytes).has_value());
  const std::string data = (folder / "p.ptd").string();
  EXPECT_THAT(expect_success(run_tessera(run + "--data " + data)), HasSubstr("min 11, max 21"));
  expect_failure(run_tessera(run), "layer.weight");
  expect_failure(run_tessera(run + "--data " + (folder / "none.ptd").string()), "none.ptd");
  expect_failure(run_tessera(run + "--data " + (folder / "p.pte").string()), "p.pte");
}

TEST(Run, SaysWhichFileCannotBeRead) {
  const TemporaryFolder folder;
  const std::string run = "run " + two_inputs(folder) + " --fill ones -i ";
  for (const std::string name : {"none.npy", "none.bin", "none.raw", "none.tif", "none.png"}) {
    expect_failure(run_tessera(run + (folder / name).string()), name);
  }
  std::ofstream(folder / "text.npy") << "no array";
  std::ofstream(folder / "text.png") << "no image";
  expect_failure(run_tessera(run + (folder / "text.npy").string()), "text.npy: not a .npy file");
  expect_failure(run_tessera(run + (folder / "text.png").string()), "text.png");
  std::filesystem::create_directory(folder / "folder.bin");
  expect_failure(run_tessera(run + (folder / "folder.bin").string()), "folder.bin");
}

TEST(Run, WritesWholeFilesOrNone) {
  const TemporaryFolder folder;
  const std::string run = "run " + two_inputs(folder) + " --fill ones -o ";
  for (const std::string name : {"no/y.npy", "no/y.bin", "y.tif", "y.nothing"}) {
    EXPECT_EQ(run_tessera(run + (folder / name).string()).exit_code, 1) << name;
    EXPECT_EQ(folder.num_entries(), 1u) << name;
  }
}

TEST(Run, RefusesUpperBoundsThatNobodyAskedFor) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  pte::TensorValue value = PlanBuilder::tensor_value({1'000'000, 1'000'000});
  value.dynamism = pte::ShapeDynamism::kDynamicBound;
  const auto x = builder.add(value);
  builder.returns({x}, {x});
  const std::string program = write_program(builder, folder / "huge.pte");
  expect_failure(run_tessera("run " + program + " --fill ones"), "say sizes with --shape");
  EXPECT_THAT(expect_success(run_tessera("run " + program + " --shape 0:4,5")),
              HasSubstr("f32[4, 5]"));
}

TEST(Run, RepeatsTimesAndProfiles) {
  const std::string run = "run " + kFixtures + "unet/xnnpack.pte --fill zeros --threads 2 ";
  const std::string output = expect_success(run_tessera(run + "--repeat 3 --time --profile"));
  EXPECT_THAT(output, HasSubstr("(median of 2)"));
  EXPECT_THAT(output, ContainsRegex("peak memory +[0-9.]+ MiB"));
  EXPECT_THAT(output, HasSubstr("ms a run in the instructions, mean of 3"));
  EXPECT_THAT(output, HasSubstr("Convolution (NHWC, F32) "));
  EXPECT_THAT(output, HasSubstr("instruction 0 (delegate 0 of XnnpackBackend):"));
  EXPECT_THAT(expect_success(run_tessera(run)), Not(HasSubstr("profile")));
  EXPECT_EQ(run_tessera(run + "--repeat 0").exit_code, 2);
}

}  // namespace
}  // namespace tessera
