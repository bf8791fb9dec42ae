// SPDX-License-Identifier: BSL-1.0
// The syncs on which a transaction rests, by name: to leave some out, or to be killed before it.
#pragma once

#include <algorithm>
#include <array>
#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/transaction.hpp>

namespace barriers {

/// In the order of a commit.
enum class Barrier {
  staged,         ///< Each staged file's content (`fast`: awaited) ...
  staged_names,   ///< ... and all their names.
  journal,        ///< The journal's content (`fast`: awaited), before it is renamed ...
  journal_name,   ///< ... and its name (`fast`: by its own sync): the commit point.
  directories,    ///< The directories with applied files, before the journal goes.
  journal_gone,   ///< That it is gone, before the staged files go and others commit.
  found_journal,  ///< In recovery: journal and journal_name for the journal that was found.
  append,         ///< The records of a log: the commit point of a Root.
  copied,         ///< Each file's content in a copy of a root.
  journal_end,    ///< The journal is about to go. No sync: a moment to be killed at.
  none,
};

inline constexpr std::array<std::string_view, 9> names = {
    "staged",       "staged_names",  "journal", "journal_name", "directories",
    "journal_gone", "found_journal", "append",  "copied"};

/// Several, separated by commas; empty if one of them is not a barrier.
inline std::set<Barrier> parse(const std::string& text) {
  std::set<Barrier> found;
  std::istringstream words(text);
  for (std::string name; std::getline(words, name, ',');) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return {};
    found.insert(static_cast<Barrier>(at - names.begin()));
  }
  return found;
}

/// The file system, but for some barriers: they are claimed to have been reached. For one
/// transaction at a time, in one thread, with the private directory in its default place. Commits
/// of files alone have two barriers: `staged` for content, `directories` for names.
class Barriers final : public perdure::ForwardingFileSystem {
 public:
  Barriers(FileSystem& base, std::set<Barrier> left_out)
      : ForwardingFileSystem(base), left_out_(std::move(left_out)) {}

  /// This process ends, as by SIGKILL, where it comes to this barrier the next time.
  void kill_before(Barrier barrier) { killed_before_ = barrier; }
  /// A recovery (or a commit) comes from now on.
  void set_recovering(bool recovering) { recovering_ = recovering; }
  /// A copy of a root (or a commit) comes from now on.
  void set_copying(bool copying) { copying_ = copying; }

  perdure::SysResult<perdure::Handle> open_beneath(perdure::Handle from,
                                                   const std::string& path) override {
    const auto opened = base().open_beneath(from, path);
    if (opened && path == perdure::TransactionOptions().private_directory) place_ = opened.value();
    return opened;
  }
  perdure::SysResult<perdure::Handle> create(perdure::Handle directory, const std::string& name,
                                             std::uint32_t mode) override {
    const auto made = base().create(directory, name, mode);
    if (made && directory == place_ && name == "j.tmp") {
      journal_ = made.value();
      journal_named_ = false;
    }
    return made;
  }
  perdure::SysResult<void> rename(perdure::Handle from_directory, const std::string& from,
                                  perdure::Handle to_directory, const std::string& to,
                                  perdure::RenameMode mode) override {
    if (to_directory == place_) last_ = Barrier::journal_name;
    if (to_directory == place_ && from == "j.tmp") journal_named_ = applying_ = true;
    return base().rename(from_directory, from, to_directory, to, mode);
  }
  perdure::SysResult<void> unlink(perdure::Handle directory, const std::string& name) override {
    if (directory == place_ && name == "j") {
      last_ = Barrier::journal_gone;
      applying_ = false;
      (void)pass(Barrier::journal_end);
    }
    return base().unlink(directory, name);
  }

  /// Writeback that begins early promises nothing, but on a disk that answers in order it mostly
  /// hides that nobody waits for it.
  perdure::SysResult<void> start_writeback(perdure::Handle file) override {
    if (left_out_.contains(copying_ ? Barrier::copied : Barrier::staged)) return perdure::success();
    return base().start_writeback(file);
  }
  perdure::SysResult<void> sync_file(perdure::Handle file) override {
    return pass(barrier_of(file)) ? base().sync_file(file)
                                  : perdure::SysResult<void>(perdure::success());
  }
  perdure::SysResult<void> sync_data(perdure::Handle file) override {
    return pass(Barrier::append) ? base().sync_data(file)
                                 : perdure::SysResult<void>(perdure::success());
  }
  perdure::SysResult<std::size_t> write_through(perdure::Handle file, std::uint64_t offset,
                                                perdure::Bytes bytes) override {
    return pass(Barrier::append) ? base().write_through(file, offset, bytes)
                                 : base().write_at(file, offset, bytes);
  }
  perdure::SysResult<void> await_writeback(perdure::Handle file) override {
    return pass(barrier_of(file)) ? base().await_writeback(file)
                                  : perdure::SysResult<void>(perdure::success());
  }
  perdure::SysResult<void> sync_directory(perdure::Handle directory) override {
    const Barrier barrier = directory == place_ ? last_ : Barrier::directories;
    if (directory == place_) last_ = Barrier::staged_names;
    return pass(barrier) ? base().sync_directory(directory)
                         : perdure::SysResult<void>(perdure::success());
  }
  /// `whole`: the first of a transaction is for what is staged, the second for what was applied.
  perdure::SysResult<void> sync_file_system(perdure::Handle directory) override {
    return pass(applying_ ? Barrier::directories : Barrier::staged)
               ? base().sync_file_system(directory)
               : perdure::SysResult<void>(perdure::success());
  }
  perdure::SysResult<void> close(perdure::Handle handle) override {
    if (handle == journal_) journal_ = perdure::Handle::none;
    if (handle == place_) place_ = perdure::Handle::none;
    return base().close(handle);
  }

 private:
  Barrier barrier_of(perdure::Handle file) const {
    if (file != journal_) return Barrier::staged;
    return journal_named_ ? Barrier::journal_name : Barrier::journal;
  }
  bool pass(Barrier barrier) const {
    if (barrier == killed_before_) (void)::kill(::getpid(), SIGKILL);
    const bool found = barrier == Barrier::journal || barrier == Barrier::journal_name;
    if (recovering_ && found) barrier = Barrier::found_journal;
    if (copying_ && barrier == Barrier::staged) barrier = Barrier::copied;
    return !left_out_.contains(barrier);
  }

  std::set<Barrier> left_out_;
  Barrier killed_before_ = Barrier::none;
  Barrier last_ = Barrier::staged_names;  // what a sync of the private directory is for
  bool recovering_ = false;
  bool copying_ = false;
  bool journal_named_ = false;
  bool applying_ = false;
  perdure::Handle place_ = perdure::Handle::none;
  perdure::Handle journal_ = perdure::Handle::none;
};

}  // namespace barriers
