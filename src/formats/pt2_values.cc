// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "formats/pt2_parts.h"

// Tensor metas, symbolic integers and the many kinds of arguments.
namespace tessera::pt2 {
namespace {

using Ints = std::vector<std::variant<std::int64_t, SymbolName>>;

/// The archive's ScalarType (torch/_export/serde/schema.py) is numbered unlike torch's own.
constexpr std::pair<int, DType> kDTypes[] = {
    {1, DType::kU8},   {2, DType::kI8},   {3, DType::kI16},  {4, DType::kI32},   {5, DType::kI64},
    {6, DType::kF16},  {7, DType::kF32},  {8, DType::kF64},  {12, DType::kBool}, {13, DType::kBF16},
    {28, DType::kU16}, {34, DType::kU32}, {35, DType::kU64},
};
constexpr std::int64_t kStridedLayout = 7;

Result<DType> read_dtype(const JsonValue& json) {
  const std::int64_t number = TRY(json.integer());
  for (const auto& [from, dtype] : kDTypes) {
    if (from == number) return dtype;
  }
  return fail(ErrorCode::kNotSupported,
              "{}: element type {} (torch.export's ScalarType) is none of Tessera's", json.place(),
              number);
}

Result<StridedLayout> read_layout(const JsonValue& json) {
  const std::int64_t number = TRY(json.integer());
  if (number == kStridedLayout) return StridedLayout{};
  return fail(ErrorCode::kNotSupported, "{}: layout {}, but only dense tensors (7) are read",
              json.place(), number);
}

Result<MemoryFormat> read_memory_format(const JsonValue& json) {
  switch (TRY(json.integer())) {
    case 1:
      return MemoryFormat::kContiguous;
    case 2:
      return MemoryFormat::kChannelsLast;
    case 3:
      return MemoryFormat::kChannelsLast3d;
    case 4:
      return MemoryFormat::kPreserve;
    default:
      return json.mismatch("a memory format, 1 to 4");
  }
}

Result<std::vector<SymbolicInt>> read_symbolic_ints(const JsonValue& json) {
  std::vector<SymbolicInt> result;
  for (const JsonValue& element : TRY(json.elements())) {
    result.push_back(TRY(read_symbolic_int(element)));
  }
  return result;
}

Result<TensorName> read_tensor_name(const JsonValue& json) {
  return TensorName{TRY(TRY(json.member("name")).text())};
}

Result<std::optional<TensorName>> read_optional_tensor(const JsonValue& json) {
  const auto [kind, value] = TRY(json.only_member());
  if (kind == "as_none") return std::nullopt;
  if (kind == "as_tensor") return TRY(read_tensor_name(value));
  return json.mismatch("as_tensor or as_none");
}

Result<std::variant<std::int64_t, SymbolName>> read_int_or_symbol(const JsonValue& json) {
  const auto [kind, value] = TRY(json.only_member());
  if (kind == "as_int") return TRY(value.integer());
  if (kind == "as_name") return SymbolName{TRY(value.text())};
  return json.mismatch("as_int or as_name");
}

template <class T>
Result<Argument> read_list(const JsonValue& json, Result<T> (*read_element)(const JsonValue&)) {
  std::vector<T> result;
  for (const JsonValue& element : TRY(json.elements())) {
    result.push_back(TRY(read_element(element)));
  }
  return result;
}

Result<std::variant<std::int64_t, SymbolName>> read_plain_int(const JsonValue& json) {
  return TRY(json.integer());
}
Result<double> read_real(const JsonValue& json) { return json.real(); }
Result<bool> read_bool(const JsonValue& json) { return json.boolean(); }
Result<std::string> read_text(const JsonValue& json) { return json.text(); }

Result<Argument> read_none(const JsonValue&) { return Argument(); }
Result<Argument> read_sym_int(const JsonValue& json) {
  const auto value = TRY(read_int_or_symbol(json));
  return std::visit([](const auto& held) { return Argument(held); }, value);
}
Result<Argument> read_one_optional_tensor(const JsonValue& json) {
  const auto tensor = TRY(read_optional_tensor(json));
  return tensor ? Argument(*tensor) : Argument();
}
Result<Argument> read_device(const JsonValue& json) {
  return Argument(Device{TRY(TRY(json.member("type")).text())});
}

struct ArgumentReader {
  std::string_view kind;
  Result<Argument> (*read)(const JsonValue&);
};

template <auto kRead>
Result<Argument> read_one(const JsonValue& json) {
  return Argument(TRY(kRead(json)));
}
template <auto kRead>
Result<Argument> read_many(const JsonValue& json) {
  return read_list(json, kRead);
}

Result<std::int64_t> read_int(const JsonValue& json) { return json.integer(); }

constexpr ArgumentReader kArgumentReaders[] = {
    {"as_none", read_none},
    {"as_tensor", read_one<read_tensor_name>},
    {"as_tensors", read_many<read_tensor_name>},
    {"as_optional_tensor", read_one_optional_tensor},
    {"as_optional_tensors", read_many<read_optional_tensor>},
    {"as_int", read_one<read_int>},
    {"as_ints", read_many<read_plain_int>},
    {"as_sym_int", read_sym_int},
    {"as_sym_ints", read_many<read_int_or_symbol>},
    {"as_float", read_one<read_real>},
    {"as_floats", read_many<read_real>},
    {"as_bool", read_one<read_bool>},
    {"as_bools", read_many<read_bool>},
    {"as_string", read_one<read_text>},
    {"as_strings", read_many<read_text>},
    {"as_scalar_type", read_one<read_dtype>},
    {"as_memory_format", read_one<read_memory_format>},
    {"as_layout", read_one<read_layout>},
    {"as_device", read_device},
};

/// Known, but of no use to any operator that Tessera has.
constexpr std::string_view kOtherArguments[] = {
    "as_graph",     "as_custom_obj",  "as_operator",       "as_sym_bool",
    "as_sym_bools", "as_sym_float",   "as_sym_floats",     "as_complex",
    "as_int_lists", "as_float_lists", "as_nested_tensors", "as_string_to_argument",
};

}  // namespace

Result<SymbolicInt> read_symbolic_int(const JsonValue& json) {
  const auto [kind, value] = TRY(json.only_member());
  if (kind == "as_int") return SymbolicInt{.value = TRY(value.integer())};
  if (kind != "as_expr") return json.mismatch("as_int or as_expr");
  SymbolicInt result{.expression = TRY(TRY(value.member("expr_str")).text())};
  if (result.expression.empty()) return value.mismatch("an expression in expr_str");
  if (const auto hint = TRY(value.optional_member("hint"))) {
    const auto [hint_kind, hint_value] = TRY(hint->only_member());
    if (hint_kind == "as_int") result.value = TRY(hint_value.integer());
  }
  return result;
}

Result<TensorMeta> read_tensor_meta(const JsonValue& json) {
  TRY(read_layout(TRY(json.member("layout"))));
  TensorMeta meta{.dtype = TRY(read_dtype(TRY(json.member("dtype")))),
                  .sizes = TRY(read_symbolic_ints(TRY(json.member("sizes")))),
                  .strides = TRY(read_symbolic_ints(TRY(json.member("strides")))),
                  .storage_offset = TRY(read_symbolic_int(TRY(json.member("storage_offset"))))};
  if (meta.sizes.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kNotSupported, "{}: {} dimensions, at most {} are read", json.place(),
                meta.sizes.size(), Shape::kMaxRank);
  }
  if (meta.strides.size() != meta.sizes.size()) {
    return fail(ErrorCode::kInvalidProgram, "{}: {} sizes, but {} strides", json.place(),
                meta.sizes.size(), meta.strides.size());
  }
  return meta;
}

Result<Argument> read_argument(const JsonValue& json) {
  const auto [kind, value] = TRY(json.only_member());
  for (const ArgumentReader& reader : kArgumentReaders) {
    if (reader.kind == kind) return reader.read(value);
  }
  if (std::ranges::contains(kOtherArguments, kind)) return Argument(OtherArgument{kind});
  return fail(ErrorCode::kNotSupported,
              "{}: arguments of kind '{}' are unknown: the archive is newer than this reader",
              json.place(), kind);
}

}  // namespace tessera::pt2
