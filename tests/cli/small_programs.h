// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "unit/runtime/plan_builder.h"

namespace tessera::testing {

/// Writes the builder's method to a program file, once under each name, and returns the path.
inline std::string write_program(PlanBuilder& builder, const std::filesystem::path& path,
                                 const std::vector<std::string>& methods = {"forward"}) {
  EXPECT_TRUE(builder.load().has_value());  // puts the plan into the program
  pte::Program program = builder.program();
  const pte::ExecutionPlan plan = program.plans.front();
  program.plans.clear();
  for (const std::string& name : methods) {
    program.plans.push_back(plan);
    program.plans.back().name = name;
  }
  const auto bytes = pte::write(program);
  EXPECT_TRUE(bytes.has_value());
  EXPECT_TRUE(write_file_atomically(path, bytes.value()).has_value());
  return path.string();
}

}  // namespace tessera::testing
