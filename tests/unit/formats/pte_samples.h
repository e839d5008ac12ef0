// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/pte.h"

namespace tessera::pte {

/// A program with every kind of value and instruction, delegates, constants, initial data and named
/// data. Its spans view `sample_bytes()`.
Program make_sample();

/// 512 bytes, 0, 1, 2, ..., aligned to 64.
std::span<const std::byte> sample_bytes();

/// The bytes at an aligned address.
std::shared_ptr<const FileBytes> aligned(std::span<const std::byte> bytes);

/// All that a program means, as text: two programs with equal texts are semantically equal. Data is
/// in it as a hash of the bytes that the tensor, delegate or key stands for.
std::string describe(const Program& program);

/// Every .pte below the test data's fixtures and the folder of further fixtures.
std::vector<std::filesystem::path> fixture_programs();

}  // namespace tessera::pte
