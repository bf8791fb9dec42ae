// SPDX-License-Identifier: BSL-1.0
#include "scripts.hpp"

#include <array>

namespace scripts {
namespace {

using perdure::FileSystem;
using perdure::Handle;
using perdure::OwnedHandle;
using perdure::RenameMode;

constexpr std::uint64_t half = size / 2;

/// The operations of one script, each of which must succeed.
class Steps {
 public:
  Steps(FileSystem& files, Handle root) : files_(files), root_(root) {}

  OwnedHandle directory(const std::string& path) {
    return {files_, files_.open_beneath(root_, path).value()};
  }
  OwnedHandle create(Handle directory, const std::string& name) {
    return {files_, files_.create(directory, name, 0644).value()};
  }
  OwnedHandle create(const std::string& name) { return create(root_, name); }
  void write(const OwnedHandle& file, char letter, std::uint64_t offset = 0,
             std::size_t count = size) {
    const std::string text(count, letter);
    const auto bytes = perdure::as_bytes(text);
    if (files_.write_at(file.get(), offset, bytes).value() != count) std::terminate();
  }
  void sync(const OwnedHandle& file) { files_.sync_file(file.get()).value(); }
  void await(const OwnedHandle& file) { files_.await_writeback(file.get()).value(); }
  void preallocate(const OwnedHandle& file) { files_.preallocate(file.get(), size).value(); }
  void sync_directory(Handle directory) { files_.sync_directory(directory).value(); }
  void sync_root() { sync_directory(root_); }
  void rename(const std::string& from, const std::string& to) {
    files_.rename(root_, from, root_, to, RenameMode::replace).value();
  }
  void rename(const OwnedHandle& from, const std::string& name, const OwnedHandle& to,
              const std::string& new_name) {
    files_.rename(from.get(), name, to.get(), new_name, RenameMode::replace).value();
  }
  void link(const std::string& from, const std::string& to) {
    files_.link(root_, from, root_, to).value();
  }
  void unlink(const std::string& name) { files_.unlink(root_, name).value(); }
  void make_directory(const std::string& name) { files_.make_directory(root_, name, 0755).value(); }

 private:
  FileSystem& files_;
  Handle root_;
};

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
  const OwnedHandle left = steps.directory("left");
  const OwnedHandle right = steps.directory("right");
  const OwnedHandle first = steps.create(left.get(), "first");
  const OwnedHandle second = steps.create(right.get(), "second");
  note();
  steps.sync_directory(right.get());
  note();
  steps.sync_directory(left.get());
  note();
}

void across_directories(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  const OwnedHandle left = steps.directory("left");
  const OwnedHandle right = steps.directory("right");
  steps.rename(left, "file", right, "moved");
  note();
  steps.sync_directory(right.get());
  note();
  steps.sync_directory(left.get());
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

// --- Names.

void unlink(FileSystem& files, Handle root, const Note& note) {
  Steps steps(files, root);
  steps.unlink("file");
  note();
  steps.sync_root();
  note();
}

/// A staged file comes to its place by a second name, and loses the first: a transaction's way.
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
  const OwnedHandle directory = steps.directory("new");
  const OwnedHandle file = steps.create(directory.get(), "file");
  steps.write(file, fresh);
  note();
  steps.sync(file);
  note();
  steps.sync_directory(directory.get());
  note();
  steps.sync_root();
  note();
}

constexpr auto every = std::to_array<Script>({
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
    {"unlink", unlink},
    {"place", place},
    {"new_directory", new_directory},
});

/// The content as its runs of equal bytes; what no script wrote is "?".
std::string runs(const std::string& text) {
  std::string words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
    const char letter = text[at] == '\0' ? '0' : text[at];
    const bool known = letter == '0' || letter == old || letter == fresh || letter == later;
    words += (at == 0 ? "" : ",") + std::string(1, known ? letter : '?') +
             (known ? std::to_string(end - at) : "");
    at = end;
  }
  return words.empty() ? "empty" : words;
}

}  // namespace

std::span<const Script> all() {
  return every;
}

std::map<std::string, std::string> prepared() {
  const std::string text(size, old);
  return {{"file", text}, {"left/", ""}, {"left/file", text}, {"right/", ""}};
}

std::string describe(const std::map<std::string, std::string>& tree) {
  std::string words;
  for (const auto& [path, content] : tree) {
    words += (words.empty() ? "" : ";") + path + (path.ends_with('/') ? "" : "=" + runs(content));
  }
  return words;
}

}  // namespace scripts
