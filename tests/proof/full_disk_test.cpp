// SPDX-License-Identifier: BSL-1.0
// A disk that is full from the n-th allocation on, at every step of a transaction and of its
// recovery: nothing happened and nothing is left, or it is committed and the next start finishes it
// once there is room.
#include <perdure/testing/manual_environment.hpp>

#include "lies.hpp"
#include "support/catch.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// From the n-th call on that needs a block or an inode there is none.
struct FullDisk final : ForwardingFileSystem {
  FullDisk(FileSystem& below, std::uint64_t from, int errno_of_it)
      : ForwardingFileSystem(below), number(from), error(errno_of_it) {}
  std::uint64_t number;
  int error;
  std::uint64_t calls = 0;

  [[nodiscard]] bool full() { return ++calls >= number; }
  [[nodiscard]] bool fired() const { return calls >= number; }
  [[nodiscard]] std::error_code code() const { return {error, std::generic_category()}; }

  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    if (full()) return code();
    return ForwardingFileSystem::create(directory, name, mode);
  }
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override {
    if (full()) return code();
    return ForwardingFileSystem::create_unnamed(directory, mode);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (full()) return code();
    return ForwardingFileSystem::write_at(file, offset, bytes);
  }
  SysResult<void> preallocate(Handle file, std::uint64_t size) override {
    if (full()) return code();
    return ForwardingFileSystem::preallocate(file, size);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (full()) return code();
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (full()) return code();
    return ForwardingFileSystem::link(from_directory, from, to_directory, to);
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    if (full()) return code();
    return ForwardingFileSystem::make_directory(directory, name, mode);
  }
};

const std::vector<Request>& requests() {
  static const std::vector<Request> all{{Request::Kind::put, "d/a", content_of('p', 9000)},
                                        {Request::Kind::move, "e/b", "d/b"},
                                        {Request::Kind::make_directory, "f"},
                                        {Request::Kind::put, "f/a", content_of('p', 100)}};
  return all;
}

/// A root on a disk of its own, before and after the transaction.
struct RootOnDisk {
  explicit RootOnDisk(User user = {}) : disk(presets::worst) {
    const OwnedHandle all(disk, disk.open_directory(Handle::working_directory, "/").value());
    disk.set_owner(all.get(), user.user, user.group).value();
    disk.set_user(user);
    Session session({&disk, &environment}, disk);
    prepare_root(session);
    disk.sync_all();
    before = files_of(session);
    after = before;
    (void)apply_requests(after, requests());
  }
  [[nodiscard]] Files now() {
    Session session({&disk, &environment}, disk);
    return files_of(session);
  }
  Result<void> commit(FileSystem& files) {
    Session session({&files, &environment}, disk);
    return transact(session, requests());
  }
  Result<void> recover(FileSystem& files) {
    Session session({&files, &environment}, disk);
    return recover_root_of(session);
  }
  [[nodiscard]] bool is_clean() const {
    for (const std::string& path : disk.paths()) {
      const bool ours = path.starts_with("r/.perdure/") && path != "r/.perdure/";
      if (ours && path != "r/.perdure/.root.perdure-lock") return false;
    }
    return disk.handles_open() == 0;
  }

  SimulatedFileSystem disk;
  ManualEnvironment environment{3};
  Files before;
  Files after;
};

/// After a commit for which there was no room.
void check_refused(RootOnDisk& root, const Error& error) {
  INFO(error.message());
  REQUIRE((error.fate == Fate::unchanged || error.fate == Fate::committed));
  if (error.fate == Fate::unchanged) {
    CHECK(root.now() == root.before);
    CHECK(root.is_clean());
  }
}

/// Once there is room; and it is durable then.
void check_finished(RootOnDisk& root, bool committed) {
  REQUIRE(root.recover(root.disk));
  CHECK(root.is_clean());
  root.disk.cut_power(Survivors::none);
  REQUIRE(root.recover(root.disk));
  CHECK(root.now() == (committed ? root.after : root.before));
}

}  // namespace

TEST_CASE("a disk that is full from the n-th allocation of a transaction on", "[P11][P19]") {
  for (const int error : {ENOSPC, EDQUOT}) {
    std::uint64_t committed = 0;
    for (std::uint64_t number = 1;; ++number) {
      INFO(number);
      RootOnDisk root;
      FullDisk full(root.disk, number, error);
      const auto done = root.commit(full);
      if (!full.fired()) {
        CHECK(number > 15);
        break;
      }
      // Without some allocations it can do: those that only find something out, or set room aside.
      if (!done) check_refused(root, done.error());
      const bool unfinished = !done && done.error().fate == Fate::committed;
      if (unfinished) {
        FullDisk still(root.disk, 1, error);
        const auto early = root.recover(still);
        REQUIRE(!early);
        CHECK(early.error().fate == Fate::committed);
        ++committed;
      }
      check_finished(root, done || unfinished);
    }
    CHECK(committed > 3);
  }
}

TEST_CASE("a disk that is full from the n-th allocation of a recovery on", "[P12][P19]") {
  for (const auto& [operation, times] :
       {std::pair(Operation::link, 3), std::pair(Operation::rename, 3),
        std::pair(Operation::make_directory, 1), std::pair(Operation::sync_directory, 3)}) {
    for (int time = 1; time <= times; ++time) {
      for (std::uint64_t number = 1;; ++number) {
        INFO(to_string(operation) << " " << time << ", " << number);
        SimulatedFileSystem disk(presets::worst);
        ManualEnvironment environment(3);
        Session session({&disk, &environment}, disk);
        prepare_root(session);
        leave_committed(session, operation, static_cast<std::uint64_t>(time));
        FullDisk full(disk, number, ENOSPC);
        Session starved({&full, &environment}, disk);
        const auto done = recover_root_of(starved);
        if (!done) CHECK(done.error().fate == Fate::committed);
        REQUIRE(recover_root_of(session));
        CHECK(files_of(session).at("f/a") == content_of('p', 100));
        CHECK_FALSE(files_of(session).contains("e/b"));
        if (!full.fired()) break;
      }
    }
  }
}

TEST_CASE("real limits: so many blocks and inodes, and a user's quota of both", "[P19]") {
  for (const auto limit :
       {&Limits::space, &Limits::inodes, &Limits::quota_space, &Limits::quota_inodes}) {
    bool fitted = false;
    std::uint64_t refused = 0;
    for (std::uint64_t units = 1; units < 60 && !fitted; ++units) {
      INFO(units);
      RootOnDisk root({.user = 1000, .group = 100});
      Limits limits;
      const bool space = limit == &Limits::space || limit == &Limits::quota_space;
      limits.*limit = space ? units * 4096 : units;
      root.disk.set_limits(limits);
      const auto done = root.commit(root.disk);
      fitted = done.has_value();
      if (!done) {
        check_refused(root, done.error());
        ++refused;
      }
      root.disk.set_limits({});
      check_finished(root, done || done.error().fate == Fate::committed);
    }
    CHECK(fitted);
    CHECK(refused > 3);
  }
}

}  // namespace perdure::test
