// SPDX-License-Identifier: BSL-1.0
// Tells a story in words.
#include "model/calls.hpp"

namespace perdure::model {
namespace {

std::string name_of_content(Content content) {
  if (content == damaged) return "DAMAGED";
  if (content == absent) return "nothing";
  if (content >= first_old) return "old";
  if (content >= first_foreign) return "f" + std::to_string(content - first_foreign + 1);
  return "r" + std::to_string(content - first_own + 1);
}

std::string name_of_path(std::uint8_t path) {
  return path == 0 ? "d/x" : "y";
}

std::string name_of_directory(std::uint8_t directory) {
  if (directory == top) return "the root";
  if (directory == own) return "the private directory";
  return directory == first ? "d" : "the new d";
}

std::string number(std::uint8_t value) {
  return std::to_string(value);
}

std::string name_of_action(std::uint8_t action) {
  if (action == 0) return "";
  return action == 1 ? " put " : " remove ";
}

std::string name_of_journal(std::uint8_t journal) {
  if (journal == 0) return "no j";
  return journal == journal_of_log ? "j of the log" : "j of a transaction";
}

std::string of_power_cut(const Step& step) {
  std::string words = "*** POWER CUT; the disk has x=" + name_of_content(step.words[0]) +
                      " y=" + name_of_content(step.words[1]) + ", " +
                      name_of_journal(step.words[2]) + ", headers";
  for (std::size_t i = 0; i < header_blocks; ++i) words += " " + number(step.words[3 + i]);
  words += ", records";
  for (std::size_t i = 0; i < 5; ++i) words += " " + number(step.words[7 + i]);
  return words;
}

std::string of_commit(const Step& step) {
  std::string words = "COMMIT";
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == 2 && (step.words[2] != 0 || step.words[3] != 0)) words += ", and in one group";
    if (step.words[i] == 0) continue;
    words += name_of_action(step.words[i]) + name_of_path(static_cast<std::uint8_t>(i % 2));
  }
  return words + " (contents from " + name_of_content(step.words[4]) + ")";
}

std::string of_call(const Step& step) {
  const auto& words = step.words;
  switch (step.event) {
    case Event::write_header:
      return "write header " + number(words[0]) + ", live from " + number(words[1]) +
             ", to block " + number(words[2]);
    case Event::write_records:
      return "write " + number(words[2]) + " record(s) of epoch " + number(words[0]) +
             " at place " + number(words[1]);
    case Event::write_through:
      return "write_through of " + number(words[2]) + " record(s) of epoch " + number(words[0]) +
             " at place " + number(words[1]);
    case Event::sync_log:
      return "sync_data of the log";
    case Event::sync_file:
      return "sync_file of " + (words[0] == damaged ? "j.tmp" : name_of_content(words[0]));
    case Event::await_file:
      return "await_writeback of " + name_of_content(words[0]);
    case Event::name_file:
      return "rename " + name_of_content(words[1]) + " to " + name_of_path(words[0]);
    case Event::unlink_file:
      return "unlink " + name_of_path(words[0]);
    case Event::name_journal:
      return "rename j.tmp to j, " + name_of_journal(words[0]);
    case Event::unlink_journal:
      return "unlink j";
    case Event::keep_evidence:
      return "link what was left alone to abandoned-ID";
    case Event::sync_directory:
      return "sync_directory of " + name_of_directory(words[0]);
    case Event::sync_file_system:
      return "sync_file_system";
    default:
      return "  *** it FAILS; what was not flushed may be lost";
  }
}

std::string of_event(const Step& step) {
  const auto& words = step.words;
  switch (step.event) {
    case Event::commit:
      return of_commit(step);
    case Event::commit_by_journal:
      return "COMMIT by a journal" + name_of_action(words[1]) + name_of_path(words[0]) + " " +
             name_of_content(words[2]);
    case Event::settle:
      return "SETTLE";
    case Event::close:
      return "CLOSE";
    case Event::open:
      return words[0] == 0 ? "OPEN" : "OPEN by a Transaction";
    case Event::recovered:
      return "recovered: x=" + name_of_content(words[0]) + " y=" + name_of_content(words[1]);
    case Event::left_alone:
      return "somebody changed " + name_of_path(words[0]) + ": left alone";
    case Event::acknowledged:
      return "acknowledged";
    case Event::not_acknowledged:
      return words[0] == 0 ? "refused: unchanged" : "failed: the root stops";
    case Event::replaced:
    case Event::written:
    case Event::deleted: {
      const std::string did = step.event == Event::replaced  ? "replaces "
                              : step.event == Event::written ? "writes into "
                                                             : "deletes ";
      return "ANOTHER PROGRAM " + did + name_of_path(words[0]) + " " + name_of_content(words[1]) +
             (words[2] != 0 ? ", synced" : ", not synced");
    }
    case Event::directory_replaced:
      return std::string("ANOTHER PROGRAM puts an empty directory in the place of d") +
             (words[2] != 0 ? ", synced" : ", not synced");
    case Event::kill:
      return "*** KILL";
    default:
      return of_power_cut(step);
  }
}

}  // namespace

std::string to_string(const Step& step) {
  return step.event <= Event::failed ? "  " + of_call(step) : of_event(step);
}

std::string to_string(const Story& story) {
  std::string text;
  for (const Step& step : story) text += to_string(step) + "\n";
  return text;
}

}  // namespace perdure::model
