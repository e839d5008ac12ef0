// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "operators/call.h"

namespace tessera::testing {

/// What PyTorch computed for every sample, by family of operators: `unary.txt` lists the samples,
/// one a line with the types of its results; `unary.bin` has the elements of these results in the
/// same order. tools/make_goldens.py writes the second from the first.
class Goldens {
 public:
  static Result<Goldens> load();
  /// The results of a line of the list; fails for a sample that is not in the list.
  Result<std::vector<Tensor>> results(const std::string& line) const;
  /// The list of a family; empty if there is none.
  std::string list(const std::string& family) const;

 private:
  Result<void> read_family(const std::string& family);

  std::map<std::string, std::string> lists_;
  std::map<std::string, std::vector<Tensor>> results_;
};

/// "aten::mm (f32[3,17], f32[17,70]) -> f32[3,70]"
Result<std::string> golden_line(const Call& call);

}  // namespace tessera::testing
