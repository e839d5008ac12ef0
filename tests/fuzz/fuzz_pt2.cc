// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <format>
#include <fstream>
#include <span>
#include <system_error>

#include "base/check.h"
#include "base/mapped_file.h"
#include "compile/import_pt2.h"
#include "formats/pt2.h"
#include "ir/verify.h"
#include "ops/registry.h"
#include "tessera/compile.h"

namespace {

/// A folder of this process, as long as it lives.
class WorkFolder {
 public:
  WorkFolder()
      : path_(std::filesystem::temp_directory_path() / std::format("fuzz-pt2-{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

/// What can be imported is a legal graph, and the whole compiler takes it or refuses it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  {
    const auto program = pt2::read(FileBytes::copy_of(std::as_bytes(std::span(data, size))));
    if (!program) return 0;
    const auto graph = import_graph(*program, {}, ops::find_operator);
    if (!graph) return 0;
    const auto verified = ir::verify(*graph);
    CHECK(verified.has_value(), "{}", verified.error().to_string());
  }
  static const WorkFolder folder;
  const auto model = folder.path() / "model.pt2", compiled = folder.path() / "model.pte";
  std::ofstream(model, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  for (const Backend backend : {Backend::kXnnpack, Backend::kPortable}) {
    (void)compile(model, compiled, {.backend = backend});
  }
  return 0;
}
