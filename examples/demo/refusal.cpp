// Part 4: a wrong declaration and what the compiler says of it, by compiling it now. And the declarations that the
// other parts print.
#include "parts.hpp"
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <sys/wait.h>

namespace demo {
namespace {
const std::string root = HEED_ROOT;

// A command for a shell, in lines of at most 80 columns where its words allow.
std::string folded(const std::string& command) {
  std::string r, line;
  for (std::size_t begin = 0, end; begin < command.size(); begin = end) {
    end = std::min(command.find(' ', begin + 1), command.size());
    const std::string word = command.substr(begin, end - begin);
    if (line.size() + word.size() > 78 && !line.empty()) r += line + " \\\n", line = "     ";
    line += word;
  }
  return r + line;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(root + "/" + file);
  if (!in)
    throw std::runtime_error(root + "/" + file + ": cannot be read (the demo prints declarations from their sources)");
  std::vector<std::string> r;
  for (std::string line; std::getline(in, line);) r.push_back(line);
  return r;
}
}  // namespace

std::vector<std::string> declaration(const std::string& file, const std::string& name) {
  std::vector<std::string> r;
  bool inside = false;
  for (const std::string& line : lines_of(file)) {
    if (inside && line.empty()) return r;
    if (inside) r.push_back(line.starts_with("inline ") ? line.substr(7) : line);
    inside = inside || line == "// " + name;
  }
  throw std::runtime_error(file + ": no declaration '" + name + "'");
}
void print_declaration(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::printf("   %s\n", line.c_str());
}

bool show_refusal(const setting& s) {
  const std::string file = "examples/demo/wrong/declaration.cpp";
  std::printf("%s\n\n", s.out.bold("4. A wrong declaration, and the compiler's answer").c_str());
  print_declaration(lines_of(file));
  const std::string command = std::string(HEED_DEMO_COMPILER) + " " + HEED_DEMO_FLAGS + " -fsyntax-only " + file;
  std::printf("\n%s\n\n", folded("  $ " + command).c_str());
  std::fflush(stdout);
  // The compiler's words as they are; colours only where its own output would have them.
  const bool clang = command.find("clang") != std::string::npos;
  const std::string colours = s.out.colour ? clang ? " -fcolor-diagnostics" : " -fdiagnostics-color=always" : "";
  std::FILE* said = ::popen(("cd '" + root + "' && " + command + colours + " 2>&1").c_str(), "r");
  if (!said) throw std::runtime_error("the compiler could not be started");
  std::string answer;
  std::array<char, 4096> part;
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), said)) > 0;) answer.append(part.data(), n);
  const int status = ::pclose(said);
  std::printf("%s", answer.c_str());
  const bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
                       answer.find("heed: heads x head width must equal the model width") != std::string::npos;
  std::printf("\n  %s\n", refused ? "Refused while compiling: 12 heads of 30 are no model of width 384."
                                  : "FAILED: this must be refused, with heed's message");
  return refused;
}

}  // namespace demo
