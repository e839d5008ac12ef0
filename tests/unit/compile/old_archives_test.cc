// SPDX-License-Identifier: MIT
// A model is the same whatever PyTorch's archive looked like when it was saved
// (tests/data/old_archives, made by tools/make_old_archives.py).
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/mapped_file.h"
#include "compile/import_pt2.h"
#include "formats/pt2.h"
#include "ir/text.h"
#include "ops/registry.h"
#include "tessera/compile.h"

namespace tessera {
namespace {

std::filesystem::path archive(const std::string& name) {
  return std::filesystem::path(TESSERA_TEST_DATA) / "old_archives" / name;
}

std::string graph_text(const std::string& name) {
  const auto program = pt2::read(archive(name));
  EXPECT_TRUE(program.has_value()) << program.error().to_string();
  if (!program) return {};
  const auto graph = import_graph(*program, {}, ops::find_operator);
  EXPECT_TRUE(graph.has_value()) << graph.error().to_string();
  return graph ? ir::print(*graph, {.with_elements = true}) : std::string();
}

std::string compiled_bytes(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("tessera_old_archives_" + std::to_string(::getpid()) + ".pte");
  const auto report = compile(archive(name), path);
  EXPECT_TRUE(report.has_value()) << report.error().to_string();
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::filesystem::remove(path);
  return bytes;
}

TEST(OldArchives, GiveTheSameGraph) {
  const std::string expected = graph_text("raw.pt2");
  EXPECT_NE(expected.find("aten::batch_norm"), std::string::npos) << expected;
  EXPECT_EQ(graph_text("pickled.pt2"), expected);
  EXPECT_EQ(graph_text("flat.pt2"), expected);
}

TEST(OldArchives, GiveTheSameProgram) {
  const std::string expected = compiled_bytes("raw.pt2");
  EXPECT_FALSE(expected.empty());
  EXPECT_TRUE(compiled_bytes("pickled.pt2") == expected);
  EXPECT_TRUE(compiled_bytes("flat.pt2") == expected);
}

}  // namespace
}  // namespace tessera
