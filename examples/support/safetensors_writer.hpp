// Writes safetensors files (the format: safetensors.hpp). A file appears whole or not at all: it is written beside its
// place and renamed, so a program that is stopped leaves the old one.
#pragma once
#include "safetensors.hpp"
#include <cstdio>
#include <fstream>

namespace heed_examples {

// type: F32 or I32; data: row-major, of as many elements as the shape says.
struct named_tensor {
  std::string name, type;
  std::vector<std::int64_t> shape;
  const void* data;
};

// Throws safetensors_error where the file cannot be written.
inline void write_safetensors(const std::string& path, const std::vector<named_tensor>& tensors) {
  nlohmann::ordered_json header;
  std::vector<std::size_t> bytes;
  std::size_t at = 0;
  for (const named_tensor& t : tensors) {
    std::size_t n = 4;
    for (const std::int64_t d : t.shape) n *= std::size_t(d);
    header[t.name] = {{"dtype", t.type}, {"shape", t.shape}, {"data_offsets", {at, at + n}}};
    bytes.push_back(n), at += n;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data begin at a multiple of 8
  const std::uint64_t length = text.size();
  const std::string part = path + ".part";
  {
    std::ofstream file(part, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), 8).write(text.data(), std::streamsize(text.size()));
    for (std::size_t i = 0; i < tensors.size(); ++i)
      file.write(static_cast<const char*>(tensors[i].data), std::streamsize(bytes[i]));
    file.close();
    if (!file) throw safetensors_error(path, "", "a file that can be written", "an error of the system");
  }
  if (std::rename(part.c_str(), path.c_str()) != 0)
    throw safetensors_error(path, "", "a place where a file can be put", "an error of the system");
}

}  // namespace heed_examples
