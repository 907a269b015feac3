// The terminal that standard output goes to: how wide it is, and whether it may be given colours. Files and pipes get
// neither escapes nor more than 80 columns; NO_COLOR (https://no-color.org) switches the colours of a terminal off.
#pragma once
#include <cstdlib>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace heed_examples {

struct terminal {
  int width = 80;  // columns
  bool colour = false;

  static terminal of_output() {
    terminal t;
    if (!::isatty(STDOUT_FILENO)) return t;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) t.width = size.ws_col;
    const char* off = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    t.colour = !(off && *off) && kind && std::string(kind) != "dumb";
    return t;
  }
  std::string bold(const std::string& text) const { return colour ? "\x1b[1m" + text + "\x1b[0m" : text; }
  // A text of somebody's own that shall leave so many columns of a line to others.
  std::string beside(int others, const std::string& text) const {
    const std::size_t room = std::size_t(width > others + 10 ? width - others : 10);
    return text.size() <= room ? text : text.substr(0, room - 3) + "...";
  }
  std::string faint(const std::string& text) const { return colour ? "\x1b[2m" + text + "\x1b[0m" : text; }
};

}  // namespace heed_examples
