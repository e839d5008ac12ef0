// SPDX-License-Identifier: MIT
#include "ops/registry.h"

#include <map>
#include <vector>

#include "ops/families.h"

namespace tessera::ops {

#define FAMILY(name) std::span<const ir::Operator> name##_operators();
#include "ops/all_operators.def"
#undef FAMILY

namespace {

struct Registry {
  std::vector<Family> families;
  std::vector<const ir::Operator*> all;
  std::map<std::string_view, const ir::Operator*> by_name;
  std::map<std::string_view, const ir::Operator*> by_out_name;

  void add(const Family& family) {
    families.push_back(family);
    for (const ir::Operator& op : family.operators) {
      all.push_back(&op);
      const std::string_view name = op.schema.substr(0, op.schema.find('('));
      CHECK(by_name.emplace(name, &op).second, "two operators {}", name);
      for (const std::string_view variant : {op.out_name, op.in_place_name}) {
        if (variant.empty()) continue;
        CHECK(by_out_name.emplace(variant, &op).second, "two operators {}", variant);
      }
    }
  }
};

const Registry& registry() {
  static const Registry instance = [] {
    Registry made;
#define FAMILY(name) made.add({#name, name##_operators()});
#include "ops/all_operators.def"
#undef FAMILY
    return made;
  }();
  return instance;
}

const ir::Operator* find(const std::map<std::string_view, const ir::Operator*>& map,
                         std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

std::span<const ir::Operator* const> all_operators() { return registry().all; }

std::span<const Family> all_families() { return registry().families; }

const ir::Operator* find_operator(std::string_view full_name) {
  return find(registry().by_name, full_name);
}

const ir::Operator* find_out_variant(std::string_view out_name) {
  return find(registry().by_out_name, out_name);
}

}  // namespace tessera::ops
