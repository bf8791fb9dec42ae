// SPDX-License-Identifier: BSL-1.0
// Writes and reads the signs of life.
#include "host/signs.hpp"

#include <utility>

namespace crashlab {
namespace {

constexpr double interval_s = 0.5;

std::string alive_in(const std::string& directory) {
  return directory + "/alive";
}

std::string stop_in(const std::string& directory) {
  return directory + "/stop";
}

}  // namespace

bool Signs::is_due(Clock::time_point& last) const {
  if (directory_.empty() || seconds_since(last) < interval_s) return false;
  last = Clock::now();
  return true;
}

void Signs::give(const std::string& text) {
  if (!text.empty()) text_ = text;
  if (!is_due(given_)) return;
  // No two signs are equal, so that the other side notices each.
  write_file(alive_in(directory_), std::to_string(given_.time_since_epoch().count()) + " " + text_);
}

bool Signs::is_stop_wanted() {
  if (is_due(asked_)) stop_ = ::access(stop_in(directory_).c_str(), F_OK) == 0;
  return stop_;
}

SignsOfGuest::SignsOfGuest(const std::string& directory) : directory_(directory) {
  write_file(alive_in(directory_), "");
}

std::string SignsOfGuest::look() {
  std::string now = read_file(alive_in(directory_));
  if (now != seen_) last_ = Clock::now();
  seen_ = std::move(now);
  const auto space = seen_.find(' ');
  return space == std::string::npos ? "" : seen_.substr(space + 1);
}

void SignsOfGuest::stop() const {
  write_file(stop_in(directory_), "");
}

}  // namespace crashlab
