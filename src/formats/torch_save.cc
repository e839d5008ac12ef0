// SPDX-License-Identifier: MIT
#include "formats/torch_save.h"

#include <format>

#include "base/try.h"
#include "formats/pickle.h"
#include "formats/strided_storage.h"

namespace tessera {
namespace {

constexpr std::string_view kPickle = "data.pkl";
/// Under which names training scripts keep the state_dict beside epoch, optimizer and so on.
constexpr std::string_view kNestedKeys[] = {"state_dict", "model_state_dict", "model"};

/// Storages of one archive, each looked up and unpacked once.
class Storages {
 public:
  /// Copies of storages are taken off `budget_bytes`.
  Storages(const ZipArchive& archive, const std::string& root, std::uint64_t& budget_bytes)
      : archive_(archive), root_(root), budget_bytes_(budget_bytes) {}

  /// The bytes that the pickle says the storage has.
  Result<ZipBytes> read(const pickle::Storage& storage) {
    const std::string name = "data/" + storage.key;
    auto found = read_.find(name);
    if (found == read_.end()) {
      ZipBytes bytes = TRY(archive_.read(root_ + name));
      TRY(count_unpacked(bytes));
      found = read_.emplace(name, TRY(aligned(std::move(bytes)))).first;
    }
    ZipBytes bytes = found->second;
    const std::size_t element_bytes = storage.dtype ? size_of(*storage.dtype) : 1;
    if (storage.num_elements < 0 ||
        static_cast<std::uint64_t>(storage.num_elements) > bytes.bytes.size() / element_bytes) {
      return fail(ErrorCode::kInvalidProgram,
                  "{}: expected {} elements of {} bytes, found {} bytes", name,
                  storage.num_elements, element_bytes, bytes.bytes.size());
    }
    bytes.bytes = bytes.bytes.first(static_cast<std::size_t>(storage.num_elements) * element_bytes);
    return bytes;
  }

 private:
  /// Many entries may be unpacked from the same few bytes.
  Result<void> count_unpacked(const ZipBytes& bytes) {
    num_unpacked_ += bytes.bytes.size();
    if (num_unpacked_ <= archive_.file_bytes() + ZipArchive::kMaxUnpackedBytes) return {};
    return fail(ErrorCode::kNotSupported, "the storages unpack to more than {} bytes",
                ZipArchive::kMaxUnpackedBytes);
  }

  /// A storage that lies at an odd offset of its file is copied once, not with every tensor.
  Result<ZipBytes> aligned(ZipBytes bytes) {
    constexpr std::size_t kLargestElement = 8;
    if (reinterpret_cast<std::uintptr_t>(bytes.bytes.data()) % kLargestElement == 0) return bytes;
    if (bytes.bytes.size() > budget_bytes_) {
      return fail(ErrorCode::kInvalidProgram, "the storages are larger than the file");
    }
    budget_bytes_ -= bytes.bytes.size();
    return padded_copy(bytes.bytes);
  }

  const ZipArchive& archive_;
  const std::string& root_;
  std::uint64_t& budget_bytes_;
  std::map<std::string, ZipBytes> read_;
  std::uint64_t num_unpacked_ = 0;
};

Result<void> check_archive(const ZipArchive& archive, const std::string& root) {
  if (archive.contains(root + "constants.pkl")) {
    return fail(ErrorCode::kNotSupported,
                "this is a TorchScript program (constants.pkl), expected a state_dict that "
                "torch.save wrote");
  }
  if (!archive.contains(root + std::string(kPickle))) {
    return fail(ErrorCode::kInvalidProgram,
                "this is a zip archive, but not of torch.save: it has no entry '{}{}'", root,
                kPickle);
  }
  if (!archive.contains(root + "byteorder")) return {};
  const ZipBytes order = TRY(archive.read(root + "byteorder"));
  if (order.text() == "little") return {};
  return fail(ErrorCode::kNotSupported, "byteorder: expected 'little', found '{}'",
              order.text().substr(0, 16));
}

Result<Tensor> make_tensor(const pickle::Document& document, const pickle::StoredTensor& stored,
                           Storages& storages, std::uint64_t& budget_bytes) {
  const auto* storage = document.get_if<pickle::Storage>(stored.storage);
  const StridedView view{
      .sizes = Shape(stored.sizes), .strides = Shape(stored.strides), .offset = stored.offset};
  return tensor_of(stored.dtype, view, TRY(storages.read(*storage)), budget_bytes);
}

const pickle::Dict* nested_dict(const pickle::Document& document, const pickle::Dict& dict) {
  for (const std::string_view key : kNestedKeys) {
    const auto found = document.find(dict, key);
    if (!found) continue;
    if (const auto* nested = document.get_if<pickle::Dict>(*found)) return nested;
  }
  return nullptr;
}

Result<TensorMap> collect(const pickle::Document& document, Storages& storages,
                          std::uint64_t& budget_bytes) {
  const auto* dict = document.get_if<pickle::Dict>(document.root);
  if (dict == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "expected a dict of tensors, found {}",
                pickle::describe(document[document.root]));
  }
  if (const auto* nested = nested_dict(document, *dict)) dict = nested;
  TensorMap tensors;
  for (const auto& [key, value] : dict->items) {
    const auto* name = document.get_if<std::string>(key);
    const auto* stored = document.get_if<pickle::StoredTensor>(value);
    if (name == nullptr || stored == nullptr) continue;
    auto tensor = make_tensor(document, *stored, storages, budget_bytes);
    if (!tensor) {
      return with_context(std::move(tensor).error(), std::format("tensor '{}'", *name));
    }
    tensors.insert_or_assign(*name, *std::move(tensor));
  }
  return tensors;
}

}  // namespace

Result<TensorMap> read_torch_save(const ZipArchive& archive, std::uint64_t& budget_bytes) {
  const std::string root = archive.root();
  TRY(check_archive(archive, root));
  const ZipBytes bytes = TRY(archive.read(root + std::string(kPickle)));
  auto document = pickle::read(bytes.bytes);
  if (!document) return with_context(std::move(document).error(), kPickle);
  Storages storages(archive, root, budget_bytes);
  return collect(*document, storages, budget_bytes);
}

}  // namespace tessera
