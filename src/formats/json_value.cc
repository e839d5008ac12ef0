// SPDX-License-Identifier: MIT
#include "formats/json_value.h"

#include <format>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/try.h"

namespace tessera {

std::unexpected<Error> JsonValue::mismatch(std::string_view expected) const {
  return fail(ErrorCode::kInvalidProgram, "{}: expected {}, found {}{}", place_, expected,
              value_->is_array() || value_->is_object() ? "an " : "a ", value_->type_name());
}

bool JsonValue::is_null() const { return value_->is_null(); }
bool JsonValue::is_integer() const { return value_->is_number_integer(); }

Result<JsonValue> JsonValue::member(std::string_view key) const {
  if (!value_->is_object()) return mismatch("an object");
  const auto found = value_->find(key);
  if (found == value_->end()) {
    return fail(ErrorCode::kInvalidProgram, "{}: the key '{}' is missing", place_, key);
  }
  return JsonValue(*found, std::format("{}.{}", place_, key));
}

Result<std::optional<JsonValue>> JsonValue::optional_member(std::string_view key) const {
  if (!value_->is_object()) return mismatch("an object");
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonValue(*found, std::format("{}.{}", place_, key));
}

Result<std::vector<std::pair<std::string, JsonValue>>> JsonValue::members() const {
  if (!value_->is_object()) return mismatch("an object");
  std::vector<std::pair<std::string, JsonValue>> result;
  result.reserve(value_->size());
  for (const auto& [key, value] : value_->items()) {
    result.emplace_back(key, JsonValue(value, std::format("{}['{}']", place_, key)));
  }
  return result;
}

Result<std::pair<std::string, JsonValue>> JsonValue::only_member() const {
  if (!value_->is_object() || value_->size() != 1) return mismatch("an object with one key");
  const std::string& key = value_->begin().key();
  return std::pair(key, JsonValue(value_->front(), std::format("{}.{}", place_, key)));
}

Result<std::vector<JsonValue>> JsonValue::elements() const {
  if (!value_->is_array()) return mismatch("an array");
  std::vector<JsonValue> result;
  result.reserve(value_->size());
  for (const auto& element : *value_) {
    result.emplace_back(element, std::format("{}[{}]", place_, result.size()));
  }
  return result;
}

Result<std::int64_t> JsonValue::integer() const {
  if (!value_->is_number_integer()) return mismatch("an integer");
  if (value_->is_number_unsigned() &&
      value_->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return fail(ErrorCode::kInvalidProgram, "{}: {} is above the largest 64-bit integer", place_,
                value_->get<std::uint64_t>());
  }
  return value_->get<std::int64_t>();
}

Result<double> JsonValue::real() const {
  if (value_->is_number()) return value_->get<double>();
  if (value_->is_string()) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const auto& text = value_->get_ref<const std::string&>();
    if (text == "Infinity") return kInfinity;
    if (text == "-Infinity") return -kInfinity;
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  return mismatch("a number");
}

Result<bool> JsonValue::boolean() const {
  if (!value_->is_boolean()) return mismatch("true or false");
  return value_->get<bool>();
}

Result<std::string> JsonValue::text() const {
  if (!value_->is_string()) return mismatch("a string");
  return value_->get<std::string>();
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::string name) {
  try {
    JsonDocument document;
    document.root_ = std::make_shared<const nlohmann::json>(nlohmann::json::parse(text));
    document.name_ = std::move(name);
    return document;
  } catch (const nlohmann::json::exception& exception) {
    return fail(ErrorCode::kInvalidProgram, "{}: not valid JSON: {}", name, exception.what());
  }
}

}  // namespace tessera
