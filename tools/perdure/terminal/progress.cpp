// SPDX-License-Identifier: BSL-1.0
// Draws a line of progress on a terminal.
#include "terminal/progress.hpp"

#include <algorithm>
#include <ostream>

#include "terminal/output.hpp"

namespace perdure::cli {

namespace {
constexpr std::chrono::milliseconds patience_ms{1'000};
constexpr std::chrono::milliseconds redraw_ms{200};
}  // namespace

Progress::Progress(std::ostream& out, bool shown, std::optional<std::uint64_t> size, Time begin)
    : out_(out), shown_(shown), size_(size), begin_(begin), drawn_(begin) {}

Progress::~Progress() {
  end_line();
}

void Progress::advance(std::uint64_t bytes, Time now) {
  done_ += bytes;
  if (!shown_ || now - begin_ < patience_ms) return;
  if (size_) {
    draw_bar(bytes);
  } else {
    draw_count(now);
  }
}

void Progress::draw_bar(std::uint64_t bytes) {
  if (!bar_) {
    bar_.emplace(*size_, out_, "");
    bytes = done_;
    line_open_ = true;
  }
  // An input that grew in the meantime must not draw beyond the end of the bar.
  const std::uint64_t missing = bar_->expected_count() - bar_->count();
  if (const std::uint64_t step = std::min(bytes, missing); step > 0) {
    *bar_ += step;
    line_open_ = step < missing;  // the bar ends its line itself
  }
}

void Progress::draw_count(Time now) {
  if (line_open_ && now - drawn_ < redraw_ms) return;
  drawn_ = now;
  line_open_ = true;
  out_ << '\r' << human_size(done_) << " read   " << std::flush;
}

void Progress::syncing() {
  if (!bar_ && !line_open_) return;
  end_line();
  out_ << "syncing " << human_size(done_) << " to the disk" << std::flush;
  line_open_ = true;
}

void Progress::end_line() {
  if (line_open_) out_ << std::endl;
  line_open_ = false;
}

}  // namespace perdure::cli
