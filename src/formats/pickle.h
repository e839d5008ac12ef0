// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tessera/tensor.h"

/// Python's pickles as torch.save writes them, read without Python. A pickle is a program; this
/// reader runs only what builds tensors, numbers, strings, tuples, lists and dicts. Every other
/// class or function that a pickle names is an error, as in torch.load(weights_only=True).
namespace tessera::pickle {

/// A value of a Document. Values may refer to each other in circles: never walk them blindly.
using Id = std::uint32_t;

struct None {};
struct Sequence {
  bool is_tuple = false;
  std::vector<Id> items;
};
/// A dict or OrderedDict in order of insertion; of equal keys the last one counts.
struct Dict {
  std::vector<std::pair<Id, Id>> items;
};
/// A class or function from the list of those that are allowed.
struct Global {
  std::string name;  ///< "torch.FloatStorage"
};
/// Elements that lie outside of the pickle.
struct Storage {
  std::string key;                ///< "0": the archive's entry data/0
  std::optional<DType> dtype;     ///< nothing: bytes whose type each tensor says
  std::int64_t num_elements = 0;  ///< or bytes
};
/// What a tensor shows of a storage; numbers are not checked against it.
struct StoredTensor {
  Id storage = 0;
  DType dtype = DType::kF32;
  std::int64_t offset = 0;  ///< in elements
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};

using Value = std::variant<None, bool, std::int64_t, double, std::string, Sequence, Dict, Global,
                           Storage, StoredTensor>;

/// "a dict", "a tensor", for messages.
std::string_view describe(const Value& value);

/// All values of one pickle.
class Document {
 public:
  const Value& operator[](Id id) const { return values_[id]; }
  Value& operator[](Id id) { return values_[id]; }
  template <class T>
  const T* get_if(Id id) const {
    return std::get_if<T>(&values_[id]);
  }
  std::size_t size() const { return values_.size(); }
  Id add(Value value);
  /// The value of this text key; nothing if there is none.
  std::optional<Id> find(const Dict& dict, std::string_view key) const;

  Id root = 0;

 private:
  std::deque<Value> values_;  // keeps references valid when it grows
};

inline constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxValues = std::size_t{1} << 21;

/// Reads a pickle of protocol 2 to 5. Errors say at which byte.
Result<Document> read(std::span<const std::byte> bytes);

// ---- what the reader's machine asks for globals and calls
// ----------------------------------------

bool is_allowed_global(std::string_view name);
/// The value of calling `callee`, a Global, with `arguments`.
Result<Id> call(Document& document, Id callee, std::span<const Id> arguments);
/// The storage of a persistent id: ("storage", class, key, location, number of elements).
Result<Id> load_persistent(Document& document, Id id);

}  // namespace tessera::pickle
