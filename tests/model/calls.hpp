// SPDX-License-Identifier: BSL-1.0
// The calls that the log makes of the file system, each one a step at which a crash is tried.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/disk.hpp"
#include "model/parts.hpp"

namespace perdure::model {

/// Says what happened, for people: calls first, then what befalls the program or is asked of it.
enum class Event : std::uint8_t {
  write_header,
  write_records,
  write_through,
  sync_log,
  sync_file,
  await_file,
  name_file,
  unlink_file,
  name_journal,
  unlink_journal,
  keep_evidence,
  sync_directory,
  sync_file_system,
  failed,  ///< The call before.
  commit,
  commit_by_journal,
  settle,
  close,
  open,
  recovered,
  left_alone,
  acknowledged,
  not_acknowledged,
  replaced,
  written,
  deleted,
  directory_replaced,
  kill,
  power_cut,
};

/// One line of a story.
struct Step {
  Event event = Event::kill;
  std::array<std::uint8_t, 12> words{};
};
using Story = std::vector<Step>;
[[nodiscard]] std::string to_string(const Step& step);
[[nodiscard]] std::string to_string(const Story& story);

/// Something that must never be.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// RootOptions::publish.
enum class Publish : std::uint8_t { at_once, unordered, later };

/// Which model: of what, without which part, and how large.
struct Model {
  Kind kind = Kind::ordered;
  Publish publish = Publish::at_once;
  Part without = Part::none;
  std::size_t records = 2;  ///< That a segment has room for.
  bool direct = false;      ///< LogWrites::measured, else LogWrites::cached.

  [[nodiscard]] bool has(Part part) const noexcept { return part != without; }
  [[nodiscard]] bool is_later() const noexcept { return publish == Publish::later; }
  /// Whether the root's protocol is `fast`; otherwise it is `whole`.
  [[nodiscard]] bool is_fast() const noexcept {
    return kind == Kind::ordered && publish == Publish::at_once;
  }
  /// Whether files have their data on the disk before they have their names.
  [[nodiscard]] bool is_whole_at_name() const noexcept { return is_fast() || is_later(); }
};

/// Decides what happens, and hears of it.
class Fate {
 public:
  Fate() = default;
  Fate(const Fate&) = delete;
  Fate& operator=(const Fate&) = delete;
  virtual ~Fate() = default;

  /// One of so many possibilities.
  virtual int choose(int count) = 0;
  virtual void tell(const Step& step) = 0;
  /// A moment at which a crash may come.
  virtual void may_crash(const State& state) = 0;
};

/// The calls. One that syncs returns false if it failed, and then something may be lost for good.
class Calls {
 public:
  Calls(State& state, const Model& model, Fate& fate) : state_(state), model_(model), fate_(fate) {}

  void write_header(std::size_t block, const Header& header);
  /// Places of one segment, from `at` on, which hold these records from now on.
  void write_records(Number epoch, std::size_t at, std::initializer_list<const Record*> records);
  /// As LogWrites::measured, which takes either way.
  bool goes_direct() { return fate_.choose(2) == 0; }
  /// The same past the cache: durable when it returns, and no header is.
  bool write_through(Number epoch, std::size_t at, std::initializer_list<const Record*> records);
  /// The same bytes again.
  void write_header_again(std::size_t block);
  void write_record_again(Number epoch, std::size_t place);
  bool sync_log();

  FileId stage(Content content);
  bool sync_file(FileId file);
  bool await_file(FileId file);
  /// A staged file gets this path, where another may be.
  void name_file(Path path, FileId file);
  void unlink_file(Path path);
  /// Keeps what was left alone, durably.
  bool keep_evidence();
  bool sync_directory(std::uint8_t directory);
  bool sync_file_system();

  /// Writes the journal beside, syncs it, gives it its name, durably.
  enum class Named : std::uint8_t { yes, no, unknown };
  Named name_journal(std::uint8_t journal);
  void unlink_journal();

  /// Says that somebody else changed the path; a violation if nobody did.
  void leave_alone(Path path);
  void tell(Event event, std::initializer_list<std::uint8_t> words = {});
  void may_crash() { fate_.may_crash(state_); }

  [[nodiscard]] State& state() noexcept { return state_; }
  [[nodiscard]] Disk& disk() noexcept { return state_.disk; }
  [[nodiscard]] const Model& model() const noexcept { return model_; }
  [[nodiscard]] bool has(Part part) const noexcept { return model_.has(part); }

 private:
  /// Puts them into the cache, and says how many there are.
  std::uint8_t place_records(Number epoch, std::size_t at,
                             std::initializer_list<const Record*> records);
  /// Whether this sync fails, and all that it loses then.
  bool fails(bool of_log);

  State& state_;
  const Model& model_;
  Fate& fate_;
};

[[nodiscard]] constexpr std::size_t segment_of(Number epoch) {
  return epoch % segments;
}
[[nodiscard]] constexpr std::size_t block_of(Number epoch) {
  return 2 * segment_of(epoch) + epoch / segments % 2;
}

}  // namespace perdure::model
