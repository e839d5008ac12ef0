// SPDX-License-Identifier: MIT
#include <algorithm>
#include <format>

#include "base/try.h"
#include "formats/pickle.h"

// The classes and functions that a pickle may name, and what calling them gives.
namespace tessera::pickle {
namespace {

using Arguments = std::span<const Id>;

constexpr std::size_t kMaxKeyBytes = 256;

struct DTypeName {
  std::string_view name;
  DType dtype;
};

constexpr DTypeName kStorageClasses[] = {
    {"torch.FloatStorage", DType::kF32}, {"torch.DoubleStorage", DType::kF64},
    {"torch.HalfStorage", DType::kF16},  {"torch.BFloat16Storage", DType::kBF16},
    {"torch.LongStorage", DType::kI64},  {"torch.IntStorage", DType::kI32},
    {"torch.ShortStorage", DType::kI16}, {"torch.CharStorage", DType::kI8},
    {"torch.ByteStorage", DType::kU8},   {"torch.BoolStorage", DType::kBool},
};
constexpr std::string_view kUntypedStorages[] = {"torch.storage.UntypedStorage",
                                                 "torch.UntypedStorage"};
constexpr DTypeName kDTypes[] = {
    {"torch.float32", DType::kF32}, {"torch.float64", DType::kF64},
    {"torch.float16", DType::kF16}, {"torch.bfloat16", DType::kBF16},
    {"torch.int64", DType::kI64},   {"torch.int32", DType::kI32},
    {"torch.int16", DType::kI16},   {"torch.int8", DType::kI8},
    {"torch.uint8", DType::kU8},    {"torch.uint16", DType::kU16},
    {"torch.uint32", DType::kU32},  {"torch.uint64", DType::kU64},
    {"torch.bool", DType::kBool},
};

const DTypeName* find_dtype(std::span<const DTypeName> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &DTypeName::name);
  return found == table.end() ? nullptr : &*found;
}

/// The argument as a T; fails if there is none or it is something else.
template <class T>
Result<const T*> argument(const Document& document, Arguments arguments, std::size_t position,
                          std::string_view expected) {
  if (position >= arguments.size()) {
    return fail(ErrorCode::kInvalidProgram, "argument {}: expected {}, found none", position,
                expected);
  }
  if (const T* value = document.get_if<T>(arguments[position])) return value;
  return fail(ErrorCode::kInvalidProgram, "argument {}: expected {}, found {}", position, expected,
              describe(document[arguments[position]]));
}

Result<std::vector<std::int64_t>> integers(const Document& document, Arguments arguments,
                                           std::size_t position) {
  const auto* list = TRY(argument<Sequence>(document, arguments, position, "a tuple of integers"));
  if (list->items.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kNotSupported, "argument {}: {} dimensions, at most {} are read",
                position, list->items.size(), Shape::kMaxRank);
  }
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    result.push_back(*TRY(argument<std::int64_t>(document, list->items, i, "an integer")));
  }
  return result;
}

/// (storage, offset, sizes, strides, ...)
Result<StoredTensor> stored_tensor(const Document& document, Arguments arguments) {
  static_cast<void>(TRY(argument<Storage>(document, arguments, 0, "a storage")));
  StoredTensor tensor{
      .storage = arguments[0],
      .offset = *TRY(argument<std::int64_t>(document, arguments, 1, "the storage offset")),
      .sizes = TRY(integers(document, arguments, 2)),
      .strides = TRY(integers(document, arguments, 3))};
  if (tensor.sizes.size() == tensor.strides.size()) return tensor;
  return fail(ErrorCode::kInvalidProgram, "{} sizes, but {} strides", tensor.sizes.size(),
              tensor.strides.size());
}

Result<Id> rebuild_tensor(Document& document, Arguments arguments) {
  StoredTensor tensor = TRY(stored_tensor(document, arguments));
  const auto& storage = *document.get_if<Storage>(tensor.storage);
  if (!storage.dtype) {
    return fail(ErrorCode::kInvalidProgram,
                "storage '{}' is untyped, expected a class such as torch.FloatStorage",
                storage.key);
  }
  tensor.dtype = *storage.dtype;
  return document.add(std::move(tensor));
}

/// (storage, offset, sizes, strides, requires_grad, hooks, dtype, ...)
Result<Id> rebuild_tensor_v3(Document& document, Arguments arguments) {
  constexpr std::size_t kDType = 6;
  StoredTensor tensor = TRY(stored_tensor(document, arguments));
  const auto* dtype = TRY(argument<Global>(document, arguments, kDType, "a dtype"));
  const DTypeName* known = find_dtype(kDTypes, dtype->name);
  if (known == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "argument {}: expected a dtype, found {}", kDType,
                dtype->name);
  }
  tensor.dtype = known->dtype;
  return document.add(std::move(tensor));
}

/// (tensor, ...): a parameter is its tensor.
Result<Id> rebuild_parameter(Document& document, Arguments arguments) {
  static_cast<void>(TRY(argument<StoredTensor>(document, arguments, 0, "a tensor")));
  return arguments[0];
}

/// Items come afterwards, one by one.
Result<Id> make_dict(Document& document, Arguments arguments) {
  if (arguments.empty()) return document.add(Dict());
  return fail(ErrorCode::kNotSupported, "expected no arguments, found {}", arguments.size());
}

Result<Id> make_size(Document& document, Arguments arguments) {
  static_cast<void>(TRY(argument<Sequence>(document, arguments, 0, "a tuple")));
  return arguments[0];
}

Result<Id> make_device(Document& document, Arguments arguments) {
  static_cast<void>(TRY(argument<std::string>(document, arguments, 0, "a string")));
  return arguments[0];
}

struct Callable {
  std::string_view name;
  Result<Id> (*call)(Document& document, Arguments arguments);
};
constexpr Callable kCallables[] = {
    {"collections.OrderedDict", make_dict},
    {"torch.Size", make_size},
    {"torch.device", make_device},
    {"torch._utils._rebuild_tensor", rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", rebuild_tensor},
    {"torch._utils._rebuild_tensor_v3", rebuild_tensor_v3},
    {"torch._utils._rebuild_parameter", rebuild_parameter},
    {"torch._utils._rebuild_parameter_with_state", rebuild_parameter},
    {"torch.nn.parameter.Parameter", rebuild_parameter},
};

}  // namespace

bool is_allowed_global(std::string_view name) {
  return std::ranges::contains(kCallables, name, &Callable::name) ||
         find_dtype(kStorageClasses, name) != nullptr || find_dtype(kDTypes, name) != nullptr ||
         std::ranges::contains(kUntypedStorages, name);
}

Result<Id> call(Document& document, Id callee, std::span<const Id> arguments) {
  const auto* global = document.get_if<Global>(callee);
  if (global == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "{} cannot be called", describe(document[callee]));
  }
  const auto callable = std::ranges::find(kCallables, global->name, &Callable::name);
  if (callable == std::end(kCallables)) {
    return fail(ErrorCode::kInvalidProgram, "{} cannot be called", global->name);
  }
  auto result = callable->call(document, arguments);
  if (!result) return with_context(std::move(result).error(), callable->name);
  return result;
}

Result<Id> load_persistent(Document& document, Id id) {
  const auto* tuple = document.get_if<Sequence>(id);
  if (tuple == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "persistent id: expected a tuple, found {}",
                describe(document[id]));
  }
  const Arguments items = tuple->items;
  const auto* kind = TRY(argument<std::string>(document, items, 0, "'storage'"));
  if (*kind != "storage") {
    return fail(ErrorCode::kInvalidProgram, "persistent id: expected 'storage', found '{}'",
                kind->substr(0, 32));
  }
  const auto* type = TRY(argument<Global>(document, items, 1, "a storage class"));
  const DTypeName* typed = find_dtype(kStorageClasses, type->name);
  if (typed == nullptr && !std::ranges::contains(kUntypedStorages, type->name)) {
    return fail(ErrorCode::kInvalidProgram, "persistent id: expected a storage class, found {}",
                type->name);
  }
  const auto* key = TRY(argument<std::string>(document, items, 2, "the storage's key"));
  if (key->size() > kMaxKeyBytes) {
    return fail(ErrorCode::kInvalidProgram, "persistent id: the key has {} letters, at most {}",
                key->size(), kMaxKeyBytes);
  }
  return document.add(Storage{
      .key = *key,
      .dtype = typed == nullptr ? std::nullopt : std::optional(typed->dtype),
      .num_elements =
          *TRY(argument<std::int64_t>(document, items, 4, "the storage's number of elements"))});
}

}  // namespace tessera::pickle
