// Trains a small language model from nothing while a person watches, then lets it write.
#include "curve.hpp"
#include "generate.hpp"
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
using namespace training;

namespace {
struct options {
  std::string text, folder = "build/train", prompt = "And ", export_to;
  int steps = 0, stop_after = 0, length = 600;
  extent_t texts = 8, context = 256;
  double time_limit = 270;
  float rate = 2e-3f, temperature = 0.7f;
  unsigned seed = 1;
  bool resume = false, quiet = false;
};

volatile std::sig_atomic_t interrupted = 0;
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// A line that is written over itself in a terminal; elsewhere a line of its own for every tenth.
struct progress_bar {
  const heed_examples::terminal out = heed_examples::terminal::of_output();
  const bool rewrites = ::isatty(STDOUT_FILENO);
  int last_tenth = -1;
  void show(int step, int steps, float loss, double seconds_left) {
    const int tenth = steps ? 10 * step / steps : 0;
    if (!rewrites && tenth == last_tenth) return;
    last_tenth = tenth;
    const int width = std::max(10, std::min(40, out.width - 50)), full = steps ? width * step / steps : 0;
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
    char left[32] = "";
    if (steps) std::snprintf(left, sizeof left, "%d:%02d left", int(seconds_left) / 60, int(seconds_left) % 60);
    std::printf("%s%s step %4d%s  loss %.3f  %s%s", rewrites ? "\r" : "", bar.c_str(), step,
                steps ? ("/" + std::to_string(steps)).c_str() : "", double(loss), left, rewrites ? "\x1b[K" : "\n");
    std::fflush(stdout);
  }
  void end() const {
    if (rewrites) std::printf("\n");
  }
};

// The loss on `x`, a few texts at a time.
double validation_loss(weights& w, const batch& x, const rotary_tables& angles, heed::workspace& memory) {
  const extent_t texts = x.tokens.extents()[0], context = x.tokens.extents()[1], some = 8;
  double total = 0;
  for (extent_t i = 0; i < texts; i += some) {
    const extent_t count = std::min(some, texts - i);
    batch part{tensor<std::int32_t>(count, context), tensor<std::int32_t>(count, context)};
    std::copy_n(x.tokens.begin() + i * context, count * context, part.tokens.begin());
    std::copy_n(x.target.begin() + i * context, count * context, part.target.begin());
    total += double(loss_of(w, part, angles, memory)) * double(count);
  }
  return total / double(texts);
}

// One step for a comparison: weights, batch, loss and gradients in a file; the time of further ones on standard output.
int export_one_step(const options& o, const text& text, progress& p) {
  const rotary_tables angles(p.context);
  const batch x = draw(text.training, p.texts, p.context, p.seed, p.step + 1);
  weights gradients;
  heed::workspace memory;
  const float loss = step(p.w, x, angles, gradients, memory);
  export_step(o.export_to, p.w, x, loss, gradients);
  std::vector<double> seconds(9);
  for (double& s : seconds) s = -now(), step(p.w, x, angles, gradients, memory), s += now();
  std::sort(seconds.begin(), seconds.end());
  std::printf("%.6f\n", seconds[seconds.size() / 2]);
  return 0;
}

// Runs until all steps are done, the time is over, or somebody interrupts. Returns whether all steps are done.
bool train(const options& o, const text& text, progress& p) {
  const rotary_tables angles(p.context);
  const batch some = spread(text.validation, 16, p.context);
  weights gradients;
  heed::workspace memory, for_validation;
  progress_bar bar;
  const double begin = now();
  const int first = p.step;
  constexpr int timed_steps = 10;  // after so many it is known how many fit into the time
  while (!interrupted && (p.steps == 0 || p.step < p.steps) && !(o.stop_after && p.step - first >= o.stop_after)) {
    const double elapsed = now() - begin;
    if (p.steps == 0 && p.step - first == timed_steps)
      p.steps = std::max(60, int(0.97 * o.time_limit / (elapsed / timed_steps)));
    if (elapsed > o.time_limit) break;
    ++p.step;
    const float loss = step(p.w, draw(text.training, p.texts, p.context, p.seed, p.step), angles, gradients, memory);
    p.optimizer.update(p.w, gradients, p.step, rate_at(p.step, p.steps ? p.steps : 1 << 30, p.rate));
    p.losses.push_back(loss);
    if (p.steps && p.step % std::max(1, p.steps / 12) == 0)
      p.validated.insert(p.validated.end(), {float(p.step), float(validation_loss(p.w, some, angles, for_validation))});
    const double rate = (now() - begin) / (p.step - first);
    if (!o.quiet) bar.show(p.step, p.steps, loss, rate * (p.steps - p.step));
  }
  bar.end();
  save(o.folder + "/checkpoint.safetensors", p);
  return p.steps && p.step >= p.steps;
}
}  // namespace

int main(int argc, char** argv) try {
  CLI::App app(
      "Trains a small language model, declared as one heed graph, on the characters of a text, and lets it write.",
      "./dev train");
  options o;
  app.add_option("--text", o.text, "the text to learn, in ASCII")->required()->check(CLI::ExistingFile);
  app.add_option("--folder", o.folder, "where checkpoint, curve and samples go")->capture_default_str();
  auto* steps = app.add_option("--steps", o.steps, "steps in all; without it as many as fit into the time limit")
                    ->check(CLI::Range(1, 1000000));
  app.add_option("--time-limit", o.time_limit, "seconds of training in this run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--stop-after", o.stop_after,
                 "stop after so many steps, as if interrupted (Ctrl-C does it too); --resume goes on")
      ->check(CLI::PositiveNumber);
  auto* resume =
      app.add_flag("--resume", o.resume, "go on from the folder's checkpoint: the same bits as without the stop");
  app.add_option("--texts", o.texts, "pieces of text in a batch")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str()
      ->excludes(resume);
  app.add_option("--context", o.context, "characters of a piece")
      ->check(CLI::Range(2, 8192))
      ->capture_default_str()
      ->excludes(resume);
  app.add_option("--rate", o.rate, "highest learning rate")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->excludes(resume);
  app.add_option("--seed", o.seed, "of weights, batches and samples")
      ->check(CLI::Range(0u, 1u << 30))
      ->capture_default_str()
      ->excludes(resume);
  app.add_option("--prompt", o.prompt, "what the written text begins with")->capture_default_str();
  app.add_option("--length", o.length, "characters to write")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--temperature", o.temperature, "of the written text")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--quiet", o.quiet, "no progress bar and no curve");
  app.add_option("--export-step", o.export_to,
                 "write weights, a batch, its loss and gradients to this file, print the seconds of a step, and stop");
  CLI11_PARSE(app, argc, argv);
  if (o.prompt.empty()) throw std::runtime_error("--prompt must not be empty");
  std::filesystem::create_directories(o.folder);
  std::signal(SIGINT, [](int) { interrupted = 1; });

  progress p;
  if (o.resume) {
    p = load(o.folder + "/checkpoint.safetensors");
    if (*steps) p.steps = o.steps;
  } else {
    p.w = weights::initial(o.seed);
    p.steps = o.steps, p.texts = int(o.texts), p.context = int(o.context), p.seed = o.seed, p.rate = o.rate;
  }
  const text text(o.text, p.context);
  if (!o.export_to.empty()) return export_one_step(o, text, p);

  if (!o.quiet)
    std::printf(
        "text        %s: %zu characters, the last %zu of them kept for validation\n"
        "model       %d characters, 4 pre-norm blocks of width 256, 4 query heads on 2 key heads, %.2f million "
        "weights\n"
        "step        %s\n"
        "batch       %d pieces of %d characters, from the seed %u\n\n",
        o.text.c_str(), text.training.size() + text.validation.size(), text.validation.size(), characters,
        double(p.w.count()) / 1e6, step_summary().c_str(), p.texts, p.context, p.seed);
  const double begin = now();
  const bool done = train(o, text, p);
  const rotary_tables angles(p.context);
  heed::workspace memory;
  const batch held_out = spread(text.validation, 64, p.context);
  const double ours = validation_loss(p.w, held_out, angles, memory), bigram = bigram_loss(text.training, held_out);
  if (!o.quiet) {
    std::printf("%d steps, %.1f million characters, %.0f s\n", p.step, double(p.step) * p.texts * p.context / 1e6,
                now() - begin);
    if (draw_curve(o.folder, p, bigram, heed_examples::terminal::of_output()))
      std::printf("the curve: %s/loss.svg\n", o.folder.c_str());
  }
  std::printf("validation loss, nats a character: %.3f; of a bigram model: %.3f\n", ours, bigram);
  if (o.length > 0) std::printf("\n%s\n", generate(p.w, o.prompt, o.length, p.context, o.temperature, p.seed).c_str());
  if (!done)
    std::printf("\nstopped at step %d%s; --resume goes on from %s/checkpoint.safetensors\n", p.step,
                p.steps ? (" of " + std::to_string(p.steps)).c_str() : "", o.folder.c_str());
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "heed-train: %s\n", e.what());
  return 1;
}
