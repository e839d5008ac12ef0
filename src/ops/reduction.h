// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/lanes.h"
#include "ops/shape_rules.h"

/// Reductions over any dimensions: sums, products, extrema, ...
namespace tessera::ops {

/// Which dimensions argument `position` names: none and an empty list stand for all, an integer for
/// one. Fails for a dimension that does not exist, is symbolic or is named twice.
Result<std::vector<bool>> reduced_dims(const ir::TypeArguments& arguments, std::size_t position,
                                       std::size_t rank);
std::vector<bool> reduced_dims(const ir::KernelArguments& arguments, std::size_t position,
                               std::size_t rank);
/// Sizes of the result.
ir::Dims reduced_sizes(const ir::Dims& sizes, const std::vector<bool>& is_reduced, bool keepdim);
/// Fails if there is nothing to take the extremum of.
Result<void> expect_elements(const ir::Dims& sizes, const std::vector<bool>& is_reduced);

/// The elements of a contiguous tensor as results and what each is reduced from.
class Reduction {
 public:
  Reduction(const Shape& shape, std::vector<bool> is_reduced);

  /// Elements that one result is made of.
  std::int64_t count() const { return count_; }

  /// result[i] = the elements of in, put together: begin with init, step(state, element, i), and
  /// merge(state, state). The order depends on the shape only. `store(i, states, count)` takes the
  /// states of results i .. i + count - 1.
  template <class State, class T, class Step, class Merge, class Store>
  void run(ir::KernelContext& context, const T* in, State init, const Step& step,
           const Merge& merge, const Store& store) const {
    if (is_inner_reduced_) {
      run_rows(context, in, init, step, merge, store);
    } else {
      run_columns(context, in, init, step, store);
    }
  }

 private:
  static constexpr std::int64_t kBlock = 64;  ///< results at once

  /// Every result is reduced from runs of consecutive elements.
  template <class State, class T, class Step, class Merge, class Store>
  void run_rows(ir::KernelContext& context, const T* in, State init, const Step& step,
                const Merge& merge, const Store& store) const {
    const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(count_ + 1) + 1;
    context.parallel_for(kept_.size(), grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const auto result = static_cast<std::int64_t>(i);
        State lanes[kReductionLanes];
        std::fill(lanes, lanes + kReductionLanes, init);
        for (const std::int64_t offset : reduced_) {
          reduce_run(in + kept_[i] + offset, inner_, lanes,
                     [&](State state, T x) { return step(state, x, result); });
        }
        const State state = merge_lanes(lanes, merge);
        store(result, &state, 1);
      }
    });
  }

  /// Consecutive results are reduced from consecutive elements.
  template <class State, class T, class Step, class Store>
  void run_columns(ir::KernelContext& context, const T* in, State init, const Step& step,
                   const Store& store) const {
    const std::int64_t num_blocks = (inner_ + kBlock - 1) / kBlock;
    const std::size_t grain =
        kElementsPerThread / static_cast<std::size_t>(kBlock * (count_ + 1)) + 1;
    const std::size_t num_tasks = kept_.size() * static_cast<std::size_t>(num_blocks);
    context.parallel_for(num_tasks, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t task = begin; task < end; ++task) {
        const auto outer = static_cast<std::int64_t>(task) / num_blocks;
        const std::int64_t column = static_cast<std::int64_t>(task) % num_blocks * kBlock;
        const std::int64_t size = std::min(kBlock, inner_ - column);
        const std::int64_t result = outer * inner_ + column;
        State states[kBlock];
        std::fill(states, states + kBlock, init);
        for (const std::int64_t offset : reduced_) {
          const T* from = in + kept_[static_cast<std::size_t>(outer)] + offset + column;
          for (std::int64_t i = 0; i < size; ++i) states[i] = step(states[i], from[i], result + i);
        }
        store(result, states, size);
      }
    });
  }

  bool is_inner_reduced_ = true;
  std::int64_t count_ = 1;
  std::int64_t inner_ = 1;             ///< length of the innermost run
  std::vector<std::int64_t> kept_;     ///< offsets of results, without the innermost run
  std::vector<std::int64_t> reduced_;  ///< offsets of elements of a result, likewise
};

/// The integer that ATen converts a number to; numbers out of range become the smallest integer.
template <class T>
std::int64_t to_integer(T x) {
  if constexpr (kIsFloat<T>) {
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    const auto wide = static_cast<double>(x);
    if (!(wide >= -kLimit && wide < kLimit)) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(wide);
  } else {
    return static_cast<std::int64_t>(x);
  }
}

/// What sums and products are kept in for results of a dtype: double, or 64 bits that wrap around.
template <class State, class T>
State to_state(T x) {
  if constexpr (std::is_same_v<State, double>) {
    return static_cast<double>(x);
  } else {
    return static_cast<State>(to_integer(x));
  }
}

/// out[first ..] = states, converted to the tensor's dtype.
template <class State>
void store_states(Tensor& out, std::int64_t first, const State* states, std::int64_t count) {
  dispatch<AllTypes>(out.dtype(), [&]<class Out>() {
    Out* to = out.data<Out>() + first;
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<Out>(states[i]);
  });
}

}  // namespace tessera::ops
