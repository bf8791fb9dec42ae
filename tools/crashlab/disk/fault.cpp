// SPDX-License-Identifier: BSL-1.0
// Reads faults from the command line.
#include "disk/fault.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr const char* names[] = {"write-error", "flush-error", "read-error",
                                 "rot",         "misdirect",   "lost"};

std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Failure("--fault " + text + ": " + why);
}

void read_number(std::string_view word, Fault& fault, const std::string& text) {
  if (!word.empty() && word.back() == '+') {
    fault.onward = true;
    word.remove_suffix(1);
  }
  if (word.starts_with("each/")) {
    const auto step = number_from(word.substr(5));
    if (!step || *step == 0) refuse(text, "behind each/ comes a number from 1 on");
    fault.step = *step;
    word = word.substr(0, 4);
  }
  fault.each = word == "each";
  const auto number = number_from(word);
  if (!fault.each && (!number || *number == 0)) {
    refuse(text, "behind @ comes a number from 1 on, or \"each\"");
  }
  fault.number = number.value_or(0);
}

/// FIRST-LAST, or one number; nothing where it is neither.
std::optional<Range> range_from(std::string_view word, const std::string& text) {
  const std::size_t dash = word.find('-');
  const auto first = number_from(word.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number_from(word.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  if (*last < *first || *last > UINT64_MAX / fault_sector - 1) {
    refuse(text, "a range of sectors is FIRST-LAST");
  }
  return Range{*first * fault_sector, (*last + 1) * fault_sector};
}

void read_place(std::string_view word, Fault& fault, const std::string& text) {
  if (word.empty()) refuse(text, "behind : come sectors (2048-4095,8192), or a file's path");
  for (std::string_view left = word; !left.empty();) {
    const std::size_t comma = std::min(left.find(','), left.size());
    const auto range = range_from(left.substr(0, comma), text);
    if (!range) {
      fault.file = word;
      fault.ranges.clear();
      return;
    }
    fault.ranges.push_back(*range);
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
}

}  // namespace

const char* const fault_help =
    "  write-error@7     the 7th write of the workload answers EIO\n"
    "  write-error@7+    this one and all later ones\n"
    "  write-error@each  a run for each write, one after the other; a power cut after it\n"
    "  write-error@each/5  a run for every fifth\n"
    "  write-error:2048-4095  each write that touches one of these sectors of 512 bytes\n"
    "  flush-error@2     a flush answers EIO, and promises nothing (@2+, @each)\n"
    "  lost@7            a write is answered, and not done (@7+, @each, :2048-4095)\n"
    "  misdirect@7       a write is done elsewhere (@7+, @each, :2048-4095)\n"
    "  read-error:2048-4095  reads of these sectors answer EIO, after the power cut, too\n"
    "  read-error:FILE   the same where FILE's content lies once --setup has ended\n"
    "  rot:FILE          one bit in each of its sectors is wrong (or :2048-4095)\n";

const char* name_of(Fault::Kind kind) {
  return names[static_cast<std::size_t>(kind)];
}

Fault Fault::parse(const std::string& text) {
  Fault fault;
  const std::size_t mark = text.find_first_of("@:");
  const auto* const name =
      std::find(std::begin(names), std::end(names), std::string_view(text).substr(0, mark));
  if (name == std::end(names) || mark == std::string::npos) {
    refuse(text, std::string("a fault is one of\n") + fault_help);
  }
  fault.kind = static_cast<Kind>(name - std::begin(names));
  const std::string_view word = std::string_view(text).substr(mark + 1);
  if (text[mark] == '@') {
    read_number(word, fault, text);
  } else {
    read_place(word, fault, text);
  }
  if (fault.lasting() && text[mark] == '@') refuse(text, "it has sectors or a file, and no number");
  if (fault.kind == Kind::flush_error && text[mark] == ':') refuse(text, "a flush has no sectors");
  return fault;
}

std::string Fault::text() const {
  std::string text = name_of(kind);
  if (each) {
    return text + "@each" + (step > 1 ? "/" + std::to_string(step) : "") + (onward ? "+" : "");
  }
  if (number != 0) return text + "@" + std::to_string(number) + (onward ? "+" : "");
  if (!file.empty() && ranges.empty()) return text + ":" + file;
  for (const Range& range : ranges) {
    text += &range == &ranges.front() ? ":" : ",";
    text += std::to_string(range.from / fault_sector) + "-" +
            std::to_string(range.to / fault_sector - 1);
  }
  return text;
}

}  // namespace crashlab
