// SPDX-License-Identifier: BSL-1.0
#include "programs.hpp"

#include <algorithm>
#include <array>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/root_copy.hpp>
#include <perdure/testing/oracle.hpp>

#include "proof/tracker_program.hpp"
#include "proof/transaction_workloads.hpp"

namespace perdure::fuzz {

using namespace perdure::testing;  // NOLINT: this file is about nothing else
using namespace perdure::test;     // NOLINT: its programs

namespace {

const std::string foreign = "nobody's business";
constexpr std::size_t steps_max = 4;
constexpr std::size_t gathered = 140'000;  // more than is kept of a stream before it is written

// --- Files.

/// A link to the target d/t.
const std::string link = "d/l";

/// The expectation about the target's version.
enum class Expects : std::uint8_t { nothing, current, absent };

struct FileStep {
  enum class Kind : std::uint8_t { write, stream, discard, batch, later, adopt, remove, clean };
  Kind kind = Kind::write;
  std::vector<std::string> targets;  // more than one: of a batch, or left to a group
  bool by_link = false;
  std::size_t size = 0;
  std::size_t pieces = 1;  // of a stream; a file of two is written by a serializer
  enum class Order : std::uint8_t { forwards, backwards, from_file };
  Order order = Order::forwards;  // of a stream; or its content is another file's
  std::string written_leaf;       // of the file that is adopted
  char letter = 'a';
  WriteOptions options;
  Expects expects = Expects::nothing;
};

WriteOptions options_of(InputBytes& input) {
  WriteOptions options;
  options.durability = input.one_of(
      std::array{Durability::durable, Durability::durable, Durability::ordered, Durability::none});
  using enum ExistingPolicy;
  options.existing = input.one_of(std::array{replace, replace, replace, keep, backup, backup});
  const std::uint8_t flags = input.number();
  options.coordinate = (flags & 1U) != 0;
  options.verify = (flags & 2U) != 0;  // refused where nothing is put on the disk
  options.make_parents = (flags & 4U) != 0;
  options.protocol = (flags & 8U) != 0 ? ProtocolChoice::automatic : ProtocolChoice::portable;
  if ((flags & 16U) != 0) options.group = std::make_shared<GroupCommit>();
  if ((flags & 32U) != 0) options.metadata = Metadata::fixed(0600);
  if ((flags & 192U) == 64) options.symlink = SymlinkPolicy::refuse;
  if ((flags & 192U) == 128) options.backup_suffix = input.one_of(std::array{".old", "", "/x"});
  return options;
}

FileStep file_step(InputBytes& input, std::size_t number) {
  using enum FileStep::Kind;
  FileStep step;
  step.kind = input.one_of(std::array{write, write, write, stream, batch, FileStep::Kind::remove,
                                      discard, FileStep::Kind::clean, later, adopt});
  step.letter = static_cast<char>('b' + number);
  step.options = options_of(input);
  step.targets = {input.one_of(std::array{"d/t", "d/t", "d/u", "e/t"})};
  if (step.kind == batch) {
    const std::array<std::string, 5> all{"d/t", "d/u", "d/v", "e/t", "e/u"};
    const std::size_t count = 2 + input.below(4);
    step.targets.assign(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
  }
  if (step.kind == later) {
    step.targets = {"d/t", "d/u", "d/t"};
    if (!step.options.group) step.options.group = std::make_shared<GroupCommit>();
  }
  // A commit that says nothing of parents takes the directory's name for durable.
  for (const std::string& target : step.targets) {
    step.options.make_parents |= target.starts_with("e/");
  }
  step.by_link =
      step.targets.front() == "d/t" && step.kind != FileStep::Kind::remove && input.below(4) == 1;
  step.expects = input.one_of(
      std::array{Expects::nothing, Expects::nothing, Expects::current, Expects::absent});
  constexpr std::array<std::size_t, 6> sizes{0, 1, 600, 5000, 9000, 4096};
  const std::size_t size = input.below(32);
  step.size = size == 31 ? gathered : sizes.at(size % sizes.size());
  const std::size_t pieces = input.below(9);
  step.pieces = 1 + pieces % 3;
  step.order = static_cast<FileStep::Order>(pieces / 3);
  return step;
}

Path path_of(const FileStep& step) {
  return "/" + (step.by_link ? link : step.targets.front());
}

Result<std::optional<Version>> expected_of(Session& session, const FileStep& step) {
  if (step.expects == Expects::nothing) return std::optional<Version>{};
  if (step.expects == Expects::absent) return std::optional<Version>{Version::absent()};
  BOOST_OUTCOME_TRY(const Version now, read_version(path_of(step), session.system()));
  return std::optional<Version>{now};
}

/// Written by another program, for `AtomicFile::adopt`.
const std::array<std::string, 3> written_leaves{"written.part", "written2.part", "written3.part"};

Error error_of(const std::error_code& cause) {
  Error error;
  error.cause = cause;
  return error;
}

Result<void> write_all(FileSystem& files, Handle file, Bytes content) {
  for (std::uint64_t offset = 0; offset < content.size();) {
    const auto put = files.write_at(file, offset, content.subspan(offset));
    if (!put) return error_of(put.error());
    offset += put.value();
  }
  return success();
}

Result<OwnedHandle> directory_of(FileSystem& files, const Path& path) {
  const auto directory =
      files.open_directory(Handle::working_directory, path.parent_path().native());
  if (!directory) return error_of(directory.error());
  return OwnedHandle(files, directory.value());
}

Result<void> write_elsewhere(Session& session, const Path& path, const std::string& content) {
  FileSystem& files = session.files();
  BOOST_OUTCOME_TRY(const OwnedHandle at, directory_of(files, path));
  (void)files.unlink(at.get(), path.filename().native());  // a crash may have left one
  const auto made = files.create(at.get(), path.filename().native(), 0600);
  if (!made) return error_of(made.error());
  const OwnedHandle file(files, made.value());
  return write_all(files, file.get(), as_bytes(content));
}

Result<void> stream_backwards(AtomicFile& file, Bytes content) {
  const std::size_t half = content.size() / 2;
  BOOST_OUTCOME_TRY(file.write_at(half, content.subspan(half)));
  return file.write_at(0, content.first(half));
}

/// By way of another file, which has no name.
Result<void> stream_from_file(Session& session, AtomicFile& file, const Path& path,
                              const std::string& content) {
  FileSystem& files = session.files();
  BOOST_OUTCOME_TRY(const OwnedHandle at, directory_of(files, path));
  const auto made = files.create_unnamed(at.get(), 0600);
  if (!made) return error_of(made.error());
  const OwnedHandle source(files, made.value());
  BOOST_OUTCOME_TRY(write_all(files, source.get(), as_bytes(content)));
  for (std::uint64_t offset = 0;;) {
    BOOST_OUTCOME_TRY(const std::uint64_t got, file.append_from(source.get(), offset, gathered));
    if (got == 0) return success();
    offset += got;
  }
}

Result<void> commit_file(Session& session, const FileStep& step, const std::string& content) {
  WriteOptions options = step.options;
  BOOST_OUTCOME_TRY(options.expected, expected_of(session, step));
  const Path path = path_of(step);
  if (step.kind == FileStep::Kind::write && step.pieces == 2) {
    BOOST_OUTCOME_TRY(const auto writer,
                      AtomicWriter::bind(path.parent_path(), step.options, session.system()));
    BOOST_OUTCOME_TRY(
        writer.commit(path.filename().native(), content, Text(), {.expected = options.expected}));
    return success();
  }
  if (step.kind == FileStep::Kind::write) {
    BOOST_OUTCOME_TRY(write_file(path, content, options, session.system()));
    return success();
  }
  if (step.kind == FileStep::Kind::adopt) {
    const Path written = path.parent_path() / step.written_leaf;
    BOOST_OUTCOME_TRY(write_elsewhere(session, written, content));
    BOOST_OUTCOME_TRY(AtomicFile::adopt(path, written, options, session.system()));
    return success();
  }
  BOOST_OUTCOME_TRY(auto file, AtomicFile::create(path, options, session.system()));
  Bytes rest = as_bytes(content);
  if (step.order == FileStep::Order::backwards) {
    BOOST_OUTCOME_TRY(stream_backwards(file, rest));
    rest = {};
  }
  if (step.order == FileStep::Order::from_file) {
    BOOST_OUTCOME_TRY(stream_from_file(session, file, path, content));
    rest = {};
  }
  for (std::size_t pieces = step.pieces; pieces > 0 && !rest.empty(); --pieces) {
    const Bytes piece = rest.first(rest.size() / pieces);
    BOOST_OUTCOME_TRY(file.write(piece));
    rest = rest.subspan(piece.size());
  }
  if (step.kind == FileStep::Kind::discard) return file.discard();
  BOOST_OUTCOME_TRY(file.commit());
  return success();
}

/// Files that become durable together, each with an outcome of its own.
void commit_batch(Session& session, const FileStep& step) {
  const std::string content = content_of(step.letter, step.size);
  std::vector<NewFile> files;
  std::vector<std::size_t> attempts;
  for (const std::string& target : step.targets) {
    files.push_back({"/" + target, as_bytes(content)});
    if (step.expects == Expects::absent) files.back().expected = Version::absent();
    attempts.push_back(session.attempt(target, content, step.options.durability));
  }
  const auto results = write_files(files, step.options, session.system());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) session.acknowledge(attempts[i]);
    if (!results[i]) session.fail(attempts[i], results[i].error().fate);
  }
}

/// Commits that are left to a group; whoever waits first publishes them.
void commit_later(Session& session, const FileStep& step) {
  const auto writer = AtomicWriter::bind("/d", step.options, session.system());
  if (!writer) return;
  std::vector<CommitHandle> handles;
  std::vector<std::size_t> attempts;
  for (const std::string& target : step.targets) {
    const std::string content = content_of(step.letter, step.size + attempts.size());
    CommitOptions options;
    if (step.expects == Expects::absent) options.expected = Version::absent();
    attempts.push_back(session.attempt(target, content, step.options.durability));
    handles.push_back(
        writer.value().commit_later(Path(target).filename().native(), as_bytes(content), options));
  }
  for (std::size_t i = handles.size(); i-- > 0;) {
    const auto result = handles[i].wait();
    if (result) session.acknowledge(attempts[i]);
    if (!result) session.fail(attempts[i], result.error().fate);
  }
}

void run_step(Session& session, const FileStep& step) {
  const std::string& target = step.targets.front();
  const Durability durability = step.options.durability;
  const std::string content = content_of(step.letter, step.size);
  switch (step.kind) {
    case FileStep::Kind::clean:
      (void)clean("/d", {}, session.system());
      break;
    case FileStep::Kind::batch:
      commit_batch(session, step);
      break;
    case FileStep::Kind::later:
      commit_later(session, step);
      break;
    case FileStep::Kind::discard:
      (void)commit_file(session, step, content);
      break;
    case FileStep::Kind::remove:
      (void)session.commit(target, std::nullopt, durability, [&]() -> Result<void> {
        WriteOptions options = step.options;
        BOOST_OUTCOME_TRY(options.expected, expected_of(session, step));
        return remove_file("/" + target, options, session.system());
      });
      break;
    case FileStep::Kind::write:
    case FileStep::Kind::stream:
    case FileStep::Kind::adopt:
      (void)session.commit(target, content, durability,
                           [&] { return commit_file(session, step, content); });
  }
}

/// The start of every program. The directory may be gone with the attempt that was to make it.
void clean_up(Session& session) {
  for (const char* directory : {"/d", "/e"}) {
    const auto cleaned = clean(directory, {}, session.system());
    if (!cleaned && cleaned.error().cause != std::errc::no_such_file_or_directory) {
      session.wrong(cleaned.error().message());
    }
  }
}

}  // namespace

Proof files_proof() {
  Proof proof;
  proof.workload.name = "files";
  proof.workload.prepare = [](Session& session) {
    session.disk().put("d/notes", foreign, 0600);
    session.disk().put("d/.hidden.perdure-tmp", foreign, 0600);  // looks like a temp, and is none
    session.disk().put("d/t", content_of('a', 10), 0640);
    session.disk().make_symlink(link, "t");
    session.acknowledge(session.attempt("d/t", content_of('a', 10)));
  };
  proof.workload.recover = clean_up;
  std::vector<std::string> allowed{"e/", link};
  for (const std::string directory : {"d/", "e/"}) {
    for (const std::string& leaf : written_leaves) allowed.push_back(directory + leaf);
    for (const std::string leaf : {"t", "u", "v"}) {
      allowed.push_back(directory + "." + leaf + ".perdure-lock");
      allowed.push_back(directory + leaf + "~");
      allowed.push_back(directory + leaf + ".old");
    }
  }
  proof.oracles = test::file_oracles(std::move(allowed), clean_up);
  return proof;
}

Actor files_actor(InputBytes& input, std::size_t number) {
  std::vector<FileStep> steps;
  for (std::size_t count = 1 + input.below(steps_max); count > 0; --count) {
    steps.push_back(file_step(input, steps.size()));
    steps.back().written_leaf = written_leaves.at(number);
  }
  return [steps = std::move(steps)](Session& session) {
    for (const FileStep& step : steps) run_step(session, step);
  };
}

// --- Transactions.

namespace {

/// Anything, also what can't be done.
Request request_of(InputBytes& input, char letter) {
  const std::array<std::string, 8> paths{"d/a", "d/b", "e/a", "e/b", "f/a", "f", "d/A", "d"};
  Request request;
  using enum Request::Kind;
  request.kind =
      input.one_of(std::array{put, put, Request::Kind::remove, move, make_directory, read, expect,
                              put, remove_all, remove_directory, put_symlink, copy});
  request.path = request.kind == make_directory && input.flag() ? "f" : input.one_of(paths);
  if (request.kind == put) {
    const std::size_t size = input.below(16);
    request.other = content_of(letter, size == 15 ? gathered : size % 2 == 0 ? 100 : 5000);
    const std::size_t options = input.below(16);
    request.guarded = options < 4;
    request.fixed_mode = options % 4 == 0;
    if (options % 4 == 1) request.like = input.one_of(paths);
  }
  if (request.kind == put_symlink) request.other = content_of(letter, 50);
  if (request.kind == move || request.kind == copy) request.other = input.one_of(paths);
  return request;
}

}  // namespace

Proof transactions_proof() {
  Proof proof = transaction_proof("transactions", {});
  proof.workload.prepare = [](Session& session) {
    prepare_root(session);
    prepare_source(session);
  };
  // A name that was tried, to see whether two are one here, is a temp like any other.
  proof.workload.recover = [](Session& session) {
    restart_root(session);
    const auto cleaned = clean("/r/d", {}, session.system());
    const bool gone = !cleaned && (cleaned.error().cause == std::errc::no_such_file_or_directory ||
                                   cleaned.error().cause == std::errc::not_a_directory);
    if (!cleaned && !gone) session.wrong(cleaned.error().message());
  };
  return proof;
}

namespace {

/// A copy that was made is the root as some transaction left it.
void copy_and_compare(Session& session) {
  if (!copy_root(root_path, "/c", {}, transaction_options(session))) return;
  const std::string copied = words_of(files_of(session, "c/"));
  const bool known = std::ranges::any_of(
      session.history(), [&](const Event& event) { return event.content == copied; });
  if (!known) session.wrong("the copy is of no moment: " + copied);
}

}  // namespace

Actor transactions_actor(InputBytes& input) {
  std::vector<std::vector<Request>> transactions(1 + input.below(3));
  char letter = 'p';
  for (auto& requests : transactions) {
    if (input.below(8) == 1) requests.push_back({.kind = Request::Kind::mirror, .path = ""});
    for (std::size_t count = 1 + input.below(steps_max); count > 0; --count) {
      requests.push_back(request_of(input, letter));
    }
    ++letter;
  }
  const std::size_t copied_after = input.below(5);  // or never
  return [transactions = std::move(transactions), copied_after](Session& session) {
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      (void)transact(session, transactions[i]);
      if (i == copied_after) copy_and_compare(session);
    }
  };
}

// --- Saves.

namespace {

const std::string increment = "increment";

/// Each acknowledged increment is in the state, whoever made it.
Oracle all_counted() {
  return {"all_counted",
          [](Session& session) -> std::string {
            std::vector<std::size_t> attempts;
            std::uint64_t counted = 2;  // by the preparation
            for (const Event& event : session.history()) {
              if (event.target == increment) attempts.push_back(event.attempt);
              if (event.kind == Event::Kind::acknowledged) {
                counted += static_cast<std::uint64_t>(std::ranges::count(attempts, event.attempt));
              }
            }
            auto tracker = tally::open_tracker(session);
            if (!tracker) return tracker.error().message();
            if (session.preset().split_rename || tracker.value().state()->count >= counted) {
              return {};
            }
            return "an acknowledged increment is lost";
          },
          true};
}

void increment_shared(Session& session, Tracker& tracker) {
  (void)session.commit(increment, "1", Durability::durable,
                       [&] { return tracker.update([](Tally& tally) { ++tally.count; }); });
}

}  // namespace

Proof saves_proof(bool alone) {
  Proof proof;
  proof.workload.name = "saves";
  proof.workload.prepare = tally::prepare;
  // A sync that fails is reported once: a process that is killed takes the report along, and the
  // next one can't know. So what a start finds is an attempt, not an acknowledgement.
  proof.workload.recover = [](Session& session) {
    const auto cleaned = clean("/d", {}, session.system());
    if (!cleaned) session.wrong(cleaned.error().message());
    auto tracker = tally::open_tracker(session);
    if (!tracker) return session.wrong(tracker.error().message());
    session.attempt(tally::target, tally::value_of(tracker.value()));
  };
  constexpr std::size_t previous_max = 9;  // a failed sync leaves it open which are dropped
  proof.oracles = {all_counted()};
  if (alone) proof.oracles = tally::oracles_of();
  std::erase_if(proof.oracles, [](const Oracle& oracle) { return oracle.name == "no_litter"; });
  proof.oracles.push_back(tally::only_its_files(0, previous_max));
  proof.oracles.push_back(oracles::nothing_open());
  return proof;
}

Actor saves_actor(InputBytes& input, bool alone) {
  std::vector<std::size_t> steps;
  for (std::size_t count = 1 + input.below(steps_max); count > 0; --count) {
    steps.push_back(input.below(4));
  }
  return [steps = std::move(steps), alone](Session& session) {
    auto tracker = tally::open_tracker(session);
    if (!tracker) return;
    for (const std::size_t step : steps) {
      if (step == 0) {
        (void)tracker.value().reload();
      } else if (!alone) {
        increment_shared(session, tracker.value());
      } else if (step == 1) {
        tally::add_two(session, tracker.value(), false);
      } else {
        tally::add_one(session, tracker.value(), false);
      }
    }
  };
}

}  // namespace perdure::fuzz
