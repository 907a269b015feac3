// links: heed_example_support
// options: -O1
// Sentences become token numbers: case, punctuation, unknown words; positions that place a word alike in every
// sentence.
#include "encoder.hpp"
#include "vocabulary.hpp"
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
using namespace heed_examples;

namespace {
const std::string path =
    (std::filesystem::temp_directory_path() / ("heed_vocabulary_" + std::to_string(::getpid()))).string();
vocabulary of(const std::string& lines) {
  std::ofstream(path) << lines;
  return vocabulary::from_lines(path);
}
using numbers = std::vector<int>;
using strings = std::vector<std::string>;
const auto elements = boost::test_tools::per_element();
}  // namespace

BOOST_AUTO_TEST_CASE(words_are_lower_case_and_split_at_blanks_and_punctuation) {
  const vocabulary v = of("[PAD]\n[CLS]\n[SEP]\napple\nan\n!\n");
  BOOST_TEST(v.tokens("an apple") == (numbers{1, 4, 3, 2}), elements);
  BOOST_TEST(v.tokens("\t An  APPLE! ") == (numbers{1, 4, 3, 5, 2}), elements);
  BOOST_TEST(v.words("an,apple.") == (strings{"an", "apple"}), elements);  // marks that are no words are left out
  BOOST_TEST(v.tokens("") == (numbers{1, 2}), elements);
}
BOOST_AUTO_TEST_CASE(unknown_words_are_named_all_at_once) {
  const vocabulary v = of("[CLS]\n[SEP]\napple\n");
  BOOST_CHECK_EXCEPTION(v.tokens(strings{"pear apple fig", "fig plum"}), unknown_word,
                        [](const auto& e) { return std::string(e.what()).ends_with("lacks 'pear', 'fig', 'plum'"); });
}
BOOST_AUTO_TEST_CASE(files_that_are_no_vocabulary) {
  BOOST_CHECK_THROW(of("apple\n"), std::runtime_error);
  std::ofstream(path) << R"({"model":{"vocab":{"[CLS]":"one"}}})";
  BOOST_CHECK_THROW(vocabulary::from_tokenizer_json(path), std::runtime_error);
  for (const char* text : {"", "{", "[]", R"({"model":{}})", R"({"model":{"vocab":7}})"}) {
    std::ofstream(path) << text;
    BOOST_CHECK_THROW(vocabulary::from_tokenizer_json(path), std::runtime_error);
  }
  std::ofstream(path) << "a sentence\tword\tsense\tthree\n";
  BOOST_CHECK_THROW(read_sentences(path), std::runtime_error);
  std::filesystem::remove(path);
  BOOST_CHECK_THROW(vocabulary::from_lines(path), std::runtime_error);
}
BOOST_AUTO_TEST_CASE(positions_place_the_word_alike) {
  const padded_batch plain = pad({{1, 5, 6, 2}, {1, 6, 2}});
  BOOST_TEST(plain.length[0] == 4);
  BOOST_TEST(plain.length[1] == 3);
  BOOST_TEST(plain.position(0, 3) == 3);
  const padded_batch alike = pad({{1, 5, 6, 2}, {1, 6, 2}}, {2, 1});
  BOOST_TEST(alike.position(0, 2) == 2);
  BOOST_TEST(alike.position(1, 1) == 2);
  BOOST_TEST(alike.position(1, 2) == 3);
  BOOST_TEST(alike.position(1, 0) == 0);  // [CLS] stays
}
BOOST_AUTO_TEST_CASE(tokens_and_positions_beyond_the_tables_are_one_typed_error) {
  const encoder model(safetensors_file(std::string(HEED_EXAMPLE_DATA) + "/model.safetensors"));
  padded_batch batch = pad({{1, 5, 6, 2}});
  batch.position(0, 3) = model.longest();
  BOOST_CHECK_EXCEPTION(model.embed(batch), heed::error, [](const auto& e) { return e.operand() == "position"; });
  batch.position(0, 3) = 3, batch.ids(0, 1) = 5000;
  BOOST_CHECK_EXCEPTION(model.embed(batch), heed::error, [](const auto& e) { return e.operand() == "ids"; });
}
