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

struct unknown_word : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class vocabulary {
 public:
  // One word a line; the line number is the token number.
  static vocabulary from_lines(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    vocabulary v;
    for (std::string line; std::getline(file, line);) v.number_.emplace(line, int(v.number_.size()));
    return v.checked(path);
  }
  static vocabulary from_tokenizer_json(const std::string& path) {
    std::ifstream file(path);
    const auto j = nlohmann::json::parse(file, nullptr, false);
    if (!j.contains("model") || !j["model"].contains("vocab") || !j["model"]["vocab"].is_object())
      throw std::runtime_error(path + ": expected model.vocab");
    vocabulary v;
    for (const auto& [word, id] : j["model"]["vocab"].items()) {
      if (!id.is_number_integer())
        throw std::runtime_error(path + ": expected a number for '" + word + "', got " + id.dump());
      v.number_.emplace(word, id.get<int>());
    }
    return v.checked(path);
  }
  // [CLS] words [SEP]. Words that are not there are an error that names them all.
  std::vector<int> tokens(const std::string& sentence) const {
    return tokens(std::vector<std::string>{sentence}).front();
  }
  std::vector<std::vector<int>> tokens(const std::vector<std::string>& sentences) const {
    std::vector<std::vector<int>> r;
    std::string missing;
    for (const std::string& sentence : sentences) {
      r.push_back({number_.at("[CLS]")});
      for (const std::string& w : words(sentence)) {
        const auto i = number_.find(w);
        if (i != number_.end()) r.back().push_back(i->second);
        else if (missing.find("'" + w + "'") == std::string::npos) missing += (missing.empty() ? "'" : ", '") + w + "'";
      }
      r.back().push_back(number_.at("[SEP]"));
    }
    if (!missing.empty())
      throw unknown_word("the vocabulary (" + std::to_string(number_.size()) + " words) lacks " + missing);
    return r;
  }
  // The words of a sentence in lower case, split at blanks and punctuation. A punctuation mark is a word of its own
  // where the vocabulary has it, and is left out where not.
  std::vector<std::string> words(const std::string& sentence) const {
    std::vector<std::string> r;
    bool inside = false;
    for (const char letter : sentence) {
      const auto c = static_cast<unsigned char>(letter);
      const std::string one(1, char(std::tolower(c)));
      if (std::isspace(c)) inside = false;
      else if (std::ispunct(c)) {
        inside = false;
        if (has(one)) r.push_back(one);
      } else if (inside) r.back() += one;
      else r.push_back(one), inside = true;
    }
    return r;
  }
  bool has(const std::string& word) const { return number_.count(word) != 0; }

 private:
  vocabulary checked(const std::string& path) const {
    for (const char* w : {"[CLS]", "[SEP]"})
      if (!has(w)) throw std::runtime_error(path + ": expected the word " + w + " in the vocabulary");
    return *this;
  }
  std::unordered_map<std::string, int> number_;
};

// A sentence, the word whose meaning it decides, which meaning, and where the word stands ([CLS] is token 0).
struct example_sentence {
  std::string text, word, sense;
  int position;
};

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
    if (!std::getline(in, s.text, '\t') || !std::getline(in, s.word, '\t') || !std::getline(in, s.sense, '\t') ||
        !std::getline(in, position) || position.empty() || position.size() > 4 ||
        position.find_first_not_of("0123456789") != std::string::npos)
      throw std::runtime_error(path + ", line " + std::to_string(number) +
                               ": expected sentence, word, sense and position");
    s.position = std::stoi(position);
    r.push_back(s);
  }
  return r;
}

}  // namespace heed_examples
