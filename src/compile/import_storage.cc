// SPDX-License-Identifier: MIT
#include "compile/import_storage.h"

#include <utility>

namespace tessera {

void StorageTracker::join(const std::string& name, std::size_t storage) {
  storages_[name] = storage;
  sharers_[storage].push_back(name);
}

void StorageTracker::add_foreign(const std::string& name, std::string owner) {
  foreign_owners_[num_storages_] = std::move(owner);
  add(name);
}

std::optional<std::string> StorageTracker::foreign_owner(const std::string& name) const {
  const auto found = foreign_owners_.find(storages_.at(name));
  return found == foreign_owners_.end() ? std::nullopt : std::optional(found->second);
}

const std::vector<std::string>& StorageTracker::sharers(const std::string& name) const {
  return sharers_.at(storages_.at(name));
}

}  // namespace tessera
