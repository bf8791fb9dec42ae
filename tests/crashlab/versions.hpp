// SPDX-License-Identifier: BSL-1.0
// The common part of the workloads of the laboratory's tests: numbered contents, acknowledgements,
// and the judgement of a file that was replaced again and again.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace versions {

inline int must(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(3);
}

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) std::exit(3);
  return value;
}

inline std::string content(int version, std::size_t size) {
  std::string text = "version " + std::to_string(version) + "\n";
  text.resize(size);
  for (std::size_t i = 24; i < size; ++i) {
    text[i] = static_cast<char>('A' + (static_cast<std::size_t>(version) + i / 512) % 26);
  }
  return text;
}

/// Connects once: a workload that starts a program for each acknowledgement is slow to trace.
inline void acknowledge(const std::string& text) {
  static const int fd = [] {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, environment("CRASHLAB_ACK").c_str(),
                 sizeof address.sun_path - 1);
    const int made = must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(::connect(made, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
    return made;
  }();
  const std::string line = text + "\n";
  must(static_cast<int>(::send(fd, line.data(), line.size(), 0)), "send");
  char reply[64];
  const ssize_t count = ::recv(fd, reply, sizeof reply, 0);
  if (count < 2 || std::strncmp(reply, "ok", 2) != 0) std::exit(3);
}

inline void acknowledge(int version) {
  acknowledge(std::to_string(version));
}

/// The last acknowledgement; empty for nothing.
inline std::string last_line() {
  std::string last;
  std::ifstream acks(environment("CRASHLAB_ACKED"));
  for (std::string line; std::getline(acks, line);) last = line;
  return last;
}

/// The version acknowledged last; 0 for none.
inline int last_acknowledged() {
  return std::atoi(last_line().c_str());
}

/// Empty when the text is an intact version that is no older than `oldest`; otherwise why not.
inline std::string judge_text(const std::string& text, std::size_t size, int oldest) {
  if (text.size() != size) return "the file has " + std::to_string(text.size()) + " bytes";
  if (text == std::string(size, '\0')) return "the file is all zeros";
  int version = -1;
  if (std::sscanf(text.c_str(), "version %d", &version) != 1 || text != content(version, size)) {
    return "the file is torn";
  }
  if (version >= oldest) return "";
  return "version " + std::to_string(oldest) + " was acknowledged, and version " +
         std::to_string(version) + " is there";
}

inline std::string judge_file(const std::string& path, std::size_t size, int oldest) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "the file is gone";
  std::string text(size + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return "the file can't be read";
  text.resize(static_cast<std::size_t>(file.gcount()));
  return judge_text(text, size, oldest);
}

/// Answers as a check server until its input ends.
inline int serve(const std::function<std::string()>& judge) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::string reason = judge();
    std::cout << (reason.empty() ? "good" : "bad " + reason) << std::endl;
  }
  return 0;
}

}  // namespace versions
