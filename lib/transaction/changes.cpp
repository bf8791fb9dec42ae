// SPDX-License-Identifier: BSL-1.0
#include "transaction/changes.hpp"

#include <algorithm>
#include <set>

#include "base/missing.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/temp.hpp"
#include "transaction/trial.hpp"

namespace perdure {
namespace {

constexpr std::string_view stage_step = "stage the new content";
constexpr std::string_view check_step = "check the transaction";

/// Staged files are settled so many at a time: their writeback overlaps, and the first sync's
/// journal commit serves the others.
constexpr std::size_t unsettled_max = 64;

/// Small writes gather, large ones go straight to the temp.
class TempSink final : public Sink {
 public:
  explicit TempSink(Commit& commit) : commit_(commit) {}
  Result<void> write(Bytes bytes) override {
    constexpr std::size_t gather_size = std::size_t{64} << 10U;
    if (gathered_.size() + bytes.size() < gather_size) {
      gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
      return success();
    }
    BOOST_OUTCOME_TRY(flush());
    return append_to_temp(commit_, bytes);
  }
  Result<void> flush() {
    BOOST_OUTCOME_TRY(append_to_temp(commit_, gathered_));
    gathered_.clear();
    return success();
  }

 private:
  Commit& commit_;
  Buffer gathered_;
};

/// A directory on the way to the path that can't be opened.
Error closed_way(const TransactionRoot& root, const std::string& path, std::error_code cause) {
  Error error = root.failure(check_step, path, cause);
  if (cause == std::errc::cross_device_link) {
    error.detail = "something is mounted on the way; make a root of what is mounted there";
  }
  return error;
}

}  // namespace

struct Staging::Inherited {
  Status status;
  std::map<std::string, Buffer> xattrs;
  bool known = false;  ///< False where the file system has no files without a name.
};

Result<std::optional<Status>> Staging::stat(const std::string& path) {
  const auto found = directories_.stat(path);
  if (!found) return closed_way(root_, path, found.error());
  return found.value();
}

Result<void> Staging::put(const std::string& path,
                          const std::function<Result<void>(Sink&)>& source) {
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop(path));
  Wish wish;
  BOOST_OUTCOME_TRY(stage(wish, path, source));
  wishes_[path] = wish;
  broken_ = false;
  return success();
}

Result<void> Staging::stage(Wish& wish, const std::string& path,
                            const std::function<Result<void>(Sink&)>& source) {
  WriteOptions options;
  options.metadata = root_.options.metadata;
  Commit commit(root_.files, root_.random, options);
  commit.path = (root_.path / path).native();
  BOOST_OUTCOME_TRY(commit.existing, stat(path));
  if (commit.existing) {
    const auto directory = directories_.open(parent_of(path));
    if (!directory) return root_.failure(stage_step, path, directory.error());
    commit.directory = directory.value();
    commit.leaf = leaf_of(path);
    wish.metadata_of = commit.existing->version;
    BOOST_OUTCOME_TRY(read_xattrs(commit));
  }
  wish.staged = next_++;
  const auto made = root_.files.create(root_.private_directory.get(),
                                       names::staged_of(id_, wish.staged), temp_mode(commit));
  if (!made) return root_.failure(stage_step, path, made.error());
  commit.temp = OwnedHandle(root_.files, made.value());
  TempSink sink(commit);
  BOOST_OUTCOME_TRY(source(sink));
  BOOST_OUTCOME_TRY(sink.flush());
  const auto status = root_.files.stat(commit.temp.get());
  if (!status) return root_.failure(stage_step, path, status.error());
  BOOST_OUTCOME_TRY(dress(commit, path, status.value()));
  wish.identity = identity_of(status.value().version);
  wish.size = status.value().version.size;
  bytes_ += wish.size;
  (void)root_.files.start_writeback(commit.temp.get());  // a hint: the sync has the last word
  unsettled_.push_back(std::move(commit.temp));
  return unsettled_.size() < unsettled_max ? success() : settle_staged();
}

Result<void> Staging::dress(Commit& commit, const std::string& path,
                            const std::optional<Status>& temp) {
  const bool like_target = commit.existing && commit.existing->type == FileType::regular;
  if (like_target || !root_.options.metadata.preserved) return apply_metadata(commit, temp);
  BOOST_OUTCOME_TRY(const Inherited* const from, inherited(parent_of(path)));
  if (from == nullptr || !from->known) return success();
  MetadataSource source{
      .status = from->status,
      .xattrs = {},
      .value = [from](const auto& xattr) { return SysResult<Buffer>(from->xattrs.at(xattr)); },
      .temp = temp};
  for (const auto& [name, value] : from->xattrs) source.xattrs.push_back(name);
  return copy_metadata(commit, source);
}

/// What a new file would inherit from its directory, as the kernel has it: shown by a file that
/// never gets a name. Making one also finds out whether this user may write there at all. Nothing
/// for a directory that does not exist yet.
Result<const Staging::Inherited*> Staging::inherited(const std::string& parent) {
  if (const auto found = inherited_.find(parent); found != inherited_.end()) {
    return found->second.get();
  }
  const auto directory = directories_.open(parent);
  if (!directory && is_missing(directory.error())) return nullptr;
  if (!directory) return root_.failure(check_step, parent, directory.error());
  auto shown = std::make_shared<Inherited>();
  FileSystem& files = root_.files;
  const auto made = files.create_unnamed(directory.value(), root_.options.metadata.mode & 0777U);
  if (made) {
    const OwnedHandle file(files, made.value());
    const auto status = files.stat(file.get());
    if (!status) return root_.failure(check_step, parent, status.error());
    const auto names = files.list_xattrs(file.get());
    if (!names) return root_.failure(check_step, parent, names.error());
    for (const auto& name : names.value()) {
      auto value = files.get_xattr(file.get(), name);
      if (!value) return root_.failure(check_step, parent, value.error());
      shown->xattrs.emplace(name, std::move(value.value()));
    }
    shown->status = status.value();
    shown->known = true;
  } else if (made.error() != std::errc::operation_not_supported) {
    return root_.failure(check_step, parent, made.error());
  }
  return (inherited_[parent] = std::move(shown)).get();
}

/// Makes them durable; with `fast`, certain to be on the disk before the journal is; with `whole`
/// that is left to the sync of everything.
Result<void> Staging::settle_staged() {
  for (auto& file : unsettled_) {
    SysResult<void> settled = success();
    if (root_.protocol == Protocol::portable) settled = root_.files.sync_file(file.get());
    if (root_.protocol == Protocol::fast) settled = root_.files.await_writeback(file.get());
    if (!settled) return root_.failure("settle the staged files", "", settled.error());
    file.reset();
  }
  unsettled_.clear();
  return success();
}

/// Forgets what was wished for the path so far, its staged file included.
Result<void> Staging::drop(const std::string& path) {
  const auto found = wishes_.find(path);
  if (found == wishes_.end()) return success();
  const Wish wish = found->second;
  wishes_.erase(found);
  if (wish.action != JournalAction::put) return success();
  if (!wish.moved) bytes_ -= wish.size;
  const auto removed =
      root_.files.unlink(root_.private_directory.get(), names::staged_of(id_, wish.staged));
  if (!removed) return root_.failure(stage_step, path, removed.error());
  return success();
}

Result<void> Staging::remove(const std::string& path) {
  constexpr std::string_view step = "remove the file";
  const auto wish = wishes_.find(path);
  const bool put = wish != wishes_.end() && wish->second.action == JournalAction::put;
  if (wish != wishes_.end() && !put) {
    return root_.failure(step, path, ErrorKind::invalid_argument,
                         "this transaction removes it already, or makes a directory of it");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (!found && !put) {
    return root_.failure(step, path, missing_cause());
  }
  if (found && found->type == FileType::directory) {
    return root_.failure(step, path, ErrorKind::not_regular, "it is a directory");
  }
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop(path));
  if (found) wishes_[path] = Wish{.action = JournalAction::remove};
  broken_ = false;
  return success();
}

Result<void> Staging::make_directory(const std::string& path) {
  constexpr std::string_view step = "make the directory";
  if (const auto wish = wishes_.find(path); wish != wishes_.end()) {
    if (wish->second.action == JournalAction::make_directory) return success();
    return root_.failure(step, path, ErrorKind::invalid_argument,
                         "this transaction makes a file of it, or removes it");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (found && found->type == FileType::directory) return success();
  if (found) return root_.failure(step, path, ErrorKind::exists, "there is a file of that name");
  wishes_[path] = Wish{.action = JournalAction::make_directory};
  return success();
}

Result<void> Staging::move(const std::string& from, const std::string& to) {
  constexpr std::string_view step = "move the file";
  if (from == to) {
    return root_.failure(step, from, ErrorKind::invalid_argument, "it has that name already");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(from));
  if (const auto own = wishes_.find(from); own != wishes_.end()) {
    if (own->second.action != JournalAction::put) {
      return root_.failure(step, from, ErrorKind::invalid_argument,
                           "this transaction removes it, or makes a directory of it");
    }
    const Wish wish = own->second;
    broken_ = true;
    BOOST_OUTCOME_TRY(drop(to));
    wishes_.erase(from);
    if (found) wishes_[from] = Wish{.action = JournalAction::remove};
    wishes_[to] = wish;
    broken_ = false;
    return success();
  }
  if (!found) {
    return root_.failure(step, from, missing_cause());
  }
  if (found->type != FileType::regular) {
    return root_.failure(step, from, ErrorKind::not_regular, "only files can be moved");
  }
  const auto directory = directories_.open(parent_of(from));
  if (!directory) return root_.failure(step, from, directory.error());
  broken_ = true;
  BOOST_OUTCOME_TRY(drop(to));
  Wish wish{.staged = next_++, .moved = true};
  const std::string name = names::staged_of(id_, wish.staged);
  const auto linked =
      root_.files.link(directory.value(), leaf_of(from), root_.private_directory.get(), name);
  if (!linked) return root_.failure(step, from, linked.error());
  const auto opened = root_.files.open_file(root_.private_directory.get(), name);
  if (!opened) return root_.failure(step, from, opened.error());
  OwnedHandle file(root_.files, opened.value());
  const auto status = root_.files.stat(file.get());
  if (!status) return root_.failure(step, from, status.error());
  wish.identity = identity_of(status.value().version);
  unsettled_.push_back(std::move(file));
  wishes_[to] = wish;
  wishes_[from] = Wish{.action = JournalAction::remove};
  if (unsettled_.size() >= unsettled_max) {
    BOOST_OUTCOME_TRY(settle_staged());
  }
  broken_ = false;
  return success();
}

Result<Buffer> Staging::read(const std::string& path) {
  constexpr std::string_view step = "read the file";
  const WriteOptions options;
  Commit look(root_.files, root_.random, options);
  look.path = (root_.path / path).native();
  std::string leaf = leaf_of(path);
  if (const auto wish = wishes_.find(path); wish != wishes_.end()) {
    if (wish->second.action != JournalAction::put) {
      return root_.failure(step, path, missing_cause());
    }
    look.directory = root_.private_directory.get();
    leaf = names::staged_of(id_, wish->second.staged);
  } else {
    const auto directory = directories_.open(parent_of(path));
    if (!directory) return root_.failure(step, path, directory.error());
    look.directory = directory.value();
  }
  BOOST_OUTCOME_TRY(auto content, read_steady(look, leaf, UINT64_MAX, {}));
  return std::move(content.bytes);
}

/// What there is no memory to name stays; the next recovery discards it.
void Staging::discard() noexcept try {
  unsettled_.clear();
  if (kept_) return;
  for (std::uint64_t number = 0; number < next_; ++number) {
    (void)root_.files.unlink(root_.private_directory.get(), names::staged_of(id_, number));
  }
} catch (...) {  // NOLINT(bugprone-empty-catch)
}

Result<Journal> Staging::seal() {
  Journal journal{.id = id_, .entries = {}};
  journal.directories.push_back({"", identity_of(root_.status.version)});
  std::set<std::uint64_t> moved;
  for (auto& [path, wish] : wishes_) {  // a directory comes before what is in it
    BOOST_OUTCOME_TRY(check_parent(path));
    BOOST_OUTCOME_TRY(auto entry, check(path, wish));
    journal.entries.push_back(std::move(entry));
    if (wish.moved) moved.insert(wish.staged);
  }
  for (const auto& [path, status] : parents_) {
    if (!path.empty()) journal.directories.push_back({path, identity_of(status.version)});
  }
  BOOST_OUTCOME_TRY(check_aliases());
  BOOST_OUTCOME_TRY(try_out(root_, journal, moved, directories_));
  BOOST_OUTCOME_TRY(settle_staged());
  // With `fast` the journal of the file system has these names before it has the journal's.
  if (root_.protocol == Protocol::portable) {
    BOOST_OUTCOME_TRY(sync_names());
  }
  if (root_.protocol == Protocol::whole) {
    BOOST_OUTCOME_TRY(sync_root(root_, "settle the staged files"));
  }
  return journal;
}

/// The names that are there, and those that are gone, must be so after a power cut, too: recovery
/// would take what an unsynced rename or removal of somebody else brings back for a later change,
/// and leave it alone. And the staged files must still be found.
Result<void> Staging::sync_names() {
  for (const auto& [path, status] : parents_) {
    const auto directory = directories_.open(path);
    if (!directory) return root_.failure(check_step, path, directory.error());
    const auto synced = root_.files.sync_directory(directory.value());
    if (!synced) return root_.failure("sync the names that are there", path, synced.error());
  }
  if (next_ == 0) return success();
  const auto named = root_.files.sync_directory(root_.private_directory.get());
  if (!named) return root_.failure("sync the staged files' names", "", named.error());
  return success();
}

/// A directory on the way to the path that is there: on the root's device (else a hard link can't
/// reach it), no root of its own, and not the private one under whatever name. "" is the root.
Result<Status> Staging::check_way(const std::string& directory, const std::string& path) {
  if (const auto seen = ways_.find(directory); seen != ways_.end()) return seen->second;
  const auto opened = directories_.open(directory);
  if (!opened) return closed_way(root_, path, opened.error());
  const auto status = root_.files.stat(opened.value());
  if (!status) return root_.failure(check_step, path, status.error());
  const Version& version = status.value().version;
  if (version.device != root_.status.version.device) {
    return root_.failure(check_step, path, ErrorKind::unsupported,
                         "it is on another file system (or subvolume) than the root");
  }
  if (version.same_file(root_.private_status.version)) {
    return root_.failure(check_step, path, ErrorKind::invalid_argument,
                         "'" + directory + "' is the root's private directory");
  }
  if (!directory.empty()) {
    const auto marker = root_.files.stat_at(opened.value(), std::string(names::root_marker));
    if (marker) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + directory + "' is a root of its own; commit there");
    }
    if (!is_missing(marker.error())) return root_.failure(check_step, path, marker.error());
  }
  ways_.emplace(directory, status.value());
  return status.value();
}

/// The directories on the way to the path: there, or made by this transaction; and the one that it
/// lies in writable.
Result<void> Staging::check_parent(const std::string& path) {
  const std::string parent = parent_of(path);
  bool made = false;
  for (std::string above = parent; !above.empty(); above = parent_of(above)) {
    const auto wish = wishes_.find(above);
    if (wish == wishes_.end()) continue;
    if (wish->second.action != JournalAction::make_directory) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + above + "' is a file in this transaction");
    }
    made = true;  // what is above it was looked at when it was checked itself
  }
  if (made || parents_.contains(parent)) return success();
  for (std::string above = parent_of(parent); !above.empty(); above = parent_of(above)) {
    BOOST_OUTCOME_TRY(check_way(above, path));
  }
  BOOST_OUTCOME_TRY(const Status status, check_way(parent, path));
  BOOST_OUTCOME_TRY(inherited(parent));
  parents_.emplace(parent, status);
  directories_.expect(parent, identity_of(status.version));
  return success();
}

Result<JournalEntry> Staging::check(const std::string& path, Wish& wish) {
  JournalEntry entry;
  entry.action = wish.action;
  entry.path = path;
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (found) {
    BOOST_OUTCOME_TRY(check_found(path, wish, *found));
    entry.before = before_of(found->version);
  }
  if (!found && wish.action == JournalAction::remove) {
    return root_.failure(check_step, path, ErrorKind::conflict,
                         "somebody else removed it meanwhile");
  }
  const auto parent = parents_.find(parent_of(path));
  if (wish.action != JournalAction::make_directory && parent != parents_.end() &&
      parent->second.immutable) {
    Error error =
        root_.failure(check_step, path, std::make_error_code(std::errc::operation_not_permitted));
    error.detail = "its directory is marked immutable or append-only";
    return error;
  }
  if (wish.action == JournalAction::make_directory) entry.mode = 0777;
  if (wish.action != JournalAction::put) return entry;
  if (found && !wish.moved && found->version != wish.metadata_of) {
    BOOST_OUTCOME_TRY(dress_again(wish, path, *found));
  }
  entry.staged = wish.staged;
  entry.staged_identity = wish.identity;
  auto temp = names::make_apply_temp(leaf_of(path), root_.random);
  if (!temp) return root_.failure(check_step, path, temp.error());
  entry.apply_temp = std::move(temp.value());
  return entry;
}

Result<void> Staging::check_found(const std::string& path, const Wish& wish, const Status& found) {
  const auto parent = parents_.find(parent_of(path));
  if (wish.action == JournalAction::make_directory || parent == parents_.end()) {
    return root_.failure(check_step, path, ErrorKind::conflict, "somebody else made it meanwhile");
  }
  const Status& directory = parent->second;
  const bool file = found.type == FileType::regular ||
                    (found.type == FileType::symlink && wish.action == JournalAction::remove);
  if (found.type == FileType::symlink && !file) {
    return root_.failure(check_step, path, ErrorKind::symlink_refused,
                         "it is a symbolic link; remove it, or name what it points at");
  }
  if (!file) {
    return root_.failure(check_step, path, ErrorKind::not_regular, "it is no regular file");
  }
  if (found.mount_point) {
    return root_.failure(check_step, path, ErrorKind::mount_point,
                         "it is a mount point, which can't be replaced");
  }
  if (found.immutable) {
    return root_.failure(check_step, path,
                         std::make_error_code(std::errc::operation_not_permitted));
  }
  constexpr std::uint32_t sticky = 01000;
  if ((directory.mode & sticky) == 0) return success();
  const std::uint32_t user = root_.files.user();
  if (user == 0 || user == found.owner || user == directory.owner) return success();
  return root_.failure(check_step, path, std::make_error_code(std::errc::operation_not_permitted));
}

/// The target changed since its metadata was copied: once more, and synced once more.
Result<void> Staging::dress_again(Wish& wish, const std::string& path, const Status& found) {
  WriteOptions options;
  options.metadata = root_.options.metadata;
  Commit commit(root_.files, root_.random, options);
  commit.path = (root_.path / path).native();
  commit.existing = found;
  commit.leaf = leaf_of(path);
  const auto directory = directories_.open(parent_of(path));
  if (!directory) return root_.failure(check_step, path, directory.error());
  commit.directory = directory.value();
  const auto opened =
      root_.files.open_file(root_.private_directory.get(), names::staged_of(id_, wish.staged));
  if (!opened) return root_.failure(check_step, path, opened.error());
  commit.temp = OwnedHandle(root_.files, opened.value());
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  BOOST_OUTCOME_TRY(dress(commit, path, {}));
  wish.metadata_of = found.version;
  unsettled_.push_back(std::move(commit.temp));
  return success();
}

/// Two names that a case-insensitive directory takes for one. Whether it is one is tried out, with
/// a temp, only where names collide.
Result<void> Staging::check_aliases() {
  std::map<std::string, std::string> seen;
  for (const auto& [path, wish] : wishes_) {
    const auto [other, fresh] = seen.emplace(names::folded(path), path);
    if (fresh) continue;
    const auto directory = directories_.open(parent_of(path));
    if (!directory) continue;  // made by this transaction, in a parent that was checked
    const auto name = names::make_temp("case", root_.random);
    if (!name) return root_.failure(check_step, path, name.error());
    const auto made = root_.files.create(directory.value(), name.value(), 0600);
    if (!made) return root_.failure(check_step, path, made.error());
    const OwnedHandle file(root_.files, made.value());
    std::string shouted = name.value();
    std::transform(shouted.begin(), shouted.end(), shouted.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const bool insensitive = root_.files.stat_at(directory.value(), shouted).has_value();
    const auto removed = root_.files.unlink(directory.value(), name.value());
    if (!removed) return root_.failure(check_step, path, removed.error());
    if (insensitive) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + other->second +
                               "' is the same file here: the directory does not "
                               "tell upper from lower case");
    }
  }
  return success();
}

}  // namespace perdure
