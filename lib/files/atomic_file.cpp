// SPDX-License-Identifier: BSL-1.0
// Streams into a temp, and commits it.
#include <perdure/atomic_file.hpp>
#include <perdure/detail/stopwatch.hpp>

#include "engine/commit.hpp"
#include "engine/metadata.hpp"
#include "engine/observe.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"
#include "engine/write_directory.hpp"

namespace perdure {

struct AtomicFile::State {
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
  Result<void> put(Bytes bytes);
  Result<void> check_open(std::string_view step) const;
  Result<Receipt> publish();

  WriteOptions options;
  Protocol protocol = Protocol::portable;
  Commit commit;
  GatheringSink gathered{[this](Bytes bytes) { return put(bytes); }};
  std::chrono::nanoseconds write_time{};
  std::uint64_t size = 0;
  std::optional<Checksum> sum;  ///< Of what goes into the temp, if it is to be verified.
};

Result<void> AtomicFile::State::check_open(std::string_view step) const {
  if (commit.temp && !is_temp_ours(commit)) return not_ours(commit, step);
  if (commit.temp) return success();
  return commit.failure(step, ErrorKind::invalid_argument,
                        "this file was committed, discarded or failed before");
}

Result<void> AtomicFile::State::put(Bytes bytes) {
  if (sum) sum->update(bytes);
  detail::Stopwatch watch(commit.environment);
  auto appended = append_to_temp(commit, bytes);
  write_time += watch.lap();
  if (!appended) return discard_temp(commit, std::move(appended.error()));
  return success();
}

/// The target may be another than the one that `create` saw: streaming takes its time.
Result<Receipt> AtomicFile::State::publish() {
  const auto claim_it = [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(commit.existing, current_status(commit));
    BOOST_OUTCOME_TRY(claim_target(commit, options));
    return read_xattrs(commit);
  };
  auto ready = claim_it();
  if (!ready) return discard_temp(commit, std::move(ready.error()));
  commit.receipt.stages.push_back({Write::name, write_time});
  std::optional<Checksum::Digest> streamed;
  if (sum) streamed = sum->digest();
  return run_commit(commit, make_finish(options, protocol, streamed));
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
  BOOST_OUTCOME_TRY(label_temp(commit));
  commit.receipt.stages.push_back({CreateTemp::name, watch.lap()});
  return AtomicFile(std::move(state));
}

Result<void> AtomicFile::write(Bytes bytes) {
  BOOST_OUTCOME_TRY(state_->check_open("write the new content"));
  state_->size += bytes.size();
  return state_->gathered.write(bytes);
}

std::uint64_t AtomicFile::size() const noexcept {
  return state_->size;
}

Result<Receipt> AtomicFile::commit() {
  BOOST_OUTCOME_TRY(state_->check_open("commit"));
  return observed(state_->commit, [this]() -> Result<Receipt> {
    BOOST_OUTCOME_TRY(state_->gathered.flush());
    auto receipt = state_->publish();
    state_->commit.lock.reset();
    return receipt;
  });
}

Result<void> AtomicFile::discard() {
  return state_->give_up();
}

}  // namespace perdure
