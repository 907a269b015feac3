// A cell of heed's as a program of Google Benchmark: a kernel in a C library, its operands, and beside every sample the
// peak loop that all systems have. It is told by lines what to do, and answers each with one:
//
//   heed_cell FILE          "ok WORKSPACE_BYTES THREADS": everything is loaded; threads of the library's OpenMP
//   call                    "ok": the timed functions were called once
//   results FILE            "ok": what they have written, array after array, into the file
//   turn SAMPLES REPEAT     JSON as Google Benchmark writes it: so many repetitions of so many iterations, after a call
//                           that does not count
//
// or with "failed SENTENCE". FILE holds words, a line that ends them, and the memory of the arrays that are read:
//
//   NAME LIBRARY PEAK       quoted; the last two are shared libraries
//   THREADS BITS            of the peak loop
//   ARRAYS                  their number, and for each: is it read (1) or written (0), code, bits, rank, extents
//   FUNCTIONS               their number, and for each: symbol, is it timed, does it take saved values, how many
//                           operands it has, and their numbers among the arrays
#include <benchmark/benchmark.h>
#include <heed/export/interface.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <vector>

namespace {

// Memory as numpy gives it to other systems: large arrays ask for large pages.
void* memory_of(std::size_t bytes) {
  constexpr std::size_t large = std::size_t(1) << 22, page = std::size_t(1) << 21;
  const std::size_t unit = bytes >= large ? page : 64;
  void* found = std::aligned_alloc(unit, (bytes / unit + 1) * unit);
  if (!found) throw std::bad_alloc();
  if (bytes >= large) madvise(found, bytes, MADV_HUGEPAGE);
  return found;
}

struct array {
  bool is_read = false;
  std::vector<std::int64_t> extents;
  heed_tensor tensor{};

  std::size_t bytes() const {
    std::size_t found = tensor.dtype.bits / 8;
    for (std::int64_t e : extents) found *= std::size_t(e);
    return found;
  }
};

class shared_library {
 public:
  explicit shared_library(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) throw std::runtime_error(dlerror());
  }
  // Of the library or of what it is linked with; null where there is none.
  template <class Function> Function* find(const std::string& name) const {
    return reinterpret_cast<Function*>(dlsym(handle_, name.c_str()));
  }
  template <class Function> Function* symbol(const std::string& name) const {
    if (Function* found = find<Function>(name)) return found;
    throw std::runtime_error("the library has no function " + name);
  }

 private:
  void* handle_;
};

using call_of_results = int(heed_tensor*, std::int32_t, void*, std::size_t, heed_error*);
using call_of_pass = int(heed_tensor*, std::int32_t, void*, std::size_t, void*, std::size_t, heed_error*);
using call_for_bytes = int(heed_tensor*, std::int32_t, std::size_t*, heed_error*);

struct function {
  std::string symbol;
  bool is_timed = false, has_saved = false;
  std::vector<std::size_t> numbers;  // of its operands
  std::vector<heed_tensor> operands;
  call_of_results* results = nullptr;
  call_of_pass* pass = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

// The most memory that the process has had at a time, in bytes.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return 1024 * std::strtod(line.c_str() + 6, nullptr);
  return 0;
}

class cell {
 public:
  explicit cell(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::string library, peak;
    file >> std::quoted(name_) >> std::quoted(library) >> std::quoted(peak) >> threads_ >> bits_;
    read_arrays(file);
    read_functions(file);
    file.ignore(1);
    for (array& a : arrays_) {
      a.tensor.data = memory_of(a.bytes());
      if (a.is_read) file.read(static_cast<char*>(a.tensor.data), std::streamsize(a.bytes()));
      else std::memset(a.tensor.data, a.tensor.dtype.code == 2 ? 0xff : 0, a.bytes());  // no number
    }
    if (!file) throw std::runtime_error("the operands cannot be read");
    peak_ = shared_library(peak).symbol<double(int, int)>("study_peak");
    load(shared_library(library));
  }

  std::size_t workspace_bytes() const {
    std::size_t most = 0;
    for (const function& f : functions_) most = std::max(most, f.workspace_bytes);
    return most;
  }

  int team() const { return team_; }

  void call() {
    for (function& f : functions_)
      if (f.is_timed) call(f);
  }

  void write_results(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    for (const function& f : functions_)
      for (std::size_t number : f.numbers)
        if (const array& a = arrays_[number]; f.is_timed && !a.is_read)
          file.write(static_cast<const char*>(a.tensor.data), std::streamsize(a.bytes()));
    if (!file.flush()) throw std::runtime_error("the results cannot be written");
  }

  // Google Benchmark's JSON. Samples are its repetitions, whose time is that of the calls; counters say the rest.
  std::string turn(int samples, std::int64_t repeat) {
    call();
    last_peak_ = peak_(threads_, bits_);
    failure_.clear();
    benchmark::ClearRegisteredBenchmarks();
    benchmark::RegisterBenchmark(name_.c_str(), [this](benchmark::State& state) { sample(state); })
        ->UseManualTime()
        ->Unit(benchmark::kSecond)
        ->Iterations(repeat)
        ->Repetitions(samples);
    std::ostringstream text;
    benchmark::JSONReporter reporter;
    reporter.SetOutputStream(&text);
    reporter.SetErrorStream(&std::cerr);
    benchmark::RunSpecifiedBenchmarks(&reporter);
    if (!failure_.empty()) throw std::runtime_error(failure_);
    std::string line = text.str();
    std::erase(line, '\n');
    return line;
  }

 private:
  void read_arrays(std::istream& file) {
    std::size_t count = 0;
    file >> count;
    for (std::size_t i = 0; i < count && file; ++i) {
      array& a = arrays_.emplace_back();
      int code = 0, bits = 0, rank = 0;
      file >> a.is_read >> code >> bits >> rank;
      a.extents.resize(std::size_t(file ? rank : 0));
      for (std::int64_t& e : a.extents) file >> e;
      a.tensor.device = {1, 0};
      a.tensor.ndim = rank;
      a.tensor.dtype = {std::uint8_t(code), std::uint8_t(bits), 1};
      a.tensor.shape = a.extents.data();
    }
  }

  void read_functions(std::istream& file) {
    std::size_t count = 0;
    file >> count;
    for (std::size_t i = 0; i < count && file; ++i) {
      function& f = functions_.emplace_back();
      std::size_t operands = 0;
      file >> f.symbol >> f.is_timed >> f.has_saved >> operands;
      f.numbers.resize(file ? operands : 0);
      for (std::size_t& number : f.numbers) file >> number;
    }
  }

  // Functions and the memory that they want; a pass that is not timed itself is called once, for what it saves.
  void load(const shared_library& library) {
    for (function& f : functions_) {
      for (std::size_t number : f.numbers) f.operands.push_back(arrays_.at(number).tensor);
      if (f.has_saved) f.pass = library.symbol<call_of_pass>(f.symbol);
      else f.results = library.symbol<call_of_results>(f.symbol);
      f.workspace_bytes = bytes_of(library, f.symbol + "_workspace_bytes", f);
      f.workspace = memory_of(f.workspace_bytes);
      if (f.has_saved && !saved_) {  // the first pass is the forward pass
        saved_bytes_ = bytes_of(library, f.symbol.substr(0, f.symbol.rfind('_')) + "_saved_bytes", f);
        saved_ = memory_of(saved_bytes_);
      }
      if (!f.is_timed) call(f);
    }
    if (const auto threads = library.find<int()>("omp_get_max_threads")) team_ = threads();
    const heed_metadata* about = library.symbol<const heed_metadata*()>("study_metadata")();
    benchmark::AddCustomContext("heed_version", about->heed_version);
    benchmark::AddCustomContext("heed_instruction_set", about->instruction_set ? about->instruction_set : "none");
  }

  static std::size_t bytes_of(const shared_library& library, const std::string& symbol, function& f) {
    std::size_t found = 0;
    heed_error error{};
    check(library.symbol<call_for_bytes>(symbol)(f.operands.data(), std::int32_t(f.operands.size()), &found, &error),
          error);
    return found;
  }

  void call(function& f) {
    heed_error error{};
    const auto count = std::int32_t(f.operands.size());
    if (f.has_saved)
      check(f.pass(f.operands.data(), count, saved_, saved_bytes_, f.workspace, f.workspace_bytes, &error), error);
    else check(f.results(f.operands.data(), count, f.workspace, f.workspace_bytes, &error), error);
  }

  static void check(int code, const heed_error& error) {
    if (code != HEED_OK)
      throw std::runtime_error(*error.message ? error.message : "heed: error " + std::to_string(code));
  }

  // One sample: the peak loop before it is the one after the sample before. After a failure nothing is called any more,
  // and the turn is none: Google Benchmark's statistics do not bear samples of which some have failed.
  void sample(benchmark::State& state) {
    using clock = std::chrono::steady_clock;
    state.counters["peak_before"] = last_peak_;
    for ([[maybe_unused]] auto _ : state) {
      const clock::time_point begin = clock::now();
      try {
        if (failure_.empty()) call();
      } catch (const std::exception& error) { failure_ = error.what(); }
      state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
    }
    last_peak_ = peak_(threads_, bits_);
    state.counters["peak_after"] = last_peak_;
    state.counters["peak_memory_bytes"] = peak_memory();
  }

  std::string name_, failure_;
  int threads_ = 1, bits_ = 32, team_ = 1;
  std::deque<array> arrays_;  // whose extents stay where they are
  std::vector<function> functions_;
  void* saved_ = nullptr;
  std::size_t saved_bytes_ = 0;
  double (*peak_)(int, int) = nullptr;
  double last_peak_ = 0;
};

std::string answer(cell& c, const std::string& line) {
  std::istringstream words(line);
  std::string order, file;
  words >> order;
  if (order == "call") {
    c.call();
    return "ok";
  }
  if (order == "results") {
    words >> std::quoted(file);
    c.write_results(file);
    return "ok";
  }
  int samples = 0;
  std::int64_t repeat = 0;
  if (order != "turn" || !(words >> samples >> repeat)) throw std::runtime_error("no such order: " + line);
  return c.turn(samples, repeat);
}

std::string failed(const std::exception& error) {
  std::string sentence = error.what();
  return "failed " + sentence.substr(0, sentence.find('\n'));
}

void say(const std::string& line) { std::cout << line << std::endl; }

}  // namespace

int main(int count, char** words) try {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left who would ask
  if (count != 2) throw std::runtime_error("usage: heed_cell FILE");
  cell c(words[1]);
  say("ok " + std::to_string(c.workspace_bytes()) + ' ' + std::to_string(c.team()));
  for (std::string line; std::getline(std::cin, line);) {
    try {
      say(answer(c, line));
    } catch (const std::exception& error) { say(failed(error)); }
  }
} catch (const std::exception& error) {
  say(failed(error));
  return 1;
}
