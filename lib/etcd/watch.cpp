// SPDX-License-Identifier: BSL-1.0
// Reads the lines of a watch until one tells a change.
#include "etcd/watch.hpp"

#include <algorithm>
#include <chrono>

#include "etcd/wire.hpp"

namespace perdure::etcd {
namespace {

using std::chrono::milliseconds;

/// How soon a wait notices that it shall stop.
constexpr milliseconds slice_ms{20};

}  // namespace

bool KeyWatch::begin(const std::string& key) {
  // Finds a member that answers, and has the user's token.
  const auto deadline = client_.deadline(options_.request_timeout_ms);
  Txn look;
  look.read(key);
  if (!client_.ask(look, deadline)) return false;
  stream_ = client_.stream("/v3/watch", watch_text(key));
  while (!stream_->is_over() && !client_.is_over(deadline)) {
    stream_->run(slice_ms);
    const auto line = stream_->take_line();
    if (!line) continue;
    const auto parsed = parse_watch_line(*line);
    return parsed && parsed.value().is_created;
  }
  return false;
}

StateStore::Watch::Heard KeyWatch::wait(const LockWait& wait) {
  const auto began = environment_.monotonic();
  while (true) {
    bool is_change = false;
    while (const auto line = stream_->take_line()) {
      const auto parsed = parse_watch_line(*line);
      if (!parsed) return Heard::end;
      is_change = is_change || parsed.value().is_change;
    }
    if (is_change) return Heard::change;
    if (stream_->is_over()) return Heard::end;
    const auto waited = std::chrono::floor<milliseconds>(environment_.monotonic() - began);
    if (waited >= wait.timeout_ms || wait.stop.is_met()) return Heard::nothing;
    stream_->run(std::min(slice_ms, wait.timeout_ms - waited));
  }
}

}  // namespace perdure::etcd
