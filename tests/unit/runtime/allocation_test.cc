// SPDX-License-Identifier: MIT
// execute allocates nothing while sizes stay the same. This file replaces operator new for its test
// program, which ThreadSanitizer's runtime does not allow.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TESSERA_HAS_TSAN 1
#endif
#endif
#ifndef TESSERA_HAS_TSAN

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "unit/runtime/plan_builder.h"

namespace {

thread_local std::size_t num_allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++num_allocations;
  void* block = nullptr;
  if (::posix_memalign(&block, alignment, size == 0 ? 1 : size) != 0) std::abort();
  return block;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
// std::stable_sort asks for its buffer with these.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace tessera {
namespace {

/// Allocations of a second and third run.
std::size_t allocations_of_runs(Method& method) {
  testing::expect_ok(method.execute());
  num_allocations = 0;
  for (int i = 0; i < 2; ++i) {
    if (!method.execute()) return SIZE_MAX;
  }
  return num_allocations;
}

TEST(Allocations, NoneInAnExecuteOfOneOperator) {
  testing::PlanBuilder builder;
  const auto x = builder.planned({8}, 0), y = builder.planned({8}, 64);
  builder.plus(x, x, y);
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  testing::expect_ok(method->set_input(0, testing::tensor_of({1, 2, 3, 4, 5, 6, 7, 8})));
  EXPECT_EQ(allocations_of_runs(*method), 0);
}

TEST(Allocations, NoneInAnExecuteOfADelegate) {
  const auto program =
      Program::load(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/unet/xnnpack.pte").value();
  for (const std::size_t band_bytes : {std::size_t{0}, std::size_t{64} << 10}) {
    const auto method = program->load_method("forward", {.band_bytes = band_bytes}).value();
    const Tensor image = *Tensor::zeros(DType::kF32, program->inputs()->at(0).max_sizes);
    testing::expect_ok(method->set_input(0, image));
    EXPECT_EQ(allocations_of_runs(*method), 0);
  }
}

TEST(Allocations, AreCounted) {
  num_allocations = 0;
  delete new int(3);
  EXPECT_EQ(num_allocations, 1);
}

}  // namespace
}  // namespace tessera

#endif
