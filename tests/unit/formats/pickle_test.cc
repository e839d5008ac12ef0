// SPDX-License-Identifier: MIT
#include "formats/pickle.h"

#include <gmock/gmock.h>

#include <string>

namespace tessera::pickle {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kStart = "\x80\x02";

Result<Document> read_text(const std::string& text) { return read(std::as_bytes(std::span(text))); }

Document document_of(const std::string& text) {
  auto document = read_text(kStart + text + ".");
  EXPECT_TRUE(document.has_value()) << document.error().to_string();
  return document ? *std::move(document) : Document();
}

/// The value of a pickle of one value.
template <class T>
T value_of(const std::string& text) {
  const Document document = document_of(text);
  if (document.size() == 0) return T();
  const T* value = document.get_if<T>(document.root);
  EXPECT_NE(value, nullptr) << describe(document[document.root]);
  return value == nullptr ? T() : *value;
}

std::string error_of(const std::string& text) {
  const auto document = read_text(kStart + text + ".");
  return document ? std::string() : document.error().message;
}

TEST(Pickle, ReadsNumbers) {
  EXPECT_EQ(value_of<std::int64_t>("K\xff"), 255);
  EXPECT_EQ(value_of<std::int64_t>("M\x01\x02"), 0x201);
  EXPECT_EQ(value_of<std::int64_t>("J\xfe\xff\xff\xff"), -2);
  EXPECT_EQ(value_of<std::int64_t>("\x8a\0"s), 0);
  EXPECT_EQ(value_of<std::int64_t>("\x8a\x02\0\xff"s), -256);
  EXPECT_EQ(value_of<std::int64_t>("\x8a\x08\0\0\0\0\0\0\0\x80"s), INT64_MIN);
  EXPECT_EQ(value_of<double>("G\x3f\xf8\0\0\0\0\0\0"s), 1.5);
  EXPECT_TRUE(value_of<bool>("\x88"));
  EXPECT_FALSE(value_of<bool>("\x89"));
  EXPECT_THAT(error_of("\x8a\x09" + std::string(9, '\x01')), HasSubstr("an integer of 9 bytes"));
}

TEST(Pickle, ReadsContainers) {
  const Document document = document_of("}(X\1\0\0\0a](K\1K\2eU\1bK\3K\4\x86u"s);
  const auto* dict = document.get_if<Dict>(document.root);
  ASSERT_NE(dict, nullptr);
  const auto* list = document.get_if<Sequence>(document.find(*dict, "a").value());
  ASSERT_NE(list, nullptr);
  EXPECT_FALSE(list->is_tuple);
  ASSERT_EQ(list->items.size(), 2U);
  EXPECT_EQ(*document.get_if<std::int64_t>(list->items[1]), 2);
  const auto* tuple = document.get_if<Sequence>(document.find(*dict, "b").value());
  ASSERT_NE(tuple, nullptr);
  EXPECT_TRUE(tuple->is_tuple);
  EXPECT_EQ(*document.get_if<std::int64_t>(tuple->items[0]), 3);
  EXPECT_EQ(document.find(*dict, "c"), std::nullopt);
}

TEST(Pickle, TheLastOfEqualKeysCounts) {
  const Document document = document_of("}(U\1aK\1U\1aK\2u"s);
  const auto* dict = document.get_if<Dict>(document.root);
  EXPECT_EQ(*document.get_if<std::int64_t>(document.find(*dict, "a").value()), 2);
}

TEST(Pickle, RemembersWhatTheMemoHas) {
  const Document document = document_of("K\7q\5\x94h\5h\1\x87"s);
  const auto* tuple = document.get_if<Sequence>(document.root);
  ASSERT_NE(tuple, nullptr);
  ASSERT_EQ(tuple->items.size(), 3U);
  EXPECT_EQ(tuple->items[0], tuple->items[1]);
  EXPECT_EQ(tuple->items[0], tuple->items[2]);
  EXPECT_THAT(error_of("h\7"), HasSubstr("byte 2: nothing was stored under 7"));
}

TEST(Pickle, AListInItselfIsFine) {
  const Document document = document_of("]q\0h\0a"s);
  EXPECT_THAT(document.get_if<Sequence>(document.root)->items, ElementsAre(document.root));
}

TEST(Pickle, BuildsTensorsAndParameters) {
  const std::string storage =
      "(U\7storagectorch\nFloatStorage\nU\1"
      "0U\3cpuK\x0ctQ"s;
  const Document document =
      document_of("ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_tensor_v2\n("s +
                  storage + "K\1K\2K\3\x86K\4K\1\x86\x89Nt\x52\x89Nt\x52"s);
  const auto* tensor = document.get_if<StoredTensor>(document.root);
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->dtype, DType::kF32);
  EXPECT_EQ(tensor->offset, 1);
  EXPECT_THAT(tensor->sizes, ElementsAre(2, 3));
  EXPECT_THAT(tensor->strides, ElementsAre(4, 1));
  const auto* stored = document.get_if<Storage>(tensor->storage);
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->key, "0");
  EXPECT_EQ(stored->num_elements, 12);
}

TEST(Pickle, RunsNothingElse) {
  EXPECT_THAT(error_of("cos\nsystem\nU\2ls\x85R"),
              AllOf(HasSubstr("byte 2"), HasSubstr("'os.system'"), HasSubstr("state_dict")));
  EXPECT_THAT(error_of("U\10builtinsU\4eval\x93"),
              AllOf(HasSubstr("byte 18"), HasSubstr("'builtins.eval'")));
  EXPECT_THAT(error_of("cnumpy.core.multiarray\n_reconstruct\n"), HasSubstr("_reconstruct"));
  // Names that are allowed can be called only if they are functions.
  EXPECT_THAT(error_of("ctorch\nFloatStorage\n)R"), HasSubstr("FloatStorage cannot be called"));
  EXPECT_THAT(error_of("K\1)R"), HasSubstr("an integer cannot be called"));
  EXPECT_THAT(error_of("i"), HasSubstr("opcode 0x69"));
  EXPECT_THAT(error_of("\x82\1"), HasSubstr("opcode 0x82"));
}

TEST(Pickle, WrongArgumentsAreNamed) {
  EXPECT_THAT(error_of("ctorch._utils\n_rebuild_tensor_v2\n)R"),
              AllOf(HasSubstr("_rebuild_tensor_v2"), HasSubstr("expected a storage, found none")));
  EXPECT_THAT(error_of("ctorch._utils\n_rebuild_parameter\nK\1\x85R"),
              HasSubstr("argument 0: expected a tensor, found an integer"));
  EXPECT_THAT(error_of("ctorch\nSize\nK\1R"), HasSubstr("expected a tuple of arguments"));
  EXPECT_THAT(error_of("K\1Q"), HasSubstr("persistent id: expected a tuple"));
  EXPECT_THAT(error_of("(U\6moduleK\1tQ"), HasSubstr("expected 'storage', found 'module'"));
  EXPECT_THAT(error_of("(U\7storagectorch\nfloat32\nU\1"
                       "0NK\1tQ"),
              HasSubstr("expected a storage class, found torch.float32"));
  EXPECT_THAT(error_of("K\1}b"), HasSubstr("an integer has no attributes"));
}

TEST(Pickle, DamagedStacksAreErrors) {
  for (const std::string& text :
       {""s,           "0"s,        "1"s,           "2"s,
        "t"s,          "K\1(\x86"s, "a"s,           "]a"s,
        "K\1K\2a"s,    "e"s,        "s"s,           "K\1K\2K\3s"s,
        "}(K\1u"s,     "(K\1d"s,    "R"s,           "b"s,
        "Q"s,          "q\1"s,      "\x94"s,        "\x93"s,
        "K\1K\2\x93"s, "c\n"s,      "X\5\0\0\0ab"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s,
        "\x80\2"s}) {
    EXPECT_NE(error_of(text), "") << ::testing::PrintToString(text);
  }
}

TEST(Pickle, EveryCutIsAnError) {
  const std::string whole =
      kStart + "}(X\1\0\0\0a](K\1M\2\3eU\1bG\0\0\0\0\0\0\0\0U\1cctorch\nSize\nK\1\x85\x85Ru."s;
  ASSERT_TRUE(read_text(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_text(whole.substr(0, size)).has_value()) << size;
  }
}

TEST(Pickle, RefusesOtherProtocolsAndTooManyValues) {
  EXPECT_THAT(read_text("\x80\1N.").error().message, HasSubstr("protocol 1, expected 2 to 5"));
  EXPECT_THAT(read_text("\x80\6N.").error().message, HasSubstr("protocol 6, expected 2 to 5"));
  EXPECT_THAT(read_text("(lp0\n.").error().message, HasSubstr("byte 0"));
  EXPECT_THAT(error_of(std::string(kMaxValues + 1, 'N')), HasSubstr("more than"));
  EXPECT_THAT(error_of(std::string(kMaxValues + 1, '(')), HasSubstr("more than"));
  EXPECT_THAT(error_of("N" + std::string(kMaxValues + 1, '2')), HasSubstr("more than"));
  EXPECT_EQ(error_of(std::string(1000, ']') + std::string(999, 'a')), "");  // deep, but flat here
}

}  // namespace
}  // namespace tessera::pickle
