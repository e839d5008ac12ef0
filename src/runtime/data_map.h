// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/ptd.h"
#include "formats/pte.h"

namespace tessera::runtime {

/// The bytes of a program and of its data files, and what is found in them by key: the program's
/// own named data and the files' entries. Immutable; methods keep it alive, since their constants
/// and delegates view it.
class DataMap {
 public:
  struct File {
    std::string name;  ///< path, for messages
    std::shared_ptr<const FileBytes> bytes;
  };
  struct Entry {
    std::span<const std::byte> bytes;
    std::optional<ptd::TensorLayout> layout;  ///< none: bytes for a delegate
    std::size_t file = 0;                     ///< 0: the program
  };

  /// `program` was read from `program_file`. Errors: kInvalidExternalData for a file that is none
  /// or a key that two files have.
  static Result<std::shared_ptr<const DataMap>> build(const pte::Program& program,
                                                      File program_file,
                                                      std::vector<File> data_files);

  /// Null if there is none.
  const Entry* find(std::string_view key) const;

  /// Fails (kNotFound) unless every key is there that the plan's tensors and delegates ask for;
  /// names all that are not.
  Result<void> check_complete(const pte::ExecutionPlan& plan) const;
  /// The bytes of a constant, or those that planned memory starts with: in a data file or in
  /// `program`, as many as the tensor has; nothing if the program gives none. Errors:
  /// kInvalidExternalData if the data file has another dtype, sizes or dim order.
  Result<std::optional<std::span<const std::byte>>> find_tensor(
      const pte::Program& program, const pte::TensorValue& tensor) const;
  /// Tells the system that these parts of the files will hardly be read again.
  void give_back(const std::vector<std::span<const std::byte>>& parts) const {
    for (const File& file : files_) file.bytes->give_back(parts);
  }

 private:
  Result<void> add(const std::string& key, Entry entry);
  Result<std::span<const std::byte>> find_external(const pte::TensorValue& tensor) const;

  std::vector<File> files_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace tessera::runtime
