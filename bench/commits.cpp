// SPDX-License-Identifier: BSL-1.0
// Cases of files: one at a time, streamed, in a crowded directory, many at once, and recovery.
#include <fcntl.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/transaction.hpp>

#include "cases.hpp"

namespace perdure::bench {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t usual_size = 4 * kib;

/// "4 KiB", without the space: part of a case's name.
std::string size_name(std::size_t size) {
  if (size >= mib) return std::to_string(size / mib) + "MiB";
  if (size >= kib) return std::to_string(size / kib) + "KiB";
  return std::to_string(size) + "B";
}

/// One file is replaced again and again.
Case single(const Ways& ways, std::size_t size) {
  return {.name = "single/" + size_name(size),
          .make =
              [&ways, size](const Scratch& scratch) {
                return make_field(
                    ways, scratch,
                    [size](const Way& way) {
                      return size <= way.size_max && way.alone &&
                             !(size == 0 && way.kind == Kind::limit);
                    },
                    [content = noise(size)](Saver& saver) { return saver.save("file", content); });
              },
          .counted = true,
          .weight = size == usual_size ? 5.0 : 1.0};
}

/// The same in pieces.
Case streamed(const Ways& ways, std::size_t size) {
  constexpr std::size_t block = 64 * kib;
  return {
      .name = "stream/" + size_name(size), .make = [&ways, size](const Scratch& scratch) {
        return make_field(
            ways, scratch, [](const Way& way) { return way.streams; },
            [content = noise(size)](Saver& saver) { return saver.stream("file", content, block); });
      }};
}

/// Many files of 4 KiB: "batch" where each may be new by itself, "transaction" where all or none
/// are. Savers that can't do the second take part all the same; the page marks them.
Case many(const Ways& ways, const std::string& family, unsigned count) {
  return {.name = family + "/" + std::to_string(count),
          .make =
              [&ways, count](const Scratch& scratch) {
                return make_field(
                    ways, scratch, [](const Way& way) { return !way.together.empty(); },
                    [count, content = noise(usual_size)](Saver& saver) {
                      return saver.save_all({.prefix = "f", .count = count, .content = &content});
                    });
              },
          .counted = true};
}

/// Entries by hard links to a few files, which spares the inodes.
void crowd(const std::string& directory, unsigned count) {
  constexpr unsigned links_max = 50'000;  // ext4: 65,000
  std::string first;
  for (unsigned i = 0; i < count; ++i) {
    const std::string path = directory + "/entry-" + std::to_string(i);
    if (i % links_max == 0) {
      first = path;
      const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
      if (made < 0 || ::close(made) != 0) throw std::runtime_error("no crowd: " + path);
    } else if (::link(first.c_str(), path.c_str()) != 0) {
      throw std::runtime_error("no crowd: " + path);
    }
  }
  // They have been there for long: btrfs logs all that are new with the directory's next sync.
  FileSystem& files = native_file_system();
  const OwnedHandle at(files, files.open_directory(Handle::working_directory, directory).value());
  files.sync_file_system(at.get()).value();
}

/// All in one directory, which has many entries beside theirs. Each replaces a file of its own.
Case crowded(const Ways& ways, unsigned count) {
  return {.name = "crowd/" + std::to_string(count), .make = [&ways, count](const Scratch& scratch) {
            const std::string directory = scratch.make("crowd");
            crowd(directory, count);
            Field field;
            for (const auto& way : ways) {
              const bool fits = (way.kind == Kind::floor || way.kind == Kind::perdure) &&
                                way.reached == Reached::durable && way.alone &&
                                way.together != "all";
              if (!fits) continue;
              add_candidate(field, way, directory,
                            [name = "file-" + way.name, content = noise(usual_size)](Saver& saver) {
                              return saver.save(name, content);
                            });
            }
            return field;
          }};
}

/// Dies once the journal of a transaction is in place.
struct DiesCommitted final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    if (to == "j") ::_exit(0);
    return renamed;
  }
};

/// Leaves a root whose transaction of `count` files is committed and not applied.
bool leave_journal(const std::string& root, unsigned count, const std::string& content) {
  const pid_t child = ::fork();
  if (child == 0) {
    DiesCommitted files(*native_system().files);
    TransactionOptions options;
    options.system.files = &files;
    auto transaction = Transaction::begin(root, options);
    for (unsigned i = 0; transaction && i < count; ++i) {
      if (!transaction.value().put("f" + std::to_string(i), content)) ::_exit(1);
    }
    if (transaction) (void)transaction.value().commit();
    ::_exit(1);  // it should not have come so far
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

Case recovery(unsigned count) {
  return {.name = "recovery/" + std::to_string(count), .make = [count](const Scratch& scratch) {
            const std::string root = scratch.make("root");
            return Field{{.name = "perdure transaction",
                          .turn =
                              [root] {
                                const auto done = recover(root);
                                return done && done.value().journal;
                              },
                          .prepare =
                              [root, count, content = noise(usual_size)] {
                                return leave_journal(root, count, content);
                              }}};
          }};
}

}  // namespace

void add_commit_cases(std::vector<Case>& cases, const Ways& ways, const Settings& settings) {
  std::vector<std::size_t> sizes{usual_size};
  if (!settings.quick) sizes = {0, usual_size, 64 * kib, mib, 16 * mib, 64 * mib};
  for (const auto size : sizes) cases.push_back(single(ways, size));
  cases.push_back(many(ways, "batch", 64));
  if (settings.quick) {
    cases.push_back(many(ways, "transaction", 10));
    cases.push_back(recovery(10));
    return;
  }
  for (const unsigned count : {1U, 10U, 100U, 1000U}) {
    cases.push_back(many(ways, "transaction", count));
  }
  for (const unsigned count : {1U, 10U, 100U, 1000U}) cases.push_back(recovery(count));
  for (const auto size : {mib, 64 * mib}) cases.push_back(streamed(ways, size));
  for (const unsigned count : {0U, 1'000'000U}) cases.push_back(crowded(ways, count));
}

}  // namespace perdure::bench
