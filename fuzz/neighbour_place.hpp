// SPDX-License-Identifier: BSL-1.0
// A directory that another user may write to, that user, and what must hold at every moment.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/system/native.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "fuzz.hpp"
#include "testing/simulator/tree.hpp"

namespace perdure::fuzz {

inline constexpr std::uint32_t neighbour_user = 2000;

/// Who may write to the directory in which we commit: /place.
enum class PlaceKind : std::uint8_t {
  own,         ///< We alone.
  sticky,      ///< Everybody, what is his own; it is root's.
  his,         ///< The neighbour, whose it is. We are root, or in its group.
  his_sticky,  ///< Everybody, what is his own, and the neighbour everything: it is his.
  group,       ///< We and its group, which the neighbour is in.
  world,       ///< Everybody; it is root's.
};

/// The decisions that a run begins with.
struct Scene {
  PlaceKind kind = PlaceKind::own;
  testing::User us;
  /// Nobody but we and those whom we trust can give or take our names there.
  [[nodiscard]] bool is_safe() const { return kind == PlaceKind::own || kind == PlaceKind::sticky; }
  /// Others than its owner can give and take names there, too.
  [[nodiscard]] bool has_neighbours() const {
    return kind == PlaceKind::group || kind == PlaceKind::world;
  }
};

/// Our content begins so, where only we may read it; and so where others may.
inline constexpr std::string_view secret_mark = "secret";
inline constexpr std::string_view our_mark = "ours";
/// The content of root's own file.
inline constexpr std::string_view root_mark = "root's own";
/// Counts in states that the neighbour planted begin here.
inline constexpr std::int64_t planted_min = 100'000;

/// A content that a commit of ours is to give a name to.
struct Attempt {
  std::string path;     ///< Below /place.
  std::string mark;     ///< In the content, and in no other one.
  bool by_us = false;   ///< A call of ours gave a target's name to it.
  bool by_him = false;  ///< The neighbour did: he may rename our temp, also before it is written.
  /// The content that had the path until our call.
  std::optional<std::string> replaced = {};
  /// Behind our last rename to the path's leaf nothing was there, or another file of ours or root's
  /// than before: "a later commit", as far as anybody can tell (SECURITY.md, "A user who may rename
  /// in the target's directory").
  bool excused = false;
  testing::InodeId before = testing::no_inode;  ///< The path's file when the attempt began.
};

/// The library's file system. Before each of our calls the neighbour may act, as the input says;
/// behind each call, and each of his acts, the disk is looked at.
///
/// He obeys the kernel, which the simulator stands for. So he makes no file of root's, renames
/// nothing of ours in a sticky directory, and links nothing that he may not write to.
class Place final : public testing::FaultyFileSystem {
 public:
  /// `acts` is the rest of the input.
  Place(testing::SimulatedFileSystem& disk, const Scene& scene, InputBytes acts);

  [[nodiscard]] System system() { return {.files = this, .environment = &environment_}; }
  [[nodiscard]] testing::ManualEnvironment& environment() { return environment_; }

  /// From now on the content with this mark is looked for.
  std::size_t attempt(std::string path, std::string mark);
  /// Its story, up to now.
  const Attempt& look_at(std::size_t attempt);
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override;

  /// The content at the path below /place now, no link followed; empty where it is not a file.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  /// Whether the names in the directory of this path are safe: /place's, and that it is ours.
  [[nodiscard]] bool is_safe(const std::string& path) const;
  /// Whether the neighbour has put a link anywhere. One at a target that leads to what is his in a
  /// directory of his is followed (SECURITY.md, "a link at the target").
  [[nodiscard]] bool has_linked() const { return linked_; }
  /// Our temps in /place.
  [[nodiscard]] std::size_t temps() const;

  /// A commit of ours makes /place/made now, which may be exchanged as soon as it is there. Before
  /// that a link of his would be followed (the row "the directory that the caller names").
  void expect_made() { making_ = true; }
  /// The neighbour goes home; his locks are released.
  void go_home();
  /// He is gone, and an administrator removes what is his in /place.
  void remove_his();
  /// `require`; a finding is told with all calls and acts that led to it.
  void must(bool holds, std::string_view words) const;

 protected:
  void before(testing::Operation operation) override;

 private:
  struct Act {
    std::uint8_t when = 0;
    std::uint8_t deed = 0;
    std::uint8_t where = 0;
    std::uint8_t name = 0;
    std::uint8_t other = 0;
    std::uint8_t argument = 0;
  };
  struct Outside {
    testing::InodeId id;
    std::uint64_t hash;
    std::shared_ptr<const testing::Entries> entries;
  };

  [[nodiscard]] const testing::Tree& tree() const;
  void remember_outside(testing::InodeId directory);
  void look(bool ours);
  void look_at_file(testing::InodeId id, const testing::Inode& inode) const;
  void look_at_owners() const;
  void look_for_attempts(bool ours);
  [[nodiscard]] std::size_t names_of(const Attempt& attempt) const;
  [[nodiscard]] bool is_excused(const Attempt& attempt) const;
  [[nodiscard]] bool is_due(const Act& act, testing::Operation operation) const;

  void act(const Act& act);
  void act_in(Handle directory, const Act& act);
  [[nodiscard]] std::string name_in(Handle directory, std::uint8_t choice);
  [[nodiscard]] bool is_open(const std::string& name) const;
  void plant_file(Handle directory, const std::string& name, const Act& act);
  void plant_link(Handle directory, const std::string& name, const Act& act);
  void plant_fifo(Handle directory, const std::string& name);
  void overwrite(Handle directory, const std::string& name, const Act& act);
  void change_mode(Handle directory, const std::string& name, const Act& act);
  void hold_lock(Handle directory, const std::string& name);
  void move_across(Handle directory, const std::string& name, const Act& act);

  testing::SimulatedFileSystem& disk_;
  Scene scene_;
  testing::ManualEnvironment environment_{7};
  std::vector<Act> acts_;
  std::size_t next_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t last_act_ = 0;  // at which call
  std::vector<Outside> outside_;
  std::vector<std::pair<testing::InodeId, std::uint32_t>> owners_;  // of all that was there
  std::vector<Attempt> attempts_;
  std::vector<std::size_t> named_;                    // by attempt: how many names it had
  std::vector<std::optional<std::string>> standing_;  // by attempt: what its path had
  static constexpr std::uint64_t never_seen = ~std::uint64_t{0};
  std::uint64_t seen_ = never_seen;  // the disk's revision
  testing::InodeId place_ = testing::no_inode;
  testing::InodeId secret_ = testing::no_inode;
  std::vector<Handle> locks_;
  std::vector<std::pair<std::uint64_t, std::string>> deeds_;  // before which call, and what
  bool linked_ = false;
  bool making_ = false;
  bool made_open_ = false;
};

/// The disk before a run: /place as the scene has it, what is root's, and what is the neighbour's.
void prepare(testing::SimulatedFileSystem& disk, const Scene& scene, InputBytes& input);

/// A content that the neighbour plants.
std::string planted_content(std::uint8_t choice);

}  // namespace perdure::fuzz
