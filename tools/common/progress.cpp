// SPDX-License-Identifier: BSL-1.0
// Draws a line of progress on a terminal.
#include "common/progress.hpp"

#include <algorithm>
#include <ostream>
#include <system_error>
#include <utility>

#include <perdure/detail/progress_words.hpp>

#include "common/human_size.hpp"

namespace perdure::cli {

namespace {
constexpr std::chrono::milliseconds patience_ms{1'000};
constexpr std::chrono::milliseconds redraw_ms{200};
}  // namespace

Progress::Progress(std::ostream& out, bool shown, std::optional<std::uint64_t> total, Time begin,
                   std::string unit)
    : out_(out), shown_(shown), total_(total), begin_(begin), unit_(std::move(unit)) {}

Progress::~Progress() {
  if (counting_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_one();
    counting_.join();
  }
  if (drawn_) out_ << std::endl;
}

std::string Progress::amount(std::uint64_t of) const {
  return unit_.empty() ? human_size(of) : std::to_string(of);
}

std::string Progress::sync_words() const {
  return "syncing " + amount(done_) + (unit_.empty() ? "" : " " + unit_) + " to the disk";
}

void Progress::advance(std::uint64_t amount_done, Time now) {
  done_ += amount_done;
  if (!shown_ || now - begin_ < patience_ms) return;
  const bool complete = total_ && done_ >= *total_;
  if (drawn_ && now - *drawn_ < redraw_ms && !complete) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  draw(detail::progress_words(done_, total_, seconds, unit_,
                              [this](std::uint64_t of) { return amount(of); }));
}

/// Draws over the line that is there, and clears its rest.
void Progress::draw(const std::string& words) {
  const std::size_t rest = width_ > words.size() ? width_ - words.size() : 0;
  out_ << '\r' << words << std::string(rest, ' ') << std::flush;
  width_ = words.size();
}

void Progress::syncing(std::chrono::milliseconds second) {
  if (!drawn_) return;
  out_ << '\n';
  width_ = 0;
  draw(sync_words());
  try {
    counting_ = std::thread([this, second] { count_seconds(second); });
  } catch (const std::system_error&) {  // no thread to be had: the line stands still
  }
}

void Progress::count_seconds(std::chrono::milliseconds second) {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (int seconds = 1;; ++seconds) {
    if (ended_.wait_until(lock, begin + seconds * second, [this] { return over_; })) {
      return;
    }
    draw(sync_words() + ", " + detail::words_of_seconds(seconds));
  }
}

}  // namespace perdure::cli
