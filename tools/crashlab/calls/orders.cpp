// SPDX-License-Identifier: BSL-1.0
// The orders of calls that protocols are made of.
#include "calls/script.hpp"
#include "calls/steps.hpp"

namespace crashlab::calls {
namespace {

using perdure::FileSystem;
using perdure::Handle;
using perdure::OwnedHandle;

constexpr std::size_t half = size / 2;
constexpr std::size_t two_blocks = 8192;

// --- A file is replaced.

enum class Before : std::uint8_t { nothing, await, sync };
enum class After : std::uint8_t { nothing, file, parent, both };

template <Before before, After after, std::size_t count = size>
void replace(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle temp = steps.create("temp");
  steps.write(temp, fresh, 0, count);
  if (before == Before::await) steps.await(temp);
  if (before == Before::sync) steps.sync(temp);
  note();
  steps.rename("temp", "file");
  note();
  if (after == After::file || after == After::both) steps.sync(temp);
  if (after == After::parent || after == After::both) steps.sync_root();
  note();
}

void replace_preallocated(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle temp = steps.create("temp");
  steps.preallocate(temp);
  steps.write(temp, fresh, 0, half);
  note();
  steps.write(temp, fresh, half, size - half);
  steps.rename("temp", "file");
  note();
  steps.sync(temp);
  note();
}

// --- One file after another, and the order in which they are seen.

void two_files(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle first = steps.create("first");
  steps.write(first, fresh);
  const OwnedHandle second = steps.create("second");
  steps.write(second, fresh);
  note();
  steps.sync(second);
  note();
  steps.sync_root();
  note();
}

void two_directories(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle first = steps.create("left/first");
  const OwnedHandle second = steps.create("right/second");
  note();
  steps.sync_directory("right");
  note();
  steps.sync_directory("left");
  note();
}

void across_directories(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  steps.rename("left/file", "right/moved");
  note();
  steps.sync_directory("right");
  note();
  steps.sync_directory("left");
  note();
}

// --- Content of a file that has its name.

void append(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle log = steps.create("log");
  steps.write(log, fresh);
  steps.sync(log);
  steps.sync_root();
  note();
  steps.write(log, later, size);
  note();
  steps.await(log);
  note();
  steps.sync(log);
  note();
}

void overwrite(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle file = steps.create("data");
  steps.write(file, fresh);
  steps.sync(file);
  steps.sync_root();
  note();
  steps.write(file, later);
  note();
  steps.sync(file);
  note();
}

/// One block goes past the page cache. `beside`: and another one is on its way through it.
template <bool beside>
void overwrite_past_cache(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle file = steps.create("data");
  steps.write(file, fresh, 0, two_blocks);
  steps.sync(file);
  steps.sync_root();
  note();
  if (beside) steps.write(file, later, two_blocks / 2, two_blocks / 2);
  steps.write_through("data", later, 0);
  note();
  steps.sync(file);
  note();
}

// --- Names.

void unlink(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  steps.unlink("file");
  note();
  steps.sync_root();
  note();
}

/// A staged file gets its place by a second name, and loses the first, as a transaction does it.
void place(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle staged = steps.create("staged");
  steps.write(staged, fresh);
  steps.sync(staged);
  steps.sync_root();
  note();
  steps.link("staged", "temp");
  steps.rename("temp", "file");
  note();
  steps.unlink("staged");
  note();
  steps.sync_root();
  note();
}

void new_directory(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  steps.make_directory("new");
  const OwnedHandle file = steps.create("new/file");
  steps.write(file, fresh);
  note();
  steps.sync(file);
  note();
  steps.sync_directory("new");
  note();
  steps.sync_root();
  note();
}

}  // namespace

std::vector<Script> orders() {
  return {
      {"rename", replace<Before::nothing, After::nothing>},
      {"rename_sync", replace<Before::nothing, After::file>},
      {"rename_parent", replace<Before::nothing, After::parent>},
      {"await_rename", replace<Before::await, After::nothing>},
      {"await_rename_sync", replace<Before::await, After::file>},
      {"sync_rename", replace<Before::sync, After::nothing>},
      {"sync_rename_parent", replace<Before::sync, After::parent>},
      {"small_rename_sync", replace<Before::nothing, After::file, 100>},
      {"small_rename_parent", replace<Before::nothing, After::parent, 100>},
      {"replace_preallocated", replace_preallocated},
      {"two_files", two_files},
      {"two_directories", two_directories},
      {"across_directories", across_directories},
      {"append", append},
      {"overwrite", overwrite},
      {"overwrite_past_cache", overwrite_past_cache<false>},
      {"overwrite_past_cache_beside", overwrite_past_cache<true>},
      {"unlink", unlink},
      {"place", place},
      {"new_directory", new_directory},
  };
}

}  // namespace crashlab::calls
