// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <format>

#include "base/try.h"
#include "formats/pt2_parts.h"

// Parameters, buffers and constants: raw storages in entries of their own.
namespace tessera::pt2 {
namespace {

struct StridedView {
  Shape sizes;
  Shape strides;
  std::int64_t offset = 0;  ///< of the first element
};

Result<std::int64_t> plain_size(const SymbolicInt& size) {
  if (size.is_constant() && size.value >= 0) return size.value;
  return fail(ErrorCode::kInvalidProgram, "a size, stride or offset is negative or symbolic");
}

Result<StridedView> view_of(const TensorMeta& meta) {
  StridedView view{.offset = TRY(plain_size(meta.storage_offset))};
  for (std::size_t dim = 0; dim < meta.sizes.size(); ++dim) {
    view.sizes.push_back(TRY(plain_size(meta.sizes[dim])));
    view.strides.push_back(TRY(plain_size(meta.strides[dim])));
  }
  return view;
}

bool is_empty(const Shape& sizes) { return std::ranges::contains(sizes, 0); }

/// Elements that the storage must have at least.
Result<std::int64_t> num_reached(const StridedView& view) {
  std::int64_t last = view.offset;
  for (std::size_t dim = 0; dim < view.sizes.rank(); ++dim) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(view.sizes[dim] - 1, view.strides[dim], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return fail(ErrorCode::kInvalidProgram, "sizes {} with strides {} overflow",
                  view.sizes.to_string(), view.strides.to_string());
    }
  }
  if (last == INT64_MAX) return fail(ErrorCode::kInvalidProgram, "the storage offset overflows");
  return last + 1;
}

bool is_contiguous(const StridedView& view) {
  std::int64_t expected = 1;
  for (std::size_t dim = view.sizes.rank(); dim-- > 0;) {
    if (view.sizes[dim] == 1) continue;
    if (view.strides[dim] != expected) return false;
    expected *= view.sizes[dim];  // at most what the storage has, so no overflow
  }
  return true;
}

/// Copies `from` (the storage at the view's offset) to `to` in the order of the sizes.
void copy_strided(const StridedView& view, std::size_t element_bytes, const std::byte* from,
                  std::byte* to, std::size_t dim = 0) {
  if (dim == view.sizes.rank()) {
    std::memcpy(to, from, element_bytes);
    return;
  }
  std::int64_t row = 1;
  for (std::size_t inner = dim + 1; inner < view.sizes.rank(); ++inner) row *= view.sizes[inner];
  for (std::int64_t i = 0; i < view.sizes[dim]; ++i) {
    copy_strided(view, element_bytes,
                 from + static_cast<std::size_t>(i * view.strides[dim]) * element_bytes,
                 to + static_cast<std::size_t>(i * row) * element_bytes, dim + 1);
  }
}

Result<Tensor> contiguous_copy(const StridedView& view, DType dtype, const std::byte* from,
                               std::uint64_t& budget_bytes) {
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t size : view.sizes) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes) ||
        bytes > budget_bytes) {
      return fail(ErrorCode::kInvalidProgram,
                  "sizes {} with strides {} blow the file's bytes up beyond measure",
                  view.sizes.to_string(), view.strides.to_string());
    }
  }
  budget_bytes -= bytes;
  Tensor copy = TRY(Tensor::empty(dtype, view.sizes));
  copy_strided(view, size_of(dtype), from, copy.bytes());
  return copy;
}

Result<Tensor> make_tensor(const TensorMeta& meta, const ZipBytes& storage,
                           std::uint64_t& budget_bytes) {
  const StridedView view = TRY(view_of(meta));
  const std::size_t element_bytes = size_of(meta.dtype);
  if (is_empty(view.sizes)) return Tensor::zeros(meta.dtype, view.sizes);
  if (storage.bytes.size() % element_bytes != 0) {
    return fail(ErrorCode::kInvalidProgram, "{} bytes are not a whole number of {} elements",
                storage.bytes.size(), name_of(meta.dtype));
  }
  const auto num_stored = static_cast<std::int64_t>(storage.bytes.size() / element_bytes);
  const std::int64_t num_needed = TRY(num_reached(view));
  if (num_needed > num_stored) {
    return fail(ErrorCode::kInvalidProgram,
                "{}{} with strides {} from element {} on needs {} elements, the entry has {}",
                name_of(meta.dtype), view.sizes.to_string(), view.strides.to_string(), view.offset,
                num_needed, num_stored);
  }
  const std::byte* first =
      storage.bytes.data() + static_cast<std::size_t>(view.offset) * element_bytes;
  if (!is_contiguous(view) || reinterpret_cast<std::uintptr_t>(first) % element_bytes != 0) {
    return contiguous_copy(view, meta.dtype, first, budget_bytes);
  }
  // The mapping is read-only and nobody writes to a constant.
  return Tensor::view(meta.dtype, view.sizes, const_cast<std::byte*>(first), storage.owner);
}

Result<Tensor> read_weight(const ZipArchive& archive, const std::string& folder,
                           const JsonValue& json, std::uint64_t& budget_bytes) {
  const std::string path = TRY(TRY(json.member("path_name")).text());
  const auto pickled = TRY(json.optional_member("use_pickle"));
  const auto meta = TRY(json.optional_member("tensor_meta"));
  if ((pickled && TRY(pickled->boolean())) || !meta) {
    return fail(ErrorCode::kNotSupported,
                "the entry '{}' is pickled (a tensor subclass or an object); only plain tensors "
                "are read",
                path);
  }
  const TensorMeta tensor_meta = TRY(read_tensor_meta(*meta));
  return make_tensor(tensor_meta, TRY(archive.read(folder + path)), budget_bytes);
}

}  // namespace

Result<void> read_weights(const ZipArchive& archive, const std::string& folder,
                          const std::string& config_name, std::uint64_t& budget_bytes,
                          ExportedProgram& program) {
  const ZipBytes text = TRY(archive.read(folder + config_name));
  const JsonDocument document = TRY(JsonDocument::parse(text.text(), config_name));
  for (const auto& [name, json] : TRY(TRY(document.root().member("config")).members())) {
    auto tensor = read_weight(archive, folder, json, budget_bytes);
    if (!tensor) {
      return with_context(std::move(tensor).error(), std::format("tensor '{}'", name));
    }
    if (!program.weights.emplace(name, *std::move(tensor)).second) {
      return fail(ErrorCode::kInvalidProgram, "{}: a second tensor '{}'", config_name, name);
    }
  }
  return {};
}

}  // namespace tessera::pt2
