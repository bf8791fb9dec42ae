// SPDX-License-Identifier: BSL-1.0
#include "scratch.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

namespace perdure::bench {

Scratch::Scratch(const std::string& parent) : path_(parent + "/bench-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error("no directory can be made in " + parent);
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::make(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  if (!std::filesystem::create_directory(path)) throw std::runtime_error(path + " exists");
  return path;
}

std::optional<DeviceCounters> read_counters(const std::string& device) {
  std::ifstream stat("/sys/block/" + device + "/stat");
  std::array<std::uint64_t, 17> fields{};  // from 1, as Documentation/block/stat.rst counts them
  for (std::size_t i = 1; i < fields.size(); ++i) {
    if (!(stat >> fields[i])) return std::nullopt;
  }
  constexpr std::uint64_t sector = 512;
  return DeviceCounters{.bytes_written = fields[7] * sector, .flushes = fields[16]};
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace perdure::bench
