// SPDX-License-Identifier: BSL-1.0
// Opens directories, and makes missing parents durable.
#include "engine/directory.hpp"

#include "base/missing.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

namespace fs = boost::filesystem;

constexpr std::string_view open_step = "open the directory";
constexpr std::string_view sync_step = "sync the directory's name";

Error failure(const std::string& path, std::string_view step, std::error_code cause) {
  return {.kind = ErrorKind::system,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = std::string(step),
          .path = path,
          .detail = {}};
}

/// Syncs the name of a directory that was there.
Result<void> sync_found(FileSystem& files, Handle directory, const std::string& path) {
  const auto status = files.stat(directory);
  if (!status) return failure(path, open_step, status.error());
  if (status.value().mount_point) return success();  // it hangs on the mount, not on its name
  const auto opened = files.open_directory(directory, "..");
  if (!opened) {
    // To make a directory, perdure opens the one above: whoever can't has not left this one.
    if (opened.error() == std::errc::permission_denied) return success();
    return failure(path, "open the directory above", opened.error());
  }
  const OwnedHandle above(files, opened.value());
  const auto synced = files.sync_directory(above.get());
  if (synced) return success();
  Error error = failure(path, sync_step, synced.error());
  explain_directory_sync(error);
  return error;
}

/// Makes the directory in `above` and syncs its name.
Result<void> make(FileSystem& files, Handle above, const std::string& leaf, const std::string& path,
                  Parents parents) {
  if (names::is_own(leaf)) {
    Error error = failure(path, "make the directory", {});
    error.kind = ErrorKind::invalid_argument;
    error.detail = "the library gives such names to its own files; choose another";
    return error;
  }
  const auto made = files.make_directory(above, leaf, 0777);
  // Someone else may be making it at this moment: then its name may not be durable yet either.
  if (!made && made.error() != std::errc::file_exists) {
    return failure(path, "make the directory", made.error());
  }
  const auto synced = files.sync_directory(above);
  if (synced) return success();
  Error error = failure(path, sync_step, synced.error());
  explain_directory_sync(error);
  // Where no directory can be synced, no commit into this one will ever be called durable.
  if (parents == Parents::made && error.kind == ErrorKind::unsupported) return success();
  if (made && !files.remove_directory(above, leaf)) {
    error.detail += error.detail.empty() ? "" : "; ";
    error.detail += "it was made, could not be removed again, and may be lost in a power cut";
  }
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
    Error error = failure(name, open_step, {});
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
    return failure(name, open_step, found.error());
  }
  fs::path leaf = path.filename();
  fs::path parent = path.parent_path();
  if (leaf == ".") {  // boost's leaf of "a/b/"
    leaf = parent.filename();
    parent = parent.parent_path();
  }
  if (leaf.empty() || leaf == "..") {
    return failure(name, open_step, missing_cause());
  }
  BOOST_OUTCOME_TRY(const OwnedHandle above, open_directory(files, parent, parents));
  BOOST_OUTCOME_TRY(make(files, above.get(), leaf.native(), name, parents));
  const auto opened = files.open_directory(above.get(), leaf.native());
  if (!opened) return failure(name, open_step, opened.error());
  return OwnedHandle(files, opened.value());
}

void explain_directory_sync(Error& error) {
  if (error.cause != std::errc::invalid_argument) return;
  error.kind = ErrorKind::unsupported;
  error.detail = "this file system can't sync a directory";
}

bool is_open_to_all(const Status& directory) {
  constexpr std::uint32_t sticky_and_open = 01002;
  return (directory.mode & sticky_and_open) == sticky_and_open;
}

bool is_owner_trusted(FileSystem& files, const Status& directory, std::uint32_t owner) {
  return !is_open_to_all(directory) || owner == directory.owner || owner == files.user();
}

}  // namespace perdure
