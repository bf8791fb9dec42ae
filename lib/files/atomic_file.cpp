// SPDX-License-Identifier: BSL-1.0
// Streams into a temp, and commits it.
#include <algorithm>

#include <perdure/atomic_file.hpp>
#include <perdure/detail/stopwatch.hpp>

#include "base/internal.hpp"
#include "base/make_error.hpp"
#include "engine/commit.hpp"
#include "engine/directory.hpp"
#include "engine/lost_content.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/observe.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"
#include "engine/trust.hpp"
#include "engine/write_directory.hpp"

namespace perdure {

struct PERDURE_LOCAL AtomicFile::State {
  State(WriteOptions write_options, System system)
      : options(std::move(write_options)), commit(*system.files, *system.environment, options) {
    commit.observer = system.observer;
    if (options.verify) sum.emplace();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { (void)give_up(); }

  Result<void> give_up() {
    auto removed = remove_temp(commit);
    commit.temp.reset();
    return removed;
  }
  /// Runs `work`. If it throws, a piece may be missing in the temp: then it is given up, so that a
  /// caller who goes on commits nothing.
  template <class Work>
  auto all_or_none(Work work) -> decltype(work());
  Result<void> put(Bytes bytes);
  Result<void> check_open(std::string_view step) const;
  Result<Receipt> publish();
  Result<void> find_written(const Path& written);
  Result<void> sum_written();
  Result<void> write_at(std::uint64_t offset, Bytes bytes);
  Result<std::uint64_t> append_from(Handle file, std::uint64_t offset, std::uint64_t size);
  Result<void> look_at_size();
  Result<void> look_at_temp();

  WriteOptions options;
  Protocol protocol = Protocol::portable;
  Commit commit;
  GatheringSink gathered{[this](Bytes bytes) { return put(bytes); }};
  std::chrono::nanoseconds write_time{};
  std::uint64_t size = 0;
  std::optional<Checksum> sum;  ///< Of what goes into the temp, if it is to be verified.
  bool appended_alone = true;   ///< Else the temp has to be read for size and sum.
  bool lent = false;            ///< Others may write to it, too.
};

template <class Work>
auto AtomicFile::State::all_or_none(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (...) {
    const OwnedHandle closed = std::move(commit.temp);  // also if the next call throws
    (void)remove_temp(commit);
    throw;
  }
}

Result<void> AtomicFile::State::check_open(std::string_view step) const {
  if (commit.temp && !is_temp_ours(commit)) return not_ours(commit, step);
  if (commit.temp) return success();
  return commit.failure(step, ErrorKind::invalid_argument,
                        "this file was committed, discarded or failed before");
}

Result<void> AtomicFile::State::put(Bytes bytes) {
  if (sum) sum->update(bytes);
  detail::Stopwatch watch(commit.environment);
  const auto append = [&]() -> Result<void> {
    if (lent) {
      BOOST_OUTCOME_TRY(look_at_size());
    }
    return append_to_temp(commit, bytes);
  };
  auto appended = append();
  write_time += watch.lap();
  if (!appended) return discard_temp(commit, std::move(appended.error()));
  return success();
}

Result<void> AtomicFile::State::write_at(std::uint64_t offset, Bytes bytes) {
  BOOST_OUTCOME_TRY(gathered.flush());
  appended_alone = false;
  detail::Stopwatch watch(commit.environment);
  auto put = write_to_temp(commit, offset, bytes);
  write_time += watch.lap();
  if (!put) return discard_temp(commit, std::move(put.error()));
  size = commit.written;
  return success();
}

/// Where the kernel copies nothing, or fails, the bytes are read and written. That tells the end of
/// a file from a file whose size the kernel guesses. It also tells which of the two files an error
/// is about.
Result<std::uint64_t> AtomicFile::State::append_from(Handle file, std::uint64_t offset,
                                                     std::uint64_t wanted) {
  constexpr std::uint64_t block_size = std::uint64_t{1} << 18U;
  BOOST_OUTCOME_TRY(gathered.flush());
  if (!sum && !lent) {
    detail::Stopwatch watch(commit.environment);
    const auto copied =
        commit.files.copy_range(file, offset, commit.temp.get(), commit.written, wanted);
    write_time += watch.lap();
    if (copied && copied.value() > 0) {
      commit.written += copied.value();
      size = std::max(size, commit.written);
      return copied.value();
    }
  }
  Buffer block(static_cast<std::size_t>(std::min(wanted, block_size)));
  const auto got = commit.files.read_at(file, offset, block);
  if (!got) {
    Error error = commit.failure("read the file that is copied to it", got.error());
    error.reading = true;
    return discard_temp(commit, std::move(error));
  }
  if (got.value() == 0) return std::uint64_t{0};
  BOOST_OUTCOME_TRY(put(Bytes(block).first(got.value())));
  size = std::max(size, commit.written);
  return std::uint64_t{got.value()};
}

Result<void> AtomicFile::State::look_at_size() {
  const auto status = commit.files.stat(commit.temp.get());
  if (!status) return commit.failure("look at the new content", status.error());
  commit.written = status.value().version.size;
  return success();
}

/// Reads size and sum from the temp, where other calls than `write` changed it.
Result<void> AtomicFile::State::look_at_temp() {
  if (appended_alone) return success();
  BOOST_OUTCOME_TRY(look_at_size());
  size = commit.written;
  if (!sum) return success();
  sum.emplace();
  return sum_written();
}

/// Looks at the target again: streaming takes time, and it may be another file than `create` saw.
Result<Receipt> AtomicFile::State::publish() {
  const auto claim_it = [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(look_at_temp());
    BOOST_OUTCOME_TRY(commit.existing, current_status(commit));
    BOOST_OUTCOME_TRY(claim_target(commit, options));
    return read_xattrs(commit);
  };
  auto ready = claim_it();
  if (!ready) return discard_temp(commit, std::move(ready.error()));
  if (!commit.adopted) commit.receipt.stages.push_back({Write::name, write_time});
  std::optional<Checksum::Digest> streamed;
  if (sum) streamed = sum->digest();
  return run_commit(commit, make_finish(options, protocol, streamed));
}

/// The file that somebody else wrote becomes the temp.
Result<void> AtomicFile::State::find_written(const Path& written) {
  constexpr std::string_view step = "find the file that was written";
  const auto refused = [&](ErrorKind kind, std::string detail) {
    return make_error(step, written.native(), kind, std::move(detail));
  };
  FileSystem& files = commit.files;
  const std::string name = written.filename().native();
  if (const auto fault = names::fault_of_leaf(name); !fault.empty()) {
    return refused(ErrorKind::invalid_argument, std::string(fault));
  }
  if (names::is_own(name)) {
    return refused(ErrorKind::invalid_argument, "the library gives such names itself");
  }
  BOOST_OUTCOME_TRY(const OwnedHandle beside, open_directory(files, written.parent_path()));
  const auto there = files.stat(beside.get());
  const auto here = files.stat(commit.directory);
  if (!there || !here) {
    return make_error(step, written.native(), !there ? there.error() : here.error());
  }
  if (!there.value().version.same_file(here.value().version)) {
    return refused(ErrorKind::unsupported,
                   "it lies in another directory than the target, and a rename from there is not "
                   "made durable by the protocol; have it written beside the target");
  }
  if (name == commit.leaf) {
    return refused(ErrorKind::invalid_argument, "it is the target itself");
  }
  const auto opened = files.open_file(commit.directory, name);
  if (!opened) return make_error(step, written.native(), opened.error());
  OwnedHandle file(files, opened.value());
  const auto status = files.stat(file.get());
  if (!status) return make_error(step, written.native(), status.error());
  if (status.value().type != FileType::regular) {
    return refused(ErrorKind::not_regular, "it is not a regular file");
  }
  if (status.value().links != 1) {
    return refused(ErrorKind::unsupported,
                   "it has " + std::to_string(status.value().links) +
                       " names, and would be written to by the others; copy it, or write it anew");
  }
  // A commit that failed may have given the file to the target's owner, who may write to the target
  // anyway.
  const bool of_target =
      commit.existing && is_same_user(files, status.value().owner, commit.existing->owner);
  if (!of_target && !is_user_or_root(files, status.value().owner)) {
    return refused(ErrorKind::untrusted, "it belongs to user " +
                                             std::to_string(status.value().owner) +
                                             ", who could change it at any time");
  }
  if (is_content_lost(files, status.value().version)) {
    return make_error(
        step, written.native(), std::make_error_code(std::errc::io_error),
        "a sync of it failed before, and the kernel tells of lost content once; write "
        "it anew, as another file");
  }
  const auto live = files.open_for_writing(file.get());
  if (live && live.value()) {
    return refused(ErrorKind::conflict, "somebody has it open for writing still; close it first");
  }
  commit.adopted = status.value();
  commit.temp = std::move(file);
  commit.temp_name = name;
  commit.written = status.value().version.size;
  return sum ? sum_written() : success();
}

Result<void> AtomicFile::State::sum_written() {
  constexpr std::size_t block_size = std::size_t{1} << 18U;
  Buffer block(block_size);
  for (std::uint64_t offset = 0;;) {
    const auto got = commit.files.read_at(commit.temp.get(), offset, block);
    if (!got) return commit.failure("read the file that was written", got.error());
    if (got.value() == 0) return success();
    sum->update(Bytes(block).first(got.value()));
    offset += got.value();
  }
}

Result<Receipt> AtomicFile::adopt(const Path& target, const Path& written, WriteOptions options,
                                  System system) {
  State state(std::move(options), system);
  Commit& commit = state.commit;
  commit.path = target.native();
  return observed(commit, [&]() -> Result<Receipt> {
    BOOST_OUTCOME_TRY(state.protocol, open_for_commit(commit, target, state.options));
    BOOST_OUTCOME_TRY(commit.directory_status,
                      check_names_go(commit.files, commit.directory, commit.path));
    BOOST_OUTCOME_TRY(state.find_written(written));
    return state.publish();
  });
}

AtomicFile::AtomicFile(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
AtomicFile::AtomicFile(AtomicFile&& other) noexcept : state_(std::move(other.state_)) {}
AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  state_ = std::move(other.state_);
  return *this;
}
AtomicFile::~AtomicFile() = default;

Result<AtomicFile> AtomicFile::create(const Path& target, WriteOptions options, System system) {
  auto state = std::make_unique<State>(std::move(options), system);
  Commit& commit = state->commit;
  commit.streamed = true;
  BOOST_OUTCOME_TRY(state->protocol, open_for_commit(commit, target, state->options));
  BOOST_OUTCOME_TRY(commit.directory_status,
                    check_names_go(commit.files, commit.directory, commit.path));
  BOOST_OUTCOME_TRY(check_target(commit, state->options));
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  detail::Stopwatch watch(commit.environment);
  BOOST_OUTCOME_TRY(create_temp(commit, temp_mode(commit)));
  if (auto labelled = label_temp(commit); !labelled) {
    return discard_temp(commit, std::move(labelled.error()));
  }
  commit.receipt.stages.push_back({CreateTemp::name, watch.lap()});
  return AtomicFile(std::move(state));
}

Result<void> AtomicFile::write(Bytes bytes) {
  BOOST_OUTCOME_TRY(state_->check_open("write the new content"));
  state_->size += bytes.size();
  return state_->all_or_none([&] { return state_->gathered.write(bytes); });
}

Result<void> AtomicFile::write_at(std::uint64_t offset, Bytes bytes) {
  BOOST_OUTCOME_TRY(state_->check_open("write the new content"));
  return state_->all_or_none([&] { return state_->write_at(offset, bytes); });
}

Result<std::uint64_t> AtomicFile::append_from(Handle file, std::uint64_t offset,
                                              std::uint64_t size) {
  BOOST_OUTCOME_TRY(state_->check_open("copy the new content"));
  return state_->all_or_none([&] { return state_->append_from(file, offset, size); });
}

Result<Handle> AtomicFile::handle() {
  BOOST_OUTCOME_TRY(state_->check_open("open the new content"));
  BOOST_OUTCOME_TRY(state_->all_or_none([&] { return state_->gathered.flush(); }));
  state_->appended_alone = false;
  state_->lent = true;
  return state_->commit.temp.get();
}

std::uint64_t AtomicFile::size() const noexcept {
  return state_->size;
}

Result<Receipt> AtomicFile::commit() {
  BOOST_OUTCOME_TRY(state_->check_open("commit"));
  return observed(state_->commit, [this] {
    return state_->all_or_none([this]() -> Result<Receipt> {
      BOOST_OUTCOME_TRY(state_->gathered.flush());
      auto receipt = state_->publish();
      state_->commit.lock.reset();
      return receipt;
    });
  });
}

Result<void> AtomicFile::discard() {
  return state_->give_up();
}

}  // namespace perdure
