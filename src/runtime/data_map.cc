// SPDX-License-Identifier: MIT
#include "runtime/data_map.h"

#include <set>
#include <utility>

#include "base/try.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::runtime {
namespace {

void collect_keys(const pte::BackendDelegate& delegate, std::set<std::string>& keys) {
  if (delegate.id != xnnpack::kBackendId) return;
  const auto payload = xnnpack::read_payload(delegate.blob);
  if (!payload) return;  // the delegate says what is wrong with it
  for (std::size_t i = 1; i < payload->constants.size(); ++i) {  // entry 0 means none
    const xnnpack::ConstantRecord& constant = payload->constants[i];
    if (constant.key) keys.insert(*constant.key);
  }
}

}  // namespace

Result<std::shared_ptr<const DataMap>> DataMap::build(const pte::Program& program,
                                                      File program_file,
                                                      std::vector<File> data_files) {
  auto map = std::make_shared<DataMap>();
  map->files_.push_back(std::move(program_file));
  for (const auto& [key, bytes] : program.named_data) TRY(map->add(key, {.bytes = bytes}));
  for (File& file : data_files) {
    auto data = ptd::read(file.bytes->bytes());
    if (!data) return with_context(std::move(data).error(), file.name);
    const std::size_t index = map->files_.size();
    map->files_.push_back(std::move(file));
    for (ptd::Entry& entry : data->entries) {
      TRY(map->add(entry.key, {entry.bytes, std::move(entry.layout), index}));
    }
  }
  return map;
}

Result<void> DataMap::add(const std::string& key, Entry entry) {
  const std::size_t file = entry.file;
  const auto [known, is_new] = entries_.try_emplace(key, std::move(entry));
  if (is_new) return {};
  return fail(ErrorCode::kInvalidExternalData, "'{}' is both in {} and in {}", key,
              files_[known->second.file].name, files_[file].name);
}

const DataMap::Entry* DataMap::find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<void> DataMap::check_complete(const pte::ExecutionPlan& plan) const {
  std::set<std::string> keys;
  for (const pte::Value& value : plan.values) {
    const auto* tensor = std::get_if<pte::TensorValue>(&value);
    if (tensor != nullptr && tensor->is_external) keys.insert(tensor->qualified_name);
  }
  for (const pte::BackendDelegate& delegate : plan.delegates) collect_keys(delegate, keys);
  std::string missing, places;
  for (const std::string& key : keys) {
    if (find(key) == nullptr) missing += std::format("{}'{}'", missing.empty() ? "" : ", ", key);
  }
  if (missing.empty()) return {};
  for (const File& file : files_) places += (places.empty() ? "" : ", ") + file.name;
  return fail(ErrorCode::kNotFound,
              "no data for {} in {}; give the data files (.ptd) that were written with the program "
              "(LoadOptions::data_files, --data)",
              missing, places);
}

Result<std::optional<std::span<const std::byte>>> DataMap::find_tensor(
    const pte::Program& program, const pte::TensorValue& tensor) const {
  if (tensor.is_external) return TRY(find_external(tensor));
  const std::size_t index = tensor.data_buffer_index;
  if (index == 0) return std::nullopt;
  const auto& buffers = tensor.allocation ? program.mutable_initial_data : program.constants;
  if (index >= buffers.size() || buffers[index].size() < tensor.num_bytes()) {
    return fail(ErrorCode::kInvalidProgram, "{} bytes of buffer {} are missing", tensor.num_bytes(),
                index);
  }
  return buffers[index].first(tensor.num_bytes());
}

Result<std::span<const std::byte>> DataMap::find_external(const pte::TensorValue& tensor) const {
  const Entry* entry = find(tensor.qualified_name);
  if (entry == nullptr) {
    return fail(ErrorCode::kNotFound, "no data for '{}'", tensor.qualified_name);
  }
  const ptd::TensorLayout expected{tensor.dtype, tensor.sizes, tensor.dim_order};
  if (entry->layout != expected) {
    return fail(ErrorCode::kInvalidExternalData, "'{}' is {} in {}, expected {}",
                tensor.qualified_name, entry->layout ? entry->layout->to_string() : "no tensor",
                files_[entry->file].name, expected.to_string());
  }
  return entry->bytes.first(tensor.num_bytes());
}

}  // namespace tessera::runtime
