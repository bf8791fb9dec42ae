// SPDX-License-Identifier: BSL-1.0
#include "neighbour_place.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include <perdure/files.hpp>
#include <perdure/json.hpp>
#include <perdure/transaction.hpp>

#include "engine/names.hpp"
#include "testing/simulator/acl.hpp"
#include "testing/simulator/simulation_access.hpp"

namespace perdure::fuzz {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

constexpr std::size_t acts_max = 32;
/// Far more than any program needs, with each of the retries that the acts can cause.
constexpr std::uint64_t calls_max = 20'000;

/// Names by which the neighbour can mean what is not there yet, too.
constexpr std::array<std::string_view, 20> names_known{"t",
                                                       "u",
                                                       "v",
                                                       "state",
                                                       "l",
                                                       "x",
                                                       "f",
                                                       "sub",
                                                       "a",
                                                       "b",
                                                       "made",
                                                       "new",
                                                       "t~",
                                                       "y",
                                                       ".perdure",
                                                       ".perdure-root",
                                                       "j",
                                                       ".state.perdure-lock",
                                                       ".state.1.perdure-prev",
                                                       ".t.perdure-lock"};

/// He does most harm just before these calls, which rely on an earlier look.
constexpr std::array moments{
    Operation::rename,      Operation::create,         Operation::link,
    Operation::unlink,      Operation::open_file,      Operation::open_beneath,
    Operation::open_link,   Operation::open_lock,      Operation::stat_at,
    Operation::set_xattr,   Operation::set_owner,      Operation::set_mode,
    Operation::list_xattrs, Operation::make_directory, Operation::open_directory,
    Operation::list,        Operation::sync_directory, Operation::sync_file,
    Operation::try_lock,    Operation::read_at,        Operation::list_xattrs_at};
constexpr std::uint8_t moments_from = 96;

constexpr User neighbour{.user = neighbour_user, .group = neighbour_user, .umask = 0};

/// The disk as another user, for as long as this lives.
class As {
 public:
  As(SimulatedFileSystem& disk, const User& user, const User& back) : disk_(disk), back_(back) {
    disk.set_user(user);
  }
  As(const As&) = delete;
  As& operator=(const As&) = delete;
  ~As() { disk_.set_user(back_); }

 private:
  SimulatedFileSystem& disk_;
  User back_;
};

bool contains(const Inode& inode, std::string_view mark) {
  return as_text(inode.data->bytes).find(mark) != std::string_view::npos;
}

InodeId find(const Tree& tree, std::string_view path) {
  InodeId at = root_inode;
  for (const std::string& part : parts_of(std::string(path))) at = tree.lookup(at, part);
  return at;
}

std::uint32_t mode_of(std::uint8_t choice) {
  constexpr std::array<std::uint32_t, 6> modes{0666, 0600, 0644, 0777, 0000, 04777};
  return modes.at(choice % modes.size());
}

}  // namespace

std::string planted_content(std::uint8_t choice) {
  if (choice % 8 == 0) return "planted";
  if (choice % 8 == 1) return "";
  if (choice % 8 == 2) return "perdure root 1\n.perdure\n";
  if (choice % 8 == 3) return "perdure root 1\n/attic/private\n";
  if (choice % 8 == 4) return R"({"count": 100004})";  // a state that was written by hand
  std::string text = R"({"count": 100005, "generation": )";
  text += choice % 8 == 5 ? "1" : choice % 8 == 6 ? "40" : "18446744073709551615";
  return text + "}";
}

Place::Place(SimulatedFileSystem& disk, const Scene& scene, InputBytes acts)
    : FaultyFileSystem(disk), disk_(disk), scene_(scene) {
  while (!acts.empty() && acts_.size() < acts_max) {
    acts_.push_back(
        {acts.number(), acts.number(), acts.number(), acts.number(), acts.number(), acts.number()});
  }
  place_ = find(tree(), "place");
  secret_ = find(tree(), "roots/secret");
  for (const auto& [id, inode] : tree().inodes()) owners_.emplace_back(id, inode->owner);
  for (const char* directory : {"roots", "third"}) remember_outside(find(tree(), directory));
}

const Tree& Place::tree() const {
  return SimulationAccess::of(disk_).disk.visible;
}

void Place::remember_outside(InodeId directory) {
  const Inode& inode = *tree().find(directory);
  outside_.push_back({directory, inode.hash(), inode.entries});
  for (const Entry& entry : *inode.entries) {
    const Inode& below = *tree().find(entry.inode);
    if (below.entries) {
      remember_outside(entry.inode);
    } else {
      outside_.push_back({entry.inode, below.hash(), nullptr});
    }
  }
}

// --- What must hold.

void Place::must(bool holds, std::string_view words) const {
  if (holds) return;
  const auto calls = log();
  auto deed = deeds_.begin();
  for (std::size_t i = 0; i <= calls.size(); ++i) {
    for (; deed != deeds_.end() && deed->first <= i + 1; ++deed) {
      std::fprintf(stderr, "    he: %s\n", deed->second.c_str());
    }
    if (i == calls.size()) break;
    std::fprintf(stderr, "%s %s: %s\n", std::string(to_string(calls[i].operation)).c_str(),
                 calls[i].name.c_str(),
                 calls[i].error == 0 ? "done" : std::string(errno_name(calls[i].error)).c_str());
  }
  require(false, words);
}

void Place::before(Operation operation) {
  look(false);
  must(++calls_ < calls_max, "no endless loop");
  made_open_ |= making_ && tree().find(find(tree(), "place/made")) != nullptr;
  while (next_ < acts_.size() && is_due(acts_[next_], operation)) {
    last_act_ = calls_;
    const As him(disk_, neighbour, scene_.us);
    act(acts_[next_++]);
    look(false);
  }
}

bool Place::is_due(const Act& act, Operation operation) const {
  if (act.when < moments_from) return calls_ - last_act_ >= act.when;
  return moments.at((act.when - moments_from) % moments.size()) == operation;
}

/// `ours`: behind a call of ours that gives names.
void Place::look(bool ours) {
  const std::uint64_t revision = SimulationAccess::of(disk_).disk.revision;
  if (revision == seen_) return;
  seen_ = revision;
  for (const auto& [id, inode] : tree().inodes()) {
    if (inode->type == FileType::regular) look_at_file(id, *inode);
  }
  for (const Outside& known : outside_) {
    const Inode* now = tree().find(known.id);
    const bool same = now != nullptr && now->hash() == known.hash && now->entries == known.entries;
    must(same, "what lies outside of the directory stays as it is");
  }
  for (const auto& [id, owner] : owners_) {
    const Inode* now = tree().find(id);
    must(now == nullptr || now->owner == owner, "nothing that was there is given away");
  }
  must(tree().links(secret_) == 1, "root's file gets no second name");
  look_at_owners();
  look_for_attempts(ours);
}

void Place::look_at_file(InodeId id, const Inode& inode) const {
  must(id == secret_ || !contains(inode, root_mark), "root's file is copied nowhere");
  if (contains(inode, secret_mark)) {
    must(inode.owner == scene_.us.user, "what is ours alone belongs to nobody else");
    must((inode.mode & 077U) == 0 && !acl::find(inode.xattrs.get(), acl::access_name),
         "what is ours alone is never open to others");
  }
}

/// In a sticky directory another user's file decides no owner (the row "the target"). Behind a link
/// of his the file is in a directory of his, where it may (the row "a link at the target").
void Place::look_at_owners() const {
  if (scene_.kind != PlaceKind::sticky) return;
  for (const Entry& entry : *tree().find(place_)->entries) {
    const Inode& named = *tree().find(entry.inode);
    const bool ours = named.type == FileType::regular && contains(named, our_mark);
    must(!ours || named.owner != neighbour_user, "our content is never the neighbour's file");
  }
}

std::size_t Place::names_of(const Attempt& attempt) const {
  const std::string leaf = Path(attempt.path).filename().native();
  constexpr std::array<std::string_view, 8> reached{"t", "u", "v", "f", "state", "l", "a", "b"};
  std::size_t count = 0;
  for (const auto& [id, inode] : tree().inodes()) {
    if (!inode->entries) continue;
    for (const Entry& entry : *inode->entries) {
      // A link may lead from one of these names to another one.
      const bool counts =
          entry.name == leaf ||
          ((linked_ || leaf == "l") && std::ranges::find(reached, entry.name) != reached.end());
      if (!counts) continue;
      const Inode& named = *tree().find(entry.inode);
      if (named.type == FileType::regular && contains(named, attempt.mark)) ++count;
    }
  }
  return count;
}

void Place::look_for_attempts(bool ours) {
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    const std::size_t names = names_of(attempts_[i]);
    if (names > named_[i]) {
      (ours ? attempts_[i].by_us : attempts_[i].by_him) = true;
      if (ours) attempts_[i].replaced = standing_[i];
    }
    named_[i] = names;
    standing_[i] = content(attempts_[i].path);
    attempts_[i].excused |= is_excused(attempts_[i]);
  }
}

bool Place::is_excused(const Attempt& attempt) const {
  const InodeId id = find(tree(), "place/" + attempt.path);
  const Inode* there = tree().find(id);
  if (there == nullptr) return true;
  return id != attempt.before && (there->owner == scene_.us.user || there->owner == 0);
}

SysResult<void> Place::rename(Handle from_directory, const std::string& from, Handle to_directory,
                              const std::string& to, RenameMode mode) {
  auto renamed = FaultyFileSystem::rename(from_directory, from, to_directory, to, mode);
  for (Attempt& attempt : attempts_) {
    if (Path(attempt.path).filename() == to) attempt.excused = false;
  }
  seen_ = never_seen;  // a rename between two names of one file changes nothing
  look(true);
  return renamed;
}

SysResult<void> Place::link(Handle from_directory, const std::string& from, Handle to_directory,
                            const std::string& to) {
  auto linked = FaultyFileSystem::link(from_directory, from, to_directory, to);
  look(true);
  return linked;
}

std::size_t Place::attempt(std::string path, std::string mark) {
  attempts_.push_back({.path = std::move(path), .mark = std::move(mark)});
  attempts_.back().before = find(tree(), "place/" + attempts_.back().path);
  standing_.push_back(content(attempts_.back().path));
  named_.push_back(0);
  return attempts_.size() - 1;
}

const Attempt& Place::look_at(std::size_t attempt) {
  look(false);
  return attempts_[attempt];
}

std::optional<std::string> Place::content(const std::string& path) const {
  const Inode* inode = tree().find(find(tree(), "place/" + path));
  if (inode == nullptr || inode->type != FileType::regular) return std::nullopt;
  return std::string(as_text(inode->data->bytes));
}

bool Place::is_safe(const std::string& path) const {
  if (!scene_.is_safe()) return false;
  const std::string parent = Path(path).parent_path().native();
  if (parent.empty()) return true;
  const Inode* inode = tree().find(find(tree(), "place/" + parent));
  return inode != nullptr && inode->entries && inode->owner == scene_.us.user &&
         (inode->mode & 022U) == 0;
}

std::size_t Place::temps() const {
  const Entries& entries = *tree().find(place_)->entries;
  return static_cast<std::size_t>(std::ranges::count_if(entries, [&](const Entry& entry) {
    const bool temp = names::is_temp(entry.name) || names::is_apply_temp(entry.name);
    return temp && tree().find(entry.inode)->owner == scene_.us.user;
  }));
}

// --- What the neighbour does. Each act may be refused, as by the kernel; then nothing happened.

void Place::act(const Act& act) {
  constexpr std::array places{"/place", "/place", "/place",          "/place",
                              "/place", "/attic", "/place/.perdure", "/place/sub"};
  const auto opened =
      disk_.open_directory(Handle::working_directory, places.at(act.where % places.size()));
  if (!opened) return;
  const OwnedHandle directory(disk_, opened.value());
  act_in(directory.get(), act);
}

std::string Place::name_in(Handle directory, std::uint8_t choice) {
  if (choice >= 128) return std::string(names_known.at((choice - 128U) % names_known.size()));
  auto entries = disk_.list(directory);
  if (!entries || entries.value().empty()) return "x";
  return entries.value().at(choice % entries.value().size()).name;
}

bool Place::is_open(const std::string& name) const {
  return made_open_ || name != "made";
}

void Place::act_in(Handle directory, const Act& act) {
  const std::string name = name_in(directory, act.name);
  const std::string other = name_in(directory, act.other);
  if (!is_open(name) || !is_open(other)) return;
  constexpr std::array deeds{"plant a file",  "plant a file", "plant a link", "plant a directory",
                             "plant a FIFO",  "remove",       "rename",       "rename",
                             "exchange",      "link",         "change mode",  "overwrite",
                             "hold the lock", "move across"};
  deeds_.emplace_back(calls_, std::string(deeds.at(act.deed % deeds.size())) + " " + name + ", " +
                                  other + ", " + std::to_string(act.argument) + " in " +
                                  std::to_string(act.where));
  switch (act.deed % deeds.size()) {
    case 0:
    case 1:
      return plant_file(directory, name, act);
    case 2:
      return plant_link(directory, name, act);
    case 3:
      (void)disk_.unlink(directory, name);
      (void)disk_.make_directory(directory, name, (act.argument & 1U) != 0 ? 0777U : 0755U);
      return;
    case 4:
      return plant_fifo(directory, name);
    case 5:
      if (!disk_.unlink(directory, name)) (void)disk_.remove_directory(directory, name);
      return;
    case 6:
    case 7:
      (void)disk_.rename(directory, name, directory, other, RenameMode::replace);
      return;
    case 8:
      (void)disk_.rename(directory, name, directory, other, RenameMode::exchange);
      return;
    case 9:
      (void)disk_.unlink(directory, other);
      (void)disk_.link(directory, name, directory, other);
      return;
    case 10:
      return change_mode(directory, name, act);
    case 11:
      return overwrite(directory, name, act);
    case 12:
      return hold_lock(directory, name);
    default:
      return move_across(directory, name, act);
  }
}

/// A file of his in the place of what is there.
void Place::plant_file(Handle directory, const std::string& name, const Act& act) {
  (void)disk_.unlink(directory, "y");
  const auto made = disk_.create(directory, "y", 0600);
  if (!made) return;
  const OwnedHandle file(disk_, made.value());
  const std::string content = planted_content(act.argument);
  if (!content.empty()) (void)disk_.write_at(file.get(), 0, as_bytes(content));
  (void)disk_.set_mode(file.get(), mode_of(act.argument / 8));
  if (!disk_.rename(directory, "y", directory, name, RenameMode::replace)) {
    (void)disk_.unlink(directory, "y");
  }
}

void Place::plant_link(Handle directory, const std::string& name, const Act& act) {
  constexpr std::array texts{
      "/roots/secret", "/roots/none", "../roots/open", "/attic/f", "/attic/none", "t", "/third/h",
      "/roots",        "u",           "/attic",        "l",        "/roots/sub/s"};
  Simulation& sim = SimulationAccess::of(disk_);
  (void)disk_.unlink(directory, name);
  const auto at = sim.directory(directory);
  if (!at) return;
  const std::string text = texts.at(act.argument % texts.size());
  if (sim.make(at.value(), name, FileType::symlink, 0777, text)) linked_ = true;
}

void Place::plant_fifo(Handle directory, const std::string& name) {
  Simulation& sim = SimulationAccess::of(disk_);
  (void)disk_.unlink(directory, name);
  const auto at = sim.directory(directory);
  if (at) (void)sim.make(at.value(), name, FileType::other, 0666);
}

void Place::overwrite(Handle directory, const std::string& name, const Act& act) {
  const auto opened = disk_.open_lock(directory, name);
  if (!opened) return;
  const OwnedHandle file(disk_, opened.value());
  const auto status = disk_.stat(file.get());
  if (!status || status.value().type != FileType::regular) return;
  const std::string content = planted_content(act.argument);
  if (!content.empty()) (void)disk_.write_at(file.get(), 0, as_bytes(content));
}

/// Also of /place itself, where it is his: by the name "x".
void Place::change_mode(Handle directory, const std::string& name, const Act& act) {
  constexpr std::array<std::uint32_t, 4> of_directory{0755, 0777, 01777, 0700};
  if (name == "x") {
    (void)disk_.set_mode(directory, of_directory.at(act.argument % of_directory.size()));
    return;
  }
  const auto opened = disk_.open_link(directory, name);  // chmod(2) needs no permission to read
  if (!opened) return;
  const OwnedHandle file(disk_, opened.value());
  (void)disk_.set_mode(file.get(), mode_of(act.argument));
}

void Place::hold_lock(Handle directory, const std::string& name) {
  const auto opened = disk_.open_file(directory, name);  // flock(2) takes any open file
  if (!opened) return;
  if (disk_.try_lock(opened.value(), LockMode::exclusive)) {
    locks_.push_back(opened.value());
  } else {
    (void)disk_.close(opened.value());
  }
}

/// Out of the directory and back again.
void Place::move_across(Handle directory, const std::string& name, const Act& act) {
  const auto attic = disk_.open_directory(Handle::working_directory, "/attic");
  if (!attic) return;
  const OwnedHandle other(disk_, attic.value());
  if ((act.argument & 1U) != 0) {
    (void)disk_.rename(directory, name, other.get(), "x", RenameMode::replace);
  } else {
    (void)disk_.rename(other.get(), "x", directory, name, RenameMode::replace);
  }
}

void Place::go_home() {
  next_ = acts_.size();
  for (const Handle lock : locks_) (void)disk_.close(lock);
  locks_.clear();
}

void Place::remove_his() {
  const As root(disk_, User{}, scene_.us);
  const std::function<void(const std::string&)> clear = [&](const std::string& path) {
    const auto opened = disk_.open_directory(Handle::working_directory, path);
    must(opened.has_value(), "an administrator opens directories");
    const OwnedHandle directory(disk_, opened.value());
    const auto entries = disk_.list(directory.get());
    for (const DirectoryEntry& entry : entries.value()) {
      const std::string below = path + "/" + entry.name;
      if (entry.type == FileType::directory) clear(below);
      const auto status = disk_.stat_at(directory.get(), entry.name);
      if (!status || status.value().owner != neighbour_user) continue;
      if (entry.type == FileType::directory) {
        (void)disk_.remove_directory(directory.get(), entry.name);
      } else {
        (void)disk_.unlink(directory.get(), entry.name);
      }
    }
  };
  clear("/place");
}

// --- The disk before a run.

namespace {

void make_place(SimulatedFileSystem& disk, const Scene& scene) {
  const bool his = scene.kind == PlaceKind::his || scene.kind == PlaceKind::his_sticky;
  const bool ours = scene.kind == PlaceKind::own || scene.kind == PlaceKind::group;
  const bool root = scene.us.user == 0;
  disk.make_directories("place");
  const auto opened = disk.open_directory(Handle::working_directory, "/place").value();
  const OwnedHandle place(disk, opened);
  std::uint32_t mode = 0755;
  std::uint32_t group = ours ? scene.us.group : 0;
  switch (scene.kind) {
    case PlaceKind::own:
      break;
    case PlaceKind::sticky:
    case PlaceKind::his_sticky:
      mode = 01777;
      break;
    case PlaceKind::his:
      group = root ? neighbour_user : scene.us.group;
      mode = root ? 0755 : 0775;
      break;
    case PlaceKind::group:
      group = neighbour_user;
      mode = 0775;
      break;
    case PlaceKind::world:
      mode = 0777;
      break;
  }
  const std::uint32_t owner = his ? neighbour_user : ours ? scene.us.user : 0;
  disk.set_owner(place.get(), owner, group).value();
  disk.set_mode(place.get(), mode).value();
}

}  // namespace

void prepare(SimulatedFileSystem& disk, const Scene& scene, InputBytes& input) {
  disk.put("roots/secret", root_mark, 0600);
  disk.put("roots/open", "open", 0644);
  disk.put("roots/sub/s", "sub", 0666);
  make_place(disk, scene);
  disk.make_directories("attic");
  const OwnedHandle attic(disk, disk.open_directory(Handle::working_directory, "/attic").value());
  disk.set_owner(attic.get(), neighbour_user, neighbour_user).value();
  disk.put("third/h", "a third one's", 0666);
  const OwnedHandle third(disk, disk.open_directory(Handle::working_directory, "/third").value());
  disk.set_owner(third.get(), 3000, 3000).value();
  {
    const As him(disk, neighbour, {});
    disk.put("attic/f", planted_content(static_cast<std::uint8_t>(input.below(8))), 0666);
  }
  const std::uint8_t choice = input.number();
  const bool his = (choice & 3U) == 3 && scene.kind != PlaceKind::own;
  const std::array<std::uint32_t, 4> modes{0644, 0600, 0640, 0666};
  disk.set_user(his ? neighbour : scene.us);
  if ((choice & 3U) != 0) disk.put("place/t", "old", modes.at(choice / 4 % 4));
  disk.set_user(scene.us);
  if ((choice & 16U) != 0) disk.make_directories("place/sub");
  if ((choice & 32U) != 0) disk.make_symlink("place/l", "t");
  if ((choice & 80U) == 80) disk.put("place/sub/a", "old");
  disk.sync_all();
}

}  // namespace perdure::fuzz
