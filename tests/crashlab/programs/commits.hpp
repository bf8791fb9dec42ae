// SPDX-License-Identifier: BSL-1.0
// The common part of the workloads of perdure_commits.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <unistd.h>

#include <perdure/perdure.hpp>
#include <perdure/transaction.hpp>

#include "../barriers.hpp"
#include "../versions.hpp"

namespace commits {

using perdure::Durability, perdure::ProtocolChoice;

inline constexpr std::size_t size = 10000;

struct Workload {
  void (*commit)(int version);
  std::string (*judge)();
  void (*afterwards)(int version) = nullptr;  // acknowledged for itself: "VERSION afterwards"
};

using Workloads = std::map<std::string, Workload>;

template <class Result>
void must(const Result& result, const std::string& what) {
  if (result) return;
  std::fprintf(stderr, "%s: %s\n", what.c_str(), result.error().message().c_str());
  std::exit(3);
}

inline std::string root() {
  return versions::environment("CRASHLAB_MOUNT");
}

/// The file system of all that may leave barriers out. The first call says which.
inline barriers::Barriers& files(const std::set<barriers::Barrier>& left_out = {}) {
  static barriers::Barriers only(perdure::native_file_system(), left_out);
  return only;
}

inline perdure::System system_of_files() {
  return {.files = &files(), .environment = &perdure::native_environment()};
}

inline perdure::Result<perdure::Transaction> begin(ProtocolChoice protocol,
                                                   const std::string& directory = root()) {
  perdure::TransactionOptions options;
  options.protocol = protocol;
  options.system.files = &files();
  files().set_recovering(true);
  auto begun = perdure::Transaction::begin(directory, options);
  files().set_recovering(false);
  return begun;
}

/// The text of the symbolic link; each second one is too long for an inode of ext4.
inline std::string text_of(int version) {
  return "release-" + std::to_string(version) + (version % 2 == 1 ? std::string(200, '+') : "");
}

/// Empty where there is no link.
inline std::string link_of(const std::string& path) {
  char text[512];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
}

inline bool there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

inline int version_of(const std::string& path) {
  int version = -1;
  std::ifstream(path).ignore(8) >> version;
  return version;
}

/// A commit into the crash state works, and replaces what is there.
inline std::string try_commit() {
  const auto writer = perdure::AtomicWriter::bind(root());
  if (!writer) return "bind: " + writer.error().message();
  const auto done = writer.value().commit("file", versions::content(999, size));
  if (!done) return "a new commit: " + done.error().message();
  return versions::judge_file(root() + "/file", size, 999);
}

inline std::string judge_at_least(int oldest) {
  const std::string reason = versions::judge_file(root() + "/file", size, oldest);
  return reason.empty() ? try_commit() : reason;
}

inline std::string judge_durable() {
  return judge_at_least(versions::last_acknowledged());
}

}  // namespace commits
