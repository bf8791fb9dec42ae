// SPDX-License-Identifier: BSL-1.0
// LogWriter, LogFile and KnownDurable, call by call as lib/log has them.
#pragma once

#include "model/calls.hpp"

namespace perdure::model {

/// A commit wants this of each path.
using Wanted = std::array<Action, path_count>;

/// Another program does this to a path, and syncs it or not.
struct Foreign {
  enum class Kind : std::uint8_t { none, replace, write, remove, replace_directory };
  Kind kind = Kind::none;
  Path path = Path::y;
  bool synced = true;
};
/// Whether it can be done now.
[[nodiscard]] bool can(const State& state, const Foreign& foreign);
void interfere(Calls& calls, const Foreign& foreign);

class Writer {
 public:
  explicit Writer(Calls& calls) : calls_(calls), memory_(calls.state().memory) {}

  /// Root::open, and how a Transaction begins; false if a sync failed.
  [[nodiscard]] bool open();
  [[nodiscard]] bool open_for_transaction();

  /// One commit, or two in one group. `race` happens when their records are durable, before their
  /// files are named.
  void commit(const Wanted& one, const Wanted& two = {}, const Foreign& race = {});
  /// One that no record holds; of `path` alone.
  void commit_alone(Path path, Action action);
  void settle();
  void close();
  /// A transaction of a program that has recovered the root, and no log open.
  void transact(Path path, Action action);

 private:
  struct Member {
    Record record{};
    Wanted wanted{};
    Content content = absent;
  };

  [[nodiscard]] Member prepare(const Wanted& wanted);
  void try_out(Path path);
  void give_promise(const Member& member, bool chained);
  [[nodiscard]] bool add(Member& member);
  [[nodiscard]] bool begin_log();
  [[nodiscard]] bool look(Member& member);
  [[nodiscard]] bool look_at(Member& member, Path path);
  [[nodiscard]] bool find(Path path, Before& before);
  [[nodiscard]] bool sync_way();
  [[nodiscard]] bool sync_known(std::uint8_t directory);
  void finish_group();
  [[nodiscard]] bool flush();
  [[nodiscard]] bool publish(const Member& member);
  void leave_for_later(const Member& member);
  [[nodiscard]] bool publish_at(const Member& member, Path path, bool& left_alone);
  void recover_in_place(Promise::Status otherwise);
  [[nodiscard]] bool sync_published();
  [[nodiscard]] bool turn();
  [[nodiscard]] bool settle_now(bool for_good);
  [[nodiscard]] bool end_log();
  void forget();

  enum class Protocol : std::uint8_t { fast, whole, portable };
  [[nodiscard]] Journal stage_journal(Path path, Action action);
  void by_journal(Journal journal, Protocol protocol);
  [[nodiscard]] bool stage_for_journal(const Journal& journal, Protocol protocol);
  [[nodiscard]] bool finish_journal(const Journal& journal, Protocol protocol);
  [[nodiscard]] Before before_at(Path path);
  void answer(Promise::Status status);

  Calls& calls_;
  Memory& memory_;
  Row<Member, 2> group_;
  Foreign race_{};
  bool failed_ = false;  ///< Something did, since the commits that wait were staged.
};

}  // namespace perdure::model
