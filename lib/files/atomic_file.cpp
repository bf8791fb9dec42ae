// SPDX-License-Identifier: BSL-1.0
// Streams into a temp, and commits it.
#include <perdure/atomic_file.hpp>

#include "engine/commit.hpp"
#include "engine/directory.hpp"
#include "engine/metadata.hpp"
#include "engine/protocol.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"

namespace perdure {
namespace {

/// Small writes gather here, so that a byte costs no system call.
constexpr std::size_t gather_size = std::size_t{64} << 10U;

using HashState = std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)>;

}  // namespace

struct AtomicFile::State {
  State(WriteOptions write_options, const Path& target, System system)
      : options(std::move(write_options)), commit(*system.files, *system.environment, options) {
    commit.path = target.native();
    if (options.verify) XXH3_128bits_reset(hash.get());
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
  Claim claim;
  Commit commit;
  Buffer gathered;
  std::chrono::nanoseconds write_time{};
  std::uint64_t size = 0;
  HashState hash{XXH3_createState(), &XXH3_freeState};
};

Result<void> AtomicFile::State::check_open(std::string_view step) const {
  if (commit.temp && !is_temp_ours(commit)) return not_ours(commit, step);
  if (commit.temp) return success();
  return commit.failure(step, ErrorKind::invalid_argument,
                        "this file was committed, discarded or failed before");
}

Result<void> AtomicFile::State::put(Bytes bytes) {
  if (options.verify) XXH3_128bits_update(hash.get(), bytes.data(), bytes.size());
  const auto begin = commit.environment.monotonic();
  auto appended = append_to_temp(commit, bytes);
  write_time += commit.environment.monotonic() - begin;
  if (!appended) return discard_temp(commit, std::move(appended.error()));
  return success();
}

/// The target may be another than the one that `create` saw: streaming takes its time.
Result<Receipt> AtomicFile::State::publish() {
  const auto claim_it = [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(commit.existing, look(commit));
    BOOST_OUTCOME_TRY(claim_target(commit, claim));
    return read_xattrs(commit);
  };
  auto ready = claim_it();
  if (!ready) return discard_temp(commit, std::move(ready.error()));
  commit.receipt.stages.push_back({Write::name, write_time});
  std::optional<XXH128_hash_t> streamed;
  if (options.verify) streamed = XXH3_128bits_digest(hash.get());
  return run_commit(commit, make_finish(options, protocol, streamed));
}

AtomicFile::AtomicFile(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
AtomicFile::AtomicFile(AtomicFile&& other) noexcept : state_(std::move(other.state_)) {}
AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  state_ = std::move(other.state_);
  return *this;
}
AtomicFile::~AtomicFile() = default;

Result<AtomicFile> AtomicFile::create(const Path& target, WriteOptions options,
                                      std::optional<Version> expected, System system) {
  BOOST_OUTCOME_TRY(check_options(options, target.native()));
  auto state = std::make_unique<State>(std::move(options), target, system);
  Commit& commit = state->commit;
  commit.expected = expected;
  BOOST_OUTCOME_TRY(state->claim.directory, open_directory(commit.files, target.parent_path(),
                                                           parents_for(state->options)));
  BOOST_OUTCOME_TRY(
      resolve(commit, state->claim.directory.get(), target.filename().native(), state->claim));
  BOOST_OUTCOME_TRY(state->protocol,
                    choose_protocol(commit.files, commit.directory, state->options, commit.path));
  BOOST_OUTCOME_TRY(check_target(commit));
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  auto begin = commit.environment.monotonic();
  BOOST_OUTCOME_TRY(detail::timed(commit, CreateTemp::name, begin, create_temp(commit)));
  return AtomicFile(std::move(state));
}

Result<void> AtomicFile::write(Bytes bytes) {
  BOOST_OUTCOME_TRY(state_->check_open("write the new content"));
  state_->size += bytes.size();
  Buffer& gathered = state_->gathered;
  if (gathered.size() + bytes.size() < gather_size) {
    gathered.insert(gathered.end(), bytes.begin(), bytes.end());
    return success();
  }
  BOOST_OUTCOME_TRY(state_->put(gathered));
  gathered.clear();
  return state_->put(bytes);
}

std::uint64_t AtomicFile::size() const noexcept {
  return state_->size;
}

Result<Receipt> AtomicFile::commit() {
  BOOST_OUTCOME_TRY(state_->check_open("commit"));
  BOOST_OUTCOME_TRY(state_->put(state_->gathered));
  auto receipt = state_->publish();
  state_->claim.lock.reset();
  return receipt;
}

Result<void> AtomicFile::discard() {
  return state_->give_up();
}

}  // namespace perdure
