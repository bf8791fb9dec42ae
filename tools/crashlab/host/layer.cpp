// SPDX-License-Identifier: BSL-1.0
// Mounts overlayfs, gocryptfs and bindfs.
#include "host/layer.hpp"

#include <cerrno>
#include <cstring>
#include <sys/mount.h>
#include <sys/stat.h>

#include "host/child.hpp"
#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr const char* names[] = {"none", "overlay", "gocryptfs", "bindfs"};

/// True when it had to be made.
bool make(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return true;
  if (errno != EEXIST) fail_errno("make " + path);
  return false;
}

std::string run_words(std::vector<std::string> words) {
  Command command;
  command.arguments = std::move(words);
  const Outcome outcome = run(command);
  return outcome.good() ? "" : command.arguments[0] + ": " + outcome.story();
}

std::string lay_overlay(const std::string& below, const std::string& above) {
  for (const char* name : {"/lower", "/upper", "/work"}) make(below + name);
  std::string options = "lowerdir=" + below + "/lower,upperdir=" + below;
  options += "/upper,workdir=" + below + "/work";
  if (::mount("overlay", above.c_str(), "overlay", 0, options.c_str()) == 0) return "";
  return std::string("overlay: ") + std::strerror(errno);
}

std::string lay_gocryptfs(const std::string& below, const std::string& above) {
  const std::string cipher = below + "/cipher";
  // The weakest key derivation: its time is not under test, and nothing here is secret.
  const std::vector<std::string> password{"-q", "-extpass", "echo laboratory"};
  const auto call = [&](std::vector<std::string> words) {
    words.insert(words.begin() + 1, password.begin(), password.end());
    return run_words(std::move(words));
  };
  if (make(cipher)) {
    const std::string fault = call({"gocryptfs", "-init", "-scryptn", "10", cipher});
    if (!fault.empty()) return fault;
  }
  return call({"gocryptfs", cipher, above});
}

}  // namespace

const char* name_of(Layer layer) {
  return names[static_cast<std::size_t>(layer)];
}

std::vector<std::string> layer_names() {
  return {std::begin(names), std::end(names)};
}

Layer layer_named(const std::string& name) {
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (name == names[i]) return static_cast<Layer>(i);
  }
  throw Failure("\"" + name + "\" is not a layer: none, overlay, gocryptfs or bindfs");
}

std::string lay(Layer layer, const std::string& below, const std::string& above) {
  switch (layer) {
    case Layer::none:
      break;
    case Layer::overlay:
      return lay_overlay(below, above);
    case Layer::gocryptfs:
      return lay_gocryptfs(below, above);
    case Layer::bindfs:
      make(below + "/files");
      return run_words({"bindfs", below + "/files", above});
  }
  return "";
}

}  // namespace crashlab
