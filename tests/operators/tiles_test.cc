// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "base/try.h"
#include "operators/call.h"
#include "ops/dispatch.h"

/// An operator with a region rule gives in a box of its result the same bits whether it sees the
/// whole input or only the region that the rule names, and it depends on nothing else.
namespace tessera::testing {
namespace {

constexpr int kBoxesPerSample = 12;

/// Distance by which inputs are lengthened and to which the starts of regions are rounded: a
/// multiple of all strides in the samples.
constexpr std::int64_t kPeriod = 12;

template <class Visit>
void for_each_element(const Region& region, const Shape& whole, const Visit& visit) {
  const Shape shape = region.shape();
  for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
    std::int64_t offset = 0, stride = 1, rest = i;
    for (std::size_t dim = shape.rank(); dim-- > 0; rest /= shape[dim]) {
      offset += (region[dim].begin + rest % shape[dim]) * stride;
      stride *= whole[dim];
    }
    visit(i, offset);
  }
}

Tensor slice(const Tensor& tensor, const Region& region) {
  Tensor result = *Tensor::empty(tensor.dtype(), region.shape());
  const std::size_t size = size_of(tensor.dtype());
  for_each_element(region, tensor.shape(), [&](std::int64_t to, std::int64_t from) {
    std::memcpy(result.bytes() + static_cast<std::size_t>(to) * size,
                tensor.bytes() + static_cast<std::size_t>(from) * size, size);
  });
  return result;
}

/// A copy with other elements everywhere but in `kept`. Some answers (isnan) are the same for all
/// numbers, so where answers are asked for, real elements become infinite or NaN.
Tensor changed_outside(const Tensor& tensor, const Region& kept, bool is_answer) {
  Tensor result =
      Tensor::of_bytes(tensor.dtype(), tensor.shape(), {tensor.bytes(), tensor.num_bytes()});
  ops::dispatch<ops::AllTypes>(tensor.dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
      T& element = result.data<T>()[i];
      if constexpr (std::is_same_v<T, bool>) {
        element = !element;
      } else if constexpr (ops::kIsFloat<T>) {
        const double other = is_answer ? (i % 2 == 0 ? INFINITY : NAN) : element + 1000;
        element = static_cast<T>(other);
      } else {
        element = static_cast<T>(element ^ 0x55);
      }
    }
  });
  const std::size_t size = size_of(tensor.dtype());
  for_each_element(kept, tensor.shape(), [&](std::int64_t, std::int64_t at) {
    const std::size_t offset = static_cast<std::size_t>(at) * size;
    std::memcpy(result.bytes() + offset, tensor.bytes() + offset, size);
  });
  return result;
}

/// One call with its whole result, and what is counted over its boxes.
class TileTester {
 public:
  explicit TileTester(Call call) : call_(std::move(call)), random_(1) {}

  void run() {
    const auto results = run_kernel(call_, context_);
    ASSERT_TRUE(results.has_value()) << results.error().message;
    whole_ = (*results)[0];
    if (whole_.num_elements() == 0) return;
    for (int i = 0; i < kBoxesPerSample; ++i) {
      const Region box = random_box();
      const std::vector<Region> regions = input_regions(box);
      expect_enough(box, regions);
      try_smaller(box, regions);
      run_tile(box, regions);
    }
  }
  int num_changes() const { return num_changes_; }
  int num_tiles() const { return num_tiles_; }

 private:
  std::int64_t pick(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }

  Region random_box() {
    Region box;
    for (const std::int64_t size : whole_.shape()) {
      const std::int64_t begin = pick(0, size - 1);
      box.push_back({begin, pick(begin + 1, size)});
    }
    return box;
  }

  std::vector<Region> input_regions(const Region& box) {
    const auto arguments = type_arguments(call_);
    const ir::TypeArguments types(arguments);
    const auto results = infer(call_);
    std::vector<Region> regions;
    for (const TensorPosition position : tensor_positions(call_)) {
      regions.push_back(
          call_.op->input_region({types, *results, 0, box, position.argument, position.element}));
      const Shape& shape = call_.tensors[regions.size() - 1].shape();
      EXPECT_EQ(regions.back().rank(), shape.rank()) << call_.description();
      for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
        EXPECT_TRUE((Interval{0, shape[dim]}).contains(regions.back()[dim]))
            << call_.description() << " box " << box.to_string() << " region "
            << regions.back().to_string();
      }
    }
    return regions;
  }

  /// Whether the box of the result stays the same if inputs change outside of these regions.
  bool is_same(const Region& box, const std::vector<Region>& regions) {
    std::vector<Tensor> changed;
    for (std::size_t i = 0; i < regions.size(); ++i) {
      changed.push_back(
          changed_outside(call_.tensors[i], regions[i], whole_.dtype() == DType::kBool));
    }
    const auto results = run_kernel(with_tensors(call_, std::move(changed)), context_);
    return results && has_same_bits(slice((*results)[0], box), slice(whole_, box));
  }

  void expect_enough(const Region& box, const std::vector<Region>& regions) {
    EXPECT_TRUE(is_same(box, regions))
        << call_.description() << " box " << box.to_string() << " region " << regions[0].to_string()
        << ": an element outside of the region matters";
  }

  /// Leaves out one slab at a side of one input's region.
  void try_smaller(const Region& box, std::vector<Region> regions) {
    Region& region =
        regions[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(regions.size()) - 1))];
    if (region.rank() == 0) return;
    Interval& side =
        region[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(region.rank()) - 1))];
    if (side.size() == 0) return;
    if (pick(0, 1) == 0) {
      ++side.begin;
    } else {
      --side.end;
    }
    if (!is_same(box, regions)) ++num_changes_;
  }

  /// By how much the result grows along `dim` when the first tensor, and those as long as it there,
  /// grow by kPeriod; 0 if that cannot be.
  std::int64_t growth(std::size_t dim) {
    Call longer = call_;
    std::vector<Tensor> tensors = call_.tensors;
    if (dim >= tensors[0].rank() || tensors[0].rank() != whole_.rank()) return 0;
    const std::int64_t size = tensors[0].size(dim);
    for (Tensor& tensor : tensors) {
      if (tensor.rank() != whole_.rank() || tensor.size(dim) != size) continue;
      Shape shape = tensor.shape();
      shape[dim] += kPeriod;
      tensor = *Tensor::zeros(tensor.dtype(), shape);
    }
    const auto types = infer(with_tensors(std::move(longer), std::move(tensors)));
    return types ? (*types)[0].dims[dim].constant() - whole_.size(dim) : 0;
  }

  /// Rounds the regions' starts down so that a tile lies on the grid of the strides.
  void align(std::vector<Region>& regions, std::size_t dim) {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      if (regions[i].rank() != whole_.rank()) continue;
      regions[i][dim].begin -= regions[i][dim].begin % kPeriod;
    }
  }

  /// Runs the kernel on slices and compares the box in it.
  void run_tile(const Region& box, std::vector<Region> regions) {
    const bool is_list = !std::holds_alternative<ir::TensorType>(call_.arguments[0]);
    std::vector<std::int64_t> growths;
    for (std::size_t dim = 0; dim < whole_.rank(); ++dim) {
      growths.push_back(is_list ? 0 : growth(dim));
      if (growths[dim] != 0 && growths[dim] != kPeriod) align(regions, dim);
    }
    std::vector<Tensor> slices;
    for (std::size_t i = 0; i < regions.size(); ++i) {
      slices.push_back(slice(call_.tensors[i], regions[i]));
    }
    const Call tile = with_tensors(call_, std::move(slices));
    const auto types = infer(tile);
    if (!types) return;  // the box lies in the padding
    Region in_tile;
    for (std::size_t dim = 0; dim < whole_.rank(); ++dim) {
      const std::int64_t size = (*types)[0].dims[dim].constant();
      std::int64_t origin = box[dim].begin;
      const bool has_input_dim = !is_list && regions[0].rank() == whole_.rank();
      if (size == whole_.size(dim)) {
        const bool is_part = has_input_dim && regions[0][dim].size() < call_.tensors[0].size(dim);
        if (growths[dim] == 0 && is_part) return;  // the size is an argument
        origin = 0;
      } else if (growths[dim] != 0) {
        origin = regions[0][dim].begin * growths[dim] / kPeriod;
      } else if (size != box[dim].size()) {
        return;
      }
      in_tile.push_back({box[dim].begin - origin, box[dim].end - origin});
      if (has_input_dim && regions[0][dim].size() == 0) return;  // the box lies in the padding
      ASSERT_TRUE((Interval{0, size}).contains(in_tile[dim]))
          << call_.description() << " box " << box.to_string() << " region "
          << regions[0].to_string() << " gives " << ir::print((*types)[0]);
    }
    const auto results = run_kernel(tile, context_);
    ASSERT_TRUE(results.has_value()) << call_.description() << ": " << results.error().message;
    EXPECT_TRUE(has_same_bits(slice((*results)[0], in_tile), slice(whole_, box)))
        << call_.description() << " box " << box.to_string() << " region "
        << regions[0].to_string();
    ++num_tiles_;
  }

  Call call_;
  std::mt19937 random_;
  ir::KernelContext context_;
  Tensor whole_;
  int num_changes_ = 0;
  int num_tiles_ = 0;
};

TEST(Tiles, HaveTheBitsOfTheWhole) {
  std::map<std::string, int> num_changes, num_tiles;
  for (const Call& call : all_calls()) {
    if (call.op->input_region == nullptr) continue;
    TileTester tester(call);
    tester.run();
    num_changes[call.name()] += tester.num_changes();
    num_tiles[call.name()] += tester.num_tiles();
  }
  for (const auto& [name, count] : num_changes) {
    EXPECT_GT(count, 0) << name << ": a smaller region never changed the result";
    EXPECT_GT(num_tiles[name], 0) << name << ": no tile was computed";
  }
}

}  // namespace
}  // namespace tessera::testing
