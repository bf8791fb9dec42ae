// SPDX-License-Identifier: BSL-1.0
// Every row of calls and syncs over the small tree (bounded exhaustive workloads: CrashMonkey and
// ACE, Mohan et al., OSDI 2018).
#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>

#include <perdure/testing/simulated_file_system.hpp>

#include "calls/script.hpp"
#include "calls/steps.hpp"
#include "host/posix.hpp"

namespace crashlab::calls {
namespace {

constexpr std::size_t little = 100;
constexpr std::size_t block = 4096;
constexpr std::uint64_t far = 3 * size;
constexpr std::uint32_t other_mode = 0600;
const std::string attribute = "user.laboratory";

/// A call and its paths.
struct Verb {
  const char* name;
  std::size_t path_count;
  void (*perform)(Steps& steps, const std::string& path, const std::string& other);
};

void put(Steps& steps, const std::string& path, std::size_t count) {
  steps.write(steps.create(path), fresh, 0, count);
}

perdure::OwnedHandle any(Steps& steps, const std::string& path) {
  return steps.is_directory(path) ? steps.directory(path) : steps.open(path);
}

void sync(Steps& steps, const std::string& path) {
  if (path == "everything") return steps.sync_everything();
  if (path == "root") return steps.sync_root();
  if (steps.is_directory(path)) return steps.sync_directory(path);
  steps.sync(steps.open(path));
}

using Path = const std::string&;

const Verb verbs[] = {
    {"create", 1, [](Steps& steps, Path path, Path) { (void)steps.create(path); }},
    {"put", 1, [](Steps& steps, Path path, Path) { put(steps, path, size); }},
    {"put-little", 1, [](Steps& steps, Path path, Path) { put(steps, path, little); }},
    {"append", 1,
     [](Steps& steps, Path path, Path) { steps.write(steps.open(path), later, size); }},
    {"append-little", 1,
     [](Steps& steps, Path path, Path) { steps.write(steps.open(path), later, size, little); }},
    {"overwrite", 1, [](Steps& steps, Path path, Path) { steps.write(steps.open(path), later); }},
    {"overwrite-block", 1,
     [](Steps& steps, Path path, Path) { steps.write(steps.open(path), later, block, block); }},
    {"write-far", 1,
     [](Steps& steps, Path path, Path) { steps.write(steps.open(path), later, far, little); }},
    {"preallocate", 1,
     [](Steps& steps, Path path, Path) { steps.preallocate(steps.open(path), far); }},
    {"rename", 2, [](Steps& steps, Path path, Path other) { steps.rename(path, other); }},
    {"exchange", 2,
     [](Steps& steps, Path path, Path other) {
       steps.rename(path, other, perdure::RenameMode::exchange);
     }},
    {"link", 2, [](Steps& steps, Path path, Path other) { steps.link(path, other); }},
    {"unlink", 1, [](Steps& steps, Path path, Path) { steps.unlink(path); }},
    {"mkdir", 1, [](Steps& steps, Path path, Path) { steps.make_directory(path); }},
    {"rmdir", 1, [](Steps& steps, Path path, Path) { steps.remove_directory(path); }},
    {"chmod", 1,
     [](Steps& steps, Path path, Path) {
       value_of(steps.files().set_mode(any(steps, path).get(), other_mode));
     }},
    {"set-attribute", 1,
     [](Steps& steps, Path path, Path) {
       value_of(steps.files().set_xattr(any(steps, path).get(), attribute, perdure::as_bytes("x")));
     }},
    {"await", 1, [](Steps& steps, Path path, Path) { steps.await(steps.open(path)); }},
    {"sync", 1, [](Steps& steps, Path path, Path) { sync(steps, path); }},
};

/// Each call on each path for which it does something new in this tree.
constexpr const char* calls_here[] = {
    "create new",
    "create left/new",
    "put new",
    "put left/new",
    "put-little new",
    "append file",
    "append-little file",
    "append new",
    "overwrite file",
    "overwrite-block file",
    "overwrite new",
    "write-far file",
    "write-far new",
    "preallocate file",
    "preallocate new",
    "rename file new",
    "rename file left/new",
    "rename file left/file",
    "rename file right/new",
    "rename left/file file",
    "rename left/file new",
    "rename left/file right/new",
    "rename new file",
    "rename new left/file",
    "rename new left/new",
    "rename left/new file",
    "rename left sub",
    "rename right left/sub",
    "rename right sub",
    "rename left right",
    "exchange file left/file",
    "exchange left right",
    "exchange file new",
    "link file new",
    "link file left/new",
    "link left/file new",
    "link left/file right/new",
    "unlink file",
    "unlink left/file",
    "unlink new",
    "mkdir sub",
    "mkdir left/sub",
    "rmdir right",
    "rmdir sub",
    "chmod file",
    "chmod left",
    "chmod new",
    "set-attribute file",
    "set-attribute left",
    "set-attribute new",
};  // clang-format keeps no rows here

struct Act {
  const Verb* verb;
  std::string path;
  std::string other;
};

std::optional<Act> act_of(const std::string& words) {
  std::istringstream in(words);
  std::string name;
  Act act{nullptr, "", ""};
  in >> name >> act.path >> act.other;
  const Verb* const found = std::ranges::find(verbs, name, &Verb::name);
  if (found == std::end(verbs)) return std::nullopt;
  act.verb = found;
  const std::size_t count = act.other.empty() ? (act.path.empty() ? 0U : 1U) : 2U;
  if (count != found->path_count) return std::nullopt;
  return act;
}

std::vector<std::string> split(const std::string& name) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find("; ", at), name.size());
    parts.push_back(name.substr(at, end - at));
    at = end + 2;
  }
  return parts;
}

/// The paths that are there after these calls; nothing where one of them can't be made.
std::optional<std::vector<std::string>> paths_after(const std::vector<std::string>& words) {
  perdure::testing::SimulatedFileSystem disk;
  for (const auto& [path, content] : prepared()) {
    if (path.ends_with('/')) {
      disk.make_directories(path);
    } else {
      disk.put(path, content);
    }
  }
  const perdure::OwnedHandle root(
      disk, disk.open_directory(perdure::Handle::working_directory, "/").value());
  Steps steps(disk, root.get());
  try {
    for (const std::string& line : words) {
      const Act act = act_of(line).value();
      act.verb->perform(steps, act.path, act.other);
    }
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  std::vector<std::string> found;
  for (std::string path : disk.paths()) {
    if (path.ends_with('/')) path.pop_back();
    found.push_back(path.substr(path.find_first_not_of('/')));
  }
  return found;
}

/// Whether the call writes content, like "append file", so that there is something to await.
bool writes(const std::string& call) {
  return call.starts_with("put") || call.starts_with("append") || call.starts_with("overwrite") ||
         call.starts_with("write");
}

std::vector<std::string> syncs_after(const std::vector<std::string>& words) {
  std::vector<std::string> syncs{"sync everything", "sync root"};
  const std::vector<std::string> paths = paths_after(words).value();
  for (const std::string& path : paths) syncs.push_back("sync " + path);
  const std::string& last = words.back();
  if (writes(last)) syncs.push_back("await" + last.substr(last.find(' ')));
  return syncs;
}

}  // namespace

std::vector<std::string> sequences(unsigned calls) {
  std::vector<std::string> found;
  for (const char* const first : calls_here) {
    if (!paths_after({first})) continue;
    const std::vector<std::string> syncs = syncs_after({first});
    if (calls == 1) {
      for (const std::string& sync : syncs) found.push_back(std::string(first) + "; " + sync);
      continue;
    }
    for (const char* const second : calls_here) {
      if (!paths_after({first, second})) continue;
      for (const std::string& last : syncs_after({first, second})) {
        const std::string rest = std::string(second) + "; " + last;
        found.push_back(std::string(first) + "; " + rest);
        for (const std::string& sync : syncs) {
          found.push_back(std::string(first) + "; " + sync + "; " + rest);
        }
      }
    }
  }
  return found;
}

Script script_named(const std::string& name) {
  for (Script& script : orders()) {
    if (script.name == name) return std::move(script);
  }
  std::vector<Act> acts;
  for (const std::string& words : split(name)) {
    const std::optional<Act> act = act_of(words);
    if (!act) throw Failure("\"" + words + "\" is neither a call nor an order that is known here");
    acts.push_back(*act);
  }
  return {name, [acts](perdure::FileSystem& files, perdure::Handle root, const Note& note) {
            Steps steps(files, root);
            for (const Act& act : acts) {
              act.verb->perform(steps, act.path, act.other);
              note();
            }
          }};
}

}  // namespace crashlab::calls
