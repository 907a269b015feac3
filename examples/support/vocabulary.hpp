// Words and token numbers, and the sentences of the story.
#pragma once
#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace heed_examples {

struct unknown_word : std::runtime_error { using std::runtime_error::runtime_error; };

class vocabulary {
 public:
  // One word a line; the line number is the token number.
  static vocabulary from_lines(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    vocabulary v;
    for (std::string line; std::getline(file, line);) v.number_.emplace(line, int(v.number_.size()));
    return v;
  }
  static vocabulary from_tokenizer_json(const std::string& path) {
    std::ifstream file(path);
    const auto j = nlohmann::json::parse(file, nullptr, false);
    if (!j.contains("model") || !j["model"].contains("vocab")) throw std::runtime_error(path + ": expected model.vocab");
    vocabulary v;
    for (const auto& [word, id] : j["model"]["vocab"].items()) v.number_.emplace(word, id.get<int>());
    return v;
  }
  // [CLS] words [SEP], lower case, split at blanks. Words that are not there are an error that names them all.
  std::vector<int> tokens(const std::string& sentence) const {
    std::vector<int> r{number_.at("[CLS]")};
    std::string missing;
    for (const std::string& w : words(sentence)) {
      const auto i = number_.find(w);
      if (i == number_.end()) missing += (missing.empty() ? "'" : ", '") + w + "'";
      else r.push_back(i->second);
    }
    if (!missing.empty()) throw unknown_word("the vocabulary lacks " + missing + " (in \"" + sentence + "\")");
    r.push_back(number_.at("[SEP]"));
    return r;
  }
  static std::vector<std::string> words(const std::string& sentence) {
    std::istringstream in(sentence);
    std::vector<std::string> r;
    for (std::string w; in >> w; r.push_back(w)) std::transform(w.begin(), w.end(), w.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return r;
  }

 private:
  std::unordered_map<std::string, int> number_;
};

// A sentence, the word whose meaning it decides, which meaning, and where the word stands ([CLS] is token 0).
struct example_sentence { std::string text, word, sense; int position; };

inline std::vector<example_sentence> read_sentences(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::vector<example_sentence> r;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream in(line);
    example_sentence s;
    std::string position;
    if (!std::getline(in, s.text, '\t') || !std::getline(in, s.word, '\t') || !std::getline(in, s.sense, '\t') || !std::getline(in, position))
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": expected sentence, word, sense and position");
    s.position = std::stoi(position);
    r.push_back(s);
  }
  return r;
}

// The same sentence with its word at token 2: whatever stood earlier than the word before it is cut off, so that position
// alone tells nothing.
inline example_sentence with_word_second(example_sentence s) {
  std::vector<std::string> w = vocabulary::words(s.text);
  const int at = s.position - 1;
  if (at == 0) w.insert(w.begin(), "the");
  else w.erase(w.begin(), w.begin() + (at - 1));
  s.text.clear();
  for (const std::string& x : w) s.text += (s.text.empty() ? "" : " ") + x;
  s.position = 2;
  return s;
}

}  // namespace heed_examples
