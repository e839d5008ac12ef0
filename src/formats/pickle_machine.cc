// SPDX-License-Identifier: MIT
#include "formats/pickle_machine.h"

#include "base/try.h"

// What the opcodes do to the stack.
namespace tessera::pickle {

Result<std::span<const std::byte>> Machine::take(std::uint64_t count) {
  if (count > bytes_.size() - position_) {
    return fail(ErrorCode::kInvalidProgram, "{} bytes wanted, the pickle has {} more", count,
                bytes_.size() - position_);
  }
  const auto taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

Result<std::uint64_t> Machine::number(std::size_t num_bytes) {
  std::uint64_t value = 0;
  const auto bytes = TRY(take(num_bytes));
  for (std::size_t i = num_bytes; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

Result<void> Machine::push_text(std::size_t length_bytes) {
  const auto text = TRY(take(TRY(number(length_bytes))));
  push(std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  return {};
}

/// Two's complement of any length.
Result<void> Machine::push_long(std::uint64_t num_bytes) {
  constexpr std::uint64_t kMaxBytes = 8;
  if (num_bytes > kMaxBytes) {
    return fail(ErrorCode::kNotSupported, "an integer of {} bytes, at most {} are read", num_bytes,
                kMaxBytes);
  }
  std::uint64_t value = TRY(number(num_bytes));
  const unsigned unused_bits = static_cast<unsigned>(64 - 8 * num_bytes);
  if (num_bytes > 0) {
    push(static_cast<std::int64_t>(value << unused_bits) >> unused_bits);
  } else {
    push(std::int64_t{0});
  }
  return {};
}

Result<std::string> Machine::line() {
  constexpr std::size_t kMaxLine = 512;
  std::string text;
  while (text.size() < kMaxLine) {
    const char letter = static_cast<char>(TRY(take(1))[0]);
    if (letter == '\n') return text;
    text += letter;
  }
  return fail(ErrorCode::kInvalidProgram, "a name of more than {} letters", kMaxLine);
}

Result<Id> Machine::pop() {
  const Id id = TRY(top());
  stack_.pop_back();
  return id;
}

Result<Id> Machine::top() const {
  if (available() == 0) return fail(ErrorCode::kInvalidProgram, "the stack is empty");
  return stack_.back();
}

Result<std::vector<Id>> Machine::pop_mark() {
  if (marks_.empty()) return fail(ErrorCode::kInvalidProgram, "there is no mark");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Id> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Result<void> Machine::push_tuple(std::size_t size) {
  std::vector<Id> items(size);
  for (std::size_t i = size; i-- > 0;) items[i] = TRY(pop());
  push(Sequence{.is_tuple = true, .items = std::move(items)});
  return {};
}

Result<void> Machine::append(std::span<const Id> items) {
  auto* list = std::get_if<Sequence>(&document_[TRY(top())]);
  if (list == nullptr || list->is_tuple) {
    return fail(ErrorCode::kInvalidProgram, "expected a list, found {}",
                describe(document_[stack_.back()]));
  }
  list->items.insert(list->items.end(), items.begin(), items.end());
  return {};
}

Result<Dict> Machine::dict_of(std::span<const Id> items) const {
  if (items.size() % 2 != 0) return fail(ErrorCode::kInvalidProgram, "a key without a value");
  Dict dict;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    dict.items.emplace_back(items[i], items[i + 1]);
  }
  return dict;
}

Result<void> Machine::set_items(std::span<const Id> items) {
  auto* dict = std::get_if<Dict>(&document_[TRY(top())]);
  if (dict == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "expected a dict, found {}",
                describe(document_[stack_.back()]));
  }
  const Dict added = TRY(dict_of(items));
  dict->items.insert(dict->items.end(), added.items.begin(), added.items.end());
  return {};
}

Result<void> Machine::put(std::uint64_t index) {
  memo_[index] = TRY(top());
  return {};
}

Result<void> Machine::get(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) {
    return fail(ErrorCode::kInvalidProgram, "nothing was stored under {}", index);
  }
  stack_.push_back(found->second);
  return {};
}

Result<void> Machine::push_global(std::string name) {
  if (!is_allowed_global(name)) {
    return fail(ErrorCode::kNotSupported,
                "the pickle names '{}', but only tensors, numbers, strings, tuples, lists and "
                "dicts are read; save the model's state_dict()",
                name);
  }
  push(Global{std::move(name)});
  return {};
}

/// A class or function and a tuple of arguments: their place is taken by the result.
Result<void> Machine::call() {
  const Id tuple = TRY(pop());
  const Id callee = TRY(pop());
  const auto* arguments = document_.get_if<Sequence>(tuple);
  if (arguments == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "expected a tuple of arguments, found {}",
                describe(document_[tuple]));
  }
  stack_.push_back(TRY(pickle::call(document_, callee, arguments->items)));
  return {};
}

/// Attributes, such as the versions that a state_dict has in _metadata, say nothing of the data.
Result<void> Machine::build() {
  static_cast<void>(TRY(pop()));
  const Value& object = document_[TRY(top())];
  if (std::holds_alternative<Dict>(object) || std::holds_alternative<StoredTensor>(object)) {
    return {};
  }
  return fail(ErrorCode::kInvalidProgram, "{} has no attributes", describe(object));
}

}  // namespace tessera::pickle
