// SPDX-License-Identifier: BSL-1.0
// Draws a line of progress on a terminal.
#include "common/progress.hpp"

#include <algorithm>
#include <limits>
#include <ostream>

#include "common/human_size.hpp"

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
    draw_bar();
  } else {
    draw_count(now);
  }
}

void Progress::draw_bar() {
  // The bar counts in an unsigned long. Where that has 32 bits, several bytes of a large input are
  // one of its steps.
  const std::uint64_t unit = 1 + *size_ / std::numeric_limits<unsigned long>::max();
  if (!bar_) {
    bar_.emplace(static_cast<unsigned long>(*size_ / unit), out_, "");
    line_open_ = true;
  }
  // An input that grew in the meantime must not draw beyond the end of the bar.
  const std::uint64_t reached = std::min<std::uint64_t>(done_ / unit, bar_->expected_count());
  if (reached > bar_->count()) {
    *bar_ += static_cast<unsigned long>(reached - bar_->count());
    line_open_ = reached < bar_->expected_count();  // the bar ends its line itself
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
