// SPDX-License-Identifier: MIT
#include "ops/elementwise.h"

#include <algorithm>
#include <cstring>

namespace tessera::ops {

DType loop_dtype(DType dtype) {
  if (dtype == DType::kF64 || dtype == DType::kI64) return dtype;
  return is_float(dtype) ? DType::kF32 : DType::kI32;
}

Operand::Operand(const ir::KernelArguments& arguments, std::size_t position, DType common,
                 DType loop)
    : dtype_(DType::kF64), common_(common), loop_(loop), is_number_(true) {
  const auto& argument = arguments[position];
  if (const auto* real = std::get_if<double>(&argument)) {
    std::memcpy(number_.data(), real, sizeof(*real));
  } else if (const auto* flag = std::get_if<bool>(&argument)) {
    dtype_ = DType::kBool;
    std::memcpy(number_.data(), flag, sizeof(*flag));
  } else {
    dtype_ = DType::kI64;
    const std::int64_t integer = arguments.integer(position);
    std::memcpy(number_.data(), &integer, sizeof(integer));
  }
}

namespace {

/// Elements of a block: three operands and a result of 8 bytes each take 32 KiB.
constexpr std::size_t kBlockSize = 1024;
constexpr std::size_t kMaxElementSize = 8;

/// Gives an operand block by block in its loop type, broadcast to the result's shape.
class Reader {
 public:
  void start(const Operand& operand, const Shape& result, std::size_t position) {
    operand_ = &operand;
    element_size_ = size_of(operand.dtype());
    loop_size_ = size_of(operand.loop());
    is_direct_ = operand.dtype() == operand.loop() && operand.dtype() == operand.common();
    collapse(operand.shape(), result);
    offset_ = 0;
    for (std::size_t dim = rank_; dim-- > 0; position /= sizes_[dim]) {
      index_[dim] = position % sizes_[dim];
      offset_ += index_[dim] * strides_[dim];
    }
    repeated_ = nullptr;
  }

  /// Whether blocks of any size are the tensor's own memory.
  bool is_flat() const { return is_direct_ && rank_ == 1 && strides_[0] == 1; }

  const void* next(std::size_t count) {
    const std::size_t inner = rank_ - 1;
    const bool is_one_run = sizes_[inner] - index_[inner] >= count;
    const std::byte* source = operand_->data() + offset_ * element_size_;
    if (is_one_run && strides_[inner] == 0) {
      if (repeated_ != source || repeated_count_ < count) {
        convert(source, buffer_, 1);
        repeat(buffer_, count);
        repeated_ = source;
        repeated_count_ = count;
      }
      advance(count);
      return buffer_;
    }
    repeated_ = nullptr;
    if (is_one_run && is_direct_) {
      advance(count);
      return source;
    }
    for (std::size_t done = 0; done < count;) {
      const std::size_t run = std::min(count - done, sizes_[inner] - index_[inner]);
      std::byte* target = buffer_ + done * loop_size_;
      source = operand_->data() + offset_ * element_size_;
      convert(source, target, strides_[inner] == 0 ? 1 : run);
      if (strides_[inner] == 0) repeat(target, run);
      advance(run);
      done += run;
    }
    return buffer_;
  }

 private:
  /// Merges dimensions along which the operand goes on in the same way: [1,C,1,1] has the three
  /// "repeated, in order, repeated", a tensor of the result's shape one.
  void collapse(const Shape& shape, const Shape& result) {
    rank_ = 0;
    std::size_t stride = 1;
    bool was_repeated = false;
    std::array<std::size_t, Shape::kMaxRank> sizes, strides;  // innermost first
    for (std::size_t back = 1; back <= result.rank(); ++back) {
      const auto size = static_cast<std::size_t>(result[result.rank() - back]);
      if (size == 1) continue;
      const bool is_repeated = back > shape.rank() || shape[shape.rank() - back] == 1;
      if (rank_ > 0 && is_repeated == was_repeated) {
        sizes[rank_ - 1] *= size;
      } else {
        sizes[rank_] = size;
        strides[rank_++] = is_repeated ? 0 : stride;
      }
      if (!is_repeated) stride *= size;
      was_repeated = is_repeated;
    }
    if (rank_ == 0) {
      sizes[0] = 1;
      strides[rank_++] = 1;
    }
    for (std::size_t dim = 0; dim < rank_; ++dim) {
      sizes_[dim] = sizes[rank_ - 1 - dim];
      strides_[dim] = strides[rank_ - 1 - dim];
    }
  }

  /// Moves on by `count`, which reaches the end of the innermost dimension at most.
  void advance(std::size_t count) {
    std::size_t dim = rank_ - 1;
    index_[dim] += count;
    offset_ += count * strides_[dim];
    while (index_[dim] == sizes_[dim] && dim > 0) {
      offset_ -= index_[dim] * strides_[dim];
      index_[dim--] = 0;
      ++index_[dim];
      offset_ += strides_[dim];
    }
  }

  void convert(const std::byte* source, std::byte* target, std::size_t count) const {
    if (operand_->dtype() == operand_->common() || operand_->common() == operand_->loop()) {
      convert_elements(operand_->dtype(), source, operand_->loop(), target, count);
      return;
    }
    alignas(8) std::byte rounded[kBlockSize * kMaxElementSize];
    convert_elements(operand_->dtype(), source, operand_->common(), rounded, count);
    convert_elements(operand_->common(), rounded, operand_->loop(), target, count);
  }

  /// Fills the block with its first element.
  void repeat(std::byte* target, std::size_t count) const {
    const auto fill = [&]<class T>() {
      auto* elements = reinterpret_cast<T*>(target);
      std::fill(elements + 1, elements + count, elements[0]);
    };
    switch (loop_size_) {
      case 1:
        return fill.operator()<std::uint8_t>();
      case 2:
        return fill.operator()<std::uint16_t>();
      case 4:
        return fill.operator()<std::uint32_t>();
      default:
        return fill.operator()<std::uint64_t>();
    }
  }

  const Operand* operand_ = nullptr;
  std::size_t element_size_ = 0, loop_size_ = 0;
  bool is_direct_ = false;
  std::size_t rank_ = 0, offset_ = 0;  ///< in elements
  std::array<std::size_t, Shape::kMaxRank> sizes_, strides_, index_;
  const std::byte* repeated_ = nullptr;  ///< the element that fills the buffer
  std::size_t repeated_count_ = 0;
  alignas(64) std::byte buffer_[kBlockSize * kMaxElementSize];
};

void run_range(std::span<const Operand> operands, Tensor& out, DType out_loop,
               BlockFunction function, std::size_t begin, std::size_t end) {
  std::array<Reader, kMaxOperands> readers;
  bool is_flat = out_loop == out.dtype();
  for (std::size_t i = 0; i < operands.size(); ++i) {
    readers[i].start(operands[i], out.shape(), begin);
    is_flat = is_flat && readers[i].is_flat();
  }
  alignas(64) std::byte buffer[kBlockSize * kMaxElementSize];
  const std::size_t out_size = size_of(out.dtype());
  const std::size_t block_size = is_flat ? end - begin : kBlockSize;
  for (std::size_t at = begin; at < end; at += block_size) {
    const std::size_t count = std::min(block_size, end - at);
    std::array<const void*, kMaxOperands> in{};
    for (std::size_t i = 0; i < operands.size(); ++i) in[i] = readers[i].next(count);
    std::byte* target = out.bytes() + at * out_size;
    if (out_loop == out.dtype()) {
      function.run(function.state, in.data(), target, count);
    } else {
      function.run(function.state, in.data(), buffer, count);
      convert_elements(out_loop, buffer, out.dtype(), target, count);
    }
  }
}

}  // namespace

void run_blocks(ir::KernelContext& context, std::span<const Operand> operands, Tensor& out,
                DType out_loop, BlockFunction function) {
  context.parallel_for(static_cast<std::size_t>(out.num_elements()), kElementsPerThread,
                       [&](std::size_t begin, std::size_t end) {
                         run_range(operands, out, out_loop, function, begin, end);
                       });
}

}  // namespace tessera::ops
