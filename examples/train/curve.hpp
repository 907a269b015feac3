// The loss over the steps, drawn by gnuplot: in the terminal and as SVG.
#pragma once
#include "checkpoint.hpp"
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <terminal.hpp>

namespace training {

// Writes loss.tsv, validation.tsv and loss.svg into a folder, and the curve to standard output. False, and says so,
// without gnuplot.
inline bool draw_curve(const std::string& folder, const progress& p, double bigram,
                       const heed_examples::terminal& out) {
  std::ofstream losses(folder + "/loss.tsv"), validated(folder + "/validation.tsv");
  const std::size_t window = std::max<std::size_t>(1, p.losses.size() / 100);  // a mean of so many steps: one step is
                                                                               // noisy
  for (std::size_t i = 0; i + window <= p.losses.size(); i += window) {
    double sum = 0;
    for (std::size_t k = 0; k < window; ++k) sum += double(p.losses[i + k]);
    losses << i + window << '\t' << sum / double(window) << '\n';
  }
  for (std::size_t i = 0; i + 1 < p.validated.size(); i += 2)
    validated << p.validated[i] << '\t' << p.validated[i + 1] << '\n';
  losses.close(), validated.close();
  std::fflush(stdout);
  const std::string command = "gnuplot -e \"folder='" + folder + "'; bigram=" + std::to_string(bigram) +
                              "; columns=" + std::to_string(std::min(out.width, 100)) +
                              "\" '" HEED_TRAIN_SOURCE "/loss.gnuplot'";
  if (std::system("command -v gnuplot >/dev/null") != 0 || std::system(command.c_str()) != 0) {
    std::printf("no curve: gnuplot is not there; the numbers are in %s/loss.tsv\n", folder.c_str());
    return false;
  }
  return true;
}

}  // namespace training
