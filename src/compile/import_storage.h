// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tessera {

/// Which tensors of an exported program share memory, so that a write to one can be judged.
class StorageTracker {
 public:
  /// A tensor with memory of its own.
  void add(const std::string& name) { join(name, num_storages_++); }
  /// A tensor whose memory belongs to the caller or the model; `owner` is for messages.
  void add_foreign(const std::string& name, std::string owner);
  /// A tensor in the memory of another, which has been added.
  void add_view(const std::string& name, const std::string& of) { join(name, storages_.at(of)); }

  /// Whom the memory belongs to if a write to it can be seen from outside.
  std::optional<std::string> foreign_owner(const std::string& name) const;
  /// All tensors in the same memory, this one among them.
  const std::vector<std::string>& sharers(const std::string& name) const;

 private:
  void join(const std::string& name, std::size_t storage);

  std::size_t num_storages_ = 0;
  std::map<std::string, std::size_t> storages_;
  std::map<std::size_t, std::vector<std::string>> sharers_;
  std::map<std::size_t, std::string> foreign_owners_;
};

}  // namespace tessera
