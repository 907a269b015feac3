// The four parts of the demo. Each prints itself and says whether what it checks holds.
#pragma once
#include "encoder.hpp"
#include "terminal.hpp"
#include "vocabulary.hpp"

namespace demo {
using namespace heed_examples;

struct setting {
  const encoder& model;
  const vocabulary& words;
  terminal out;
  std::string data;       // the folder of sentences and expected values
  bool full;              // the whole model: six layers, float32
  heed::extent_t tokens;  // of the text that variants are measured on
};

bool show_meaning(const setting&);      // 1: the context decides what a word means
bool show_differences(const setting&);  // 2: against expected values
bool show_variants(const setting&);     // 3: fused, unfused, and the machine's peak
bool show_refusal(const setting&);      // 4: a wrong declaration, compiled

// Part 1 for somebody's own sentences. Throws std::runtime_error for words that are unknown or missing.
void show_your_sentences(const setting&, const std::vector<std::string>& sentences, const std::string& word);

// A declaration as it stands in a source of heed's: the lines from the one after `// NAME...` to the next blank one.
std::vector<std::string> declaration(const std::string& file, const std::string& name);
void print_declaration(const std::vector<std::string>& lines);

}  // namespace demo
