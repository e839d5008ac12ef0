// SPDX-License-Identifier: MIT
#include "cli/commands.h"

namespace tessera::cli {

namespace {

constexpr int kUsageError = 2;

int run(int argc, char** argv) {
  CLI::App app("Compiles PyTorch models to ExecuTorch programs and runs them, whole or in tiles");
  app.set_version_flag("--version", "tessera 0.1.0");
  app.require_subcommand(1);
  add_compile(app);
  add_run(app);
  add_bench(app);
  add_compare(app);
  add_inspect(app);
  add_tile(app);
  add_image_diff(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();  // finish() has said why
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cli

int main(int argc, char** argv) { return tessera::cli::run(argc, argv); }
