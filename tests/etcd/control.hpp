// SPDX-License-Identifier: BSL-1.0
// The work of an administrator on a server, by etcdctl.
#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/program.hpp"

namespace perdure::test {

/// Whether there is an etcdctl. Otherwise the test says that it is skipped, and returns.
inline bool has_etcdctl() {
  if (run({"etcdctl", "version"}).status == 0) return true;
  skip("etcdctl is not installed: scripts/setup etcd installs it");
  return false;
}

inline Outcome control(const std::string& url, std::vector<std::string> words) {
  words.insert(words.begin(), {"etcdctl", "--endpoints", url, "--command-timeout", "60s"});
  return run(std::move(words));
}

/// A value in what etcdctl prints with "-w fields"; empty where it has none.
inline std::string field_in(const std::string& text, const std::string& name) {
  const std::string begin = '"' + name + "\" : ";
  const auto at = text.find(begin);
  if (at == std::string::npos) return {};
  return text.substr(at + begin.size(), text.find('\n', at) - at - begin.size());
}

/// Erases what the server keeps of older revisions. etcdctl asks again where an answer is lost, and
/// is told that it is done.
inline void compact(const std::string& url) {
  const Outcome found = control(url, {"get", "none", "-w", "fields"});
  const Outcome done = control(url, {"compact", field_in(found.out, "Revision")});
  INFO(done.said());
  REQUIRE((done.status == 0 || done.said().find("has been compacted") != std::string::npos));
}

/// Ends every lease: nobody holds the lock any more, and a holder who does not know it goes on. How
/// many there were.
inline unsigned revoke_leases(const std::string& url) {
  std::istringstream lines(control(url, {"lease", "list"}).out);
  unsigned count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(' ') != std::string::npos) continue;  // "found 2 leases"
    if (control(url, {"lease", "revoke", line}).status == 0) ++count;
  }
  return count;
}

/// Whether this member leads its cluster, and answers.
inline bool is_leader(const std::string& url) {
  const Outcome status = control(url, {"endpoint", "status", "-w", "fields"});
  const std::string leader = field_in(status.out, "Leader");
  return status.status == 0 && !leader.empty() && leader == field_in(status.out, "MemberID");
}

}  // namespace perdure::test
