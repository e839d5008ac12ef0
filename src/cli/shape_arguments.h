// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/dim.h"
#include "tessera/program.h"

namespace tessera::cli {

/// The sizes that --shape gives: of whole inputs, "0:1,3,512,512", or of the symbols in the inputs'
/// types, "h=512,w=640".
struct ShapeArguments {
  std::map<std::size_t, Shape> inputs;
  ir::SymbolValues symbols;

  static Result<ShapeArguments> parse(std::span<const std::string> texts);
};

struct InputSizes {
  Shape shape;
  bool is_upper_bound = false;  ///< some size is as large as the program allows, as nobody said it
};

/// Sizes of every input of a method: those given, else upper bounds. Errors: kInvalidArgument for
/// an input or a symbol that the method does not have (with those it has), and for sizes outside of
/// what it takes.
Result<std::vector<InputSizes>> resolve_sizes(const Program& program, const std::string& method,
                                              const ShapeArguments& arguments);

}  // namespace tessera::cli
