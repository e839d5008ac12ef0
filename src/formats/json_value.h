// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/result.h"

namespace tessera {

/// A value of a JSON document that knows its place, so that every error says where. A view: the
/// document must outlive it.
class JsonValue {
 public:
  JsonValue(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}

  const std::string& place() const { return place_; }
  bool is_null() const;
  bool is_integer() const;

  /// The member of an object; fails if it is missing.
  Result<JsonValue> member(std::string_view key) const;
  /// The member, or nothing if it is missing or null.
  Result<std::optional<JsonValue>> optional_member(std::string_view key) const;
  /// All members of an object, sorted by key.
  Result<std::vector<std::pair<std::string, JsonValue>>> members() const;
  /// The only member of an object with one: how unions are written.
  Result<std::pair<std::string, JsonValue>> only_member() const;
  Result<std::vector<JsonValue>> elements() const;

  Result<std::int64_t> integer() const;
  /// Integers too, and the strings "Infinity", "-Infinity" and "NaN".
  Result<double> real() const;
  Result<bool> boolean() const;
  Result<std::string> text() const;

  /// An error "PLACE: expected EXPECTED, found a string".
  std::unexpected<Error> mismatch(std::string_view expected) const;

 private:
  const nlohmann::json* value_;
  std::string place_;
};

/// A parsed document and its name for messages.
class JsonDocument {
 public:
  static Result<JsonDocument> parse(std::string_view text, std::string name);

  JsonValue root() const { return {*root_, name_}; }

 private:
  std::shared_ptr<const nlohmann::json> root_;
  std::string name_;
};

}  // namespace tessera
