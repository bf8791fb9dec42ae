// SPDX-License-Identifier: BSL-1.0
// Opens directories, and makes missing parents durable.
#include "engine/directory.hpp"

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/trust.hpp"

namespace perdure {
namespace {

namespace fs = boost::filesystem;

constexpr std::string_view open_step = "open the directory";
constexpr std::string_view sync_step = "sync the directory's name";

/// Syncs the name of a directory that was there.
Result<void> sync_found(FileSystem& files, Handle directory, const std::string& path) {
  const auto status = files.stat(directory);
  if (!status) return make_error(open_step, path, status.error());
  if (status.value().mount_point) return success();  // a mount needs no durable name
  const auto opened = files.open_directory(directory, "..");
  if (!opened) {
    // To make a directory, perdure opens its parent. A user who can't open the parent has not made
    // this one.
    if (opened.error() == std::errc::permission_denied) return success();
    return make_error("open the directory above", path, opened.error());
  }
  const OwnedHandle above(files, opened.value());
  const auto synced = sync_entries(files, above.get());
  if (synced) return success();
  Error error = make_error(sync_step, path, synced.error());
  explain_directory_sync(error);
  return error;
}

/// Makes the directory in `above` and syncs its name.
Result<void> make(FileSystem& files, Handle above, const std::string& leaf, const std::string& path,
                  Parents parents) {
  if (names::is_own(leaf)) {
    Error error = make_error("make the directory", path, {});
    error.kind = ErrorKind::invalid_argument;
    error.detail = "the library gives such names to its own files; choose another";
    return error;
  }
  const auto made = files.make_directory(above, leaf, 0777);
  // Someone else may be making it at this moment: then its name may not be durable yet either.
  if (!made && made.error() != std::errc::file_exists) {
    return make_error("make the directory", path, made.error());
  }
  const auto synced = sync_entries(files, above);
  if (synced) return success();
  Error error = make_error(sync_step, path, synced.error());
  explain_directory_sync(error);
  // The file system can't sync directories, so no commit into this one will be called durable.
  if (parents == Parents::made && error.kind == ErrorKind::unsupported) return success();
  if (made && !files.remove_directory(above, leaf)) {
    error.detail += error.detail.empty() ? "" : "; ";
    error.detail += "it was made, could not be removed again, and may be lost in a power cut";
  }
  return error;
}

/// Opens a directory that was missing a moment ago. Others who may write to its parent may have put
/// something in its place since. That may be a link, which is not followed here, or a directory of
/// theirs.
Result<OwnedHandle> open_made(FileSystem& files, Handle above, const std::string& leaf,
                              const std::string& path) {
  const auto opened = files.open_beneath(above, leaf);
  if (!opened) return make_error(open_step, path, opened.error());
  OwnedHandle made(files, opened.value());
  const auto status = files.stat(made.get());
  if (!status) return make_error(open_step, path, status.error());
  const std::uint32_t owner = status.value().owner;
  if (is_user_or_root(files, owner)) return made;
  const auto parent = files.stat(above);
  if (!parent) return make_error(open_step, path, parent.error());
  // its owner may do as he likes there
  if (is_same_user(files, owner, parent.value().owner)) return made;
  Error error = make_error(open_step, path, {});
  error.kind = ErrorKind::untrusted;
  error.detail = "user " + std::to_string(owner) +
                 " has put a directory there just now; choose one above that only you can write to";
  return error;
}

}  // namespace

Parents parents_for(const WriteOptions& options) {
  if (!options.make_parents) return Parents::required;
  return options.durability == Durability::durable ? Parents::durable : Parents::made;
}

Result<OwnedHandle> open_directory(FileSystem& files, const fs::path& path, Parents parents) {
  const std::string name = path.empty() ? "." : path.native();
  if (name.find('\0') != std::string::npos) {  // the system would see another path
    Error error = make_error(open_step, name, {});
    error.kind = ErrorKind::invalid_argument;
    error.detail = "the path has a zero byte";
    return error;
  }
  if (const auto found = files.open_directory(Handle::working_directory, name); found) {
    OwnedHandle directory(files, found.value());
    if (parents == Parents::durable) {
      BOOST_OUTCOME_TRY(sync_found(files, directory.get(), name));
    }
    return directory;
  } else if (!is_missing(found.error()) || parents == Parents::required) {
    return make_error(open_step, name, found.error());
  }
  fs::path leaf = path.filename();
  fs::path parent = path.parent_path();
  if (leaf == ".") {  // boost's leaf of "a/b/"
    leaf = parent.filename();
    parent = parent.parent_path();
  }
  if (leaf.empty() || leaf == "..") {
    return make_error(open_step, name, missing_cause());
  }
  BOOST_OUTCOME_TRY(const OwnedHandle above, open_directory(files, parent, parents));
  BOOST_OUTCOME_TRY(make(files, above.get(), leaf.native(), name, parents));
  return open_made(files, above.get(), leaf.native(), name);
}

Result<OwnedHandle> open_named_directory(FileSystem& files, const fs::path& path) {
  if (!path.empty()) return open_directory(files, path);
  Error error = make_error(open_step, {}, {});
  error.kind = ErrorKind::invalid_argument;
  error.detail = "the name of the directory is empty; name it, '.' for the working directory";
  return error;
}

void explain_directory_sync(Error& error) {
  if (error.cause != std::errc::invalid_argument) return;
  error.kind = ErrorKind::unsupported;
  error.detail =
      "this file system can't sync a directory; a commit with the durability 'ordered' "
      "(--durability ordered) does without";
}

SysResult<void> as_asked(SysResult<void> synced, Durability durability) {
  if (synced || durability == Durability::durable) return synced;
  return synced.error() == std::errc::invalid_argument ? SysResult<void>(success()) : synced;
}

Result<void> SyncMemory::check(const Target& target) const {
  if (!refused_) return success();
  Error error =
      target.failure("sync the directory", std::make_error_code(std::errc::invalid_argument));
  explain_directory_sync(error);
  return error;
}

bool SyncMemory::learn(const Error& failed) noexcept {
  const bool this_one = failed.kind == ErrorKind::unsupported && failed.fate == Fate::visible &&
                        failed.cause == std::errc::invalid_argument;
  if (this_one) refused_ = true;
  return this_one;
}

Result<void> check_names_go(const Status& directory, const std::string& path) {
  if (!directory.immutable) return success();
  return make_error(open_step, path, std::make_error_code(std::errc::operation_not_permitted),
                    "it is marked append-only or immutable, so that no name in it can be replaced; "
                    "take the mark away (chattr -a -i), or choose another directory");
}

Result<Status> check_names_go(FileSystem& files, Handle directory, const std::string& path) {
  const auto status = files.stat(directory);
  if (!status) return make_error(open_step, path, status.error());
  BOOST_OUTCOME_TRY(check_names_go(status.value(), path));
  return status.value();
}

}  // namespace perdure
