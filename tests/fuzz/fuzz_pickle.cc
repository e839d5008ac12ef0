// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "formats/pickle.h"

/// Every value refers to values of the document, and tensors to storages.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  const auto document = pickle::read(std::as_bytes(std::span(data, size)));
  if (!document) return 0;
  const auto check = [&](pickle::Id id) {
    CHECK(id < document->size(), "{} of {}", id, document->size());
  };
  check(document->root);
  for (pickle::Id id = 0; id < document->size(); ++id) {
    if (const auto* sequence = document->get_if<pickle::Sequence>(id)) {
      for (const pickle::Id item : sequence->items) check(item);
    }
    if (const auto* dict = document->get_if<pickle::Dict>(id)) {
      for (const auto& [key, value] : dict->items) {
        check(key);
        check(value);
      }
    }
    if (const auto* tensor = document->get_if<pickle::StoredTensor>(id)) {
      check(tensor->storage);
      CHECK(document->get_if<pickle::Storage>(tensor->storage) != nullptr, "{}", id);
      CHECK(tensor->sizes.size() == tensor->strides.size(), "{}", id);
    }
  }
  return 0;
}
