// SPDX-License-Identifier: MIT
#pragma once

#include <unordered_map>

#include "formats/pickle.h"

/// The machine that runs a pickle: a stack, marks in it and a memo.
namespace tessera::pickle {

/// The opcodes of protocols 2 to 5 (CPython's Lib/pickletools.py) that data needs.
enum class Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kEmptyDict = '}',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

class Machine {
 public:
  explicit Machine(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<Document> run();

 private:
  Result<void> step();
  Result<void> step_number(Opcode opcode);
  Result<void> step_text(Opcode opcode);
  Result<void> step_container(Opcode opcode);
  Result<void> step_stack(Opcode opcode);
  Result<void> step_object(Opcode opcode);

  Result<std::span<const std::byte>> take(std::uint64_t count);
  /// A little-endian number of this many bytes, at most 8, without sign.
  Result<std::uint64_t> number(std::size_t num_bytes);
  Result<void> push_text(std::size_t length_bytes);
  Result<void> push_long(std::uint64_t num_bytes);
  Result<std::string> line();

  void push(Value value) { stack_.push_back(document_.add(std::move(value))); }
  /// How much of the stack lies behind the last mark.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  Result<Id> pop();
  /// The values behind the last mark, which goes, too.
  Result<std::vector<Id>> pop_mark();
  Result<Id> top() const;
  Result<void> push_tuple(std::size_t size);
  Result<void> append(std::span<const Id> items);
  Result<void> set_items(std::span<const Id> items);
  Result<Dict> dict_of(std::span<const Id> items) const;
  Result<void> put(std::uint64_t index);
  Result<void> get(std::uint64_t index);
  Result<void> push_global(std::string name);
  Result<void> call();
  Result<void> build();

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  bool is_stopped_ = false;
  Document document_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Id> memo_;
};

}  // namespace tessera::pickle
