// SPDX-License-Identifier: MIT
#include "formats/pickle.h"

#include <algorithm>
#include <bit>
#include <format>

#include "base/try.h"
#include "formats/pickle_machine.h"

namespace tessera::pickle {

Result<void> Machine::step_number(Opcode opcode) {
  switch (opcode) {
    case Opcode::kBinInt:
      push(std::int64_t{static_cast<std::int32_t>(TRY(number(4)))});
      return {};
    case Opcode::kBinInt1:
      push(static_cast<std::int64_t>(TRY(number(1))));
      return {};
    case Opcode::kBinInt2:
      push(static_cast<std::int64_t>(TRY(number(2))));
      return {};
    case Opcode::kLong1:
      return push_long(TRY(number(1)));
    case Opcode::kLong4:
      return push_long(TRY(number(4)));
    case Opcode::kBinFloat:
      push(std::bit_cast<double>(std::byteswap(TRY(number(8)))));
      return {};
    case Opcode::kNewTrue:
      push(true);
      return {};
    case Opcode::kNewFalse:
      push(false);
      return {};
    default:
      return step_text(opcode);
  }
}

Result<void> Machine::step_text(Opcode opcode) {
  switch (opcode) {
    case Opcode::kShortBinString:
    case Opcode::kShortBinBytes:
    case Opcode::kShortBinUnicode:
      return push_text(1);
    case Opcode::kBinString:
    case Opcode::kBinBytes:
    case Opcode::kBinUnicode:
      return push_text(4);
    case Opcode::kBinBytes8:
    case Opcode::kBinUnicode8:
      return push_text(8);
    default:
      return step_container(opcode);
  }
}

Result<void> Machine::step_container(Opcode opcode) {
  switch (opcode) {
    case Opcode::kEmptyTuple:
      return push_tuple(0);
    case Opcode::kTuple1:
      return push_tuple(1);
    case Opcode::kTuple2:
      return push_tuple(2);
    case Opcode::kTuple3:
      return push_tuple(3);
    case Opcode::kTuple:
      push(Sequence{.is_tuple = true, .items = TRY(pop_mark())});
      return {};
    case Opcode::kEmptyList:
      push(Sequence());
      return {};
    case Opcode::kList:
      push(Sequence{.items = TRY(pop_mark())});
      return {};
    case Opcode::kAppend: {
      const Id item = TRY(pop());
      return append(std::span(&item, 1));
    }
    case Opcode::kAppends:
      return append(TRY(pop_mark()));
    case Opcode::kEmptyDict:
      push(Dict());
      return {};
    case Opcode::kDict:
      push(TRY(dict_of(TRY(pop_mark()))));
      return {};
    case Opcode::kSetItem: {
      const Id value = TRY(pop());
      const Id item[] = {TRY(pop()), value};
      return set_items(item);
    }
    case Opcode::kSetItems:
      return set_items(TRY(pop_mark()));
    default:
      return step_stack(opcode);
  }
}

Result<void> Machine::step_stack(Opcode opcode) {
  switch (opcode) {
    case Opcode::kMark:
      marks_.push_back(stack_.size());
      return {};
    case Opcode::kPop:
      static_cast<void>(TRY(pop()));
      return {};
    case Opcode::kPopMark:
      TRY(pop_mark());
      return {};
    case Opcode::kDup:
      stack_.push_back(TRY(top()));
      return {};
    case Opcode::kBinPut:
      return put(TRY(number(1)));
    case Opcode::kLongBinPut:
      return put(TRY(number(4)));
    case Opcode::kMemoize:
      return put(memo_.size());
    case Opcode::kBinGet:
      return get(TRY(number(1)));
    case Opcode::kLongBinGet:
      return get(TRY(number(4)));
    default:
      return step_object(opcode);
  }
}

Result<void> Machine::step_object(Opcode opcode) {
  switch (opcode) {
    case Opcode::kNone:
      push(None());
      return {};
    case Opcode::kGlobal: {
      const std::string module = TRY(line());
      return push_global(module + "." + TRY(line()));
    }
    case Opcode::kStackGlobal: {
      const Id name = TRY(pop());
      const Id module = TRY(pop());
      const auto* name_text = document_.get_if<std::string>(name);
      const auto* module_text = document_.get_if<std::string>(module);
      if (name_text == nullptr || module_text == nullptr) {
        return fail(ErrorCode::kInvalidProgram, "a global's name is no string");
      }
      return push_global(module_text->substr(0, 256) + "." + name_text->substr(0, 256));
    }
    case Opcode::kReduce:
    case Opcode::kNewObj:
      return call();
    case Opcode::kBuild:
      return build();
    case Opcode::kBinPersId:
      stack_.push_back(TRY(load_persistent(document_, TRY(pop()))));
      return {};
    case Opcode::kFrame:
      static_cast<void>(TRY(number(8)));
      return {};
    case Opcode::kStop:
      document_.root = TRY(pop());
      is_stopped_ = true;
      return {};
    default:
      return fail(ErrorCode::kNotSupported, "opcode {:#04x} is none that data needs",
                  static_cast<unsigned>(opcode));
  }
}

Result<void> Machine::step() {
  const bool is_first = position_ == 0;
  const auto opcode = static_cast<Opcode>(TRY(number(1)));
  if (is_first != (opcode == Opcode::kProto)) {
    return fail(ErrorCode::kInvalidProgram, "a pickle starts with its protocol, and nowhere else");
  }
  if (!is_first) return step_number(opcode);
  const std::uint64_t protocol = TRY(number(1));
  if (protocol >= 2 && protocol <= 5) return {};
  return fail(ErrorCode::kNotSupported, "pickle protocol {}, expected 2 to 5", protocol);
}

Result<Document> Machine::run() {
  if (bytes_.size() > kMaxPickleBytes) {
    return fail(ErrorCode::kNotSupported, "{} bytes, at most {} are read", bytes_.size(),
                kMaxPickleBytes);
  }
  while (!is_stopped_) {
    const std::size_t start = position_;
    if (auto done = step(); !done) {
      return with_context(std::move(done).error(), std::format("byte {}", start));
    }
    if (std::max({document_.size(), memo_.size(), stack_.size(), marks_.size()}) > kMaxValues) {
      return fail(ErrorCode::kNotSupported, "byte {}: more than {} values", start, kMaxValues);
    }
  }
  return std::move(document_);
}

Id Document::add(Value value) {
  values_.push_back(std::move(value));
  return static_cast<Id>(values_.size() - 1);
}

std::optional<Id> Document::find(const Dict& dict, std::string_view key) const {
  std::optional<Id> found;
  for (const auto& [name, value] : dict.items) {
    const auto* text = get_if<std::string>(name);
    if (text != nullptr && *text == key) found = value;
  }
  return found;
}

std::string_view describe(const Value& value) {
  constexpr std::string_view kNames[] = {
      "None",       "a bool", "an integer",          "a float",   "a string",
      "a sequence", "a dict", "a class or function", "a storage", "a tensor"};
  return kNames[value.index()];
}

Result<Document> read(std::span<const std::byte> bytes) { return Machine(bytes).run(); }

}  // namespace tessera::pickle
