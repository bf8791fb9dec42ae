// SPDX-License-Identifier: BSL-1.0
// perdure state copy: a state with its history, from one store to another.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>

#include <perdure/state_store.hpp>
#include <perdure/tracker_options.hpp>

#include "commands/state.hpp"
#include "common/progress.hpp"
#include "options/commit.hpp"
#include "options/state_address.hpp"
#include "options/state_file.hpp"
#include "sources/once.hpp"

namespace perdure::cli {

namespace json = boost::json;

namespace {

constexpr std::string_view copy_examples =
    "Commits each previous generation of FROM to TO, the oldest first, and then the state, byte\n"
    "for byte and under the same numbers. A copy that was interrupted goes on where it was. TO is\n"
    "a state that does not exist, or that an earlier copy has begun; any other is refused. FROM\n"
    "stays as it is; save nothing there until the copy is done. Status 6: a part of the history "
    "is\n"
    "in TO. Damaged states are not copied.\n"
    "\n"
    "Examples:\n"
    "  perdure state copy queue.json etcd://db1:2379,db2:2379/app/queue\n"
    "  perdure state copy etcds://db1:2379/app/queue backup.json\n";

constexpr std::string_view step = "copy the state";

Error refusal(const std::string& at, std::string words) {
  return {.kind = ErrorKind::conflict,
          .cause = {},
          .step = std::string(step),
          .path = at,
          .detail = std::move(words)};
}

/// The generations of a state, the oldest first and the current one last.
class Chain {
 public:
  Chain(StateStore& store, std::string path) : store_(store), path_(std::move(path)) {}

  Result<void> open() {
    BOOST_OUTCOME_TRY(auto current, store_.load());
    if (!current) {
      return Error{.cause = std::make_error_code(std::errc::no_such_file_or_directory),
                   .step = std::string(step),
                   .path = path_,
                   .detail = {}};
    }
    current_ = std::move(*current);
    BOOST_OUTCOME_TRY(const auto history, store_.history());
    numbers_.assign(history.previous.rbegin(), history.previous.rend());
    if (numbers_.empty()) return success();
    // A save that was cut short leaves the current state a second name: one content, one revision.
    BOOST_OUTCOME_TRY(const auto newest, store_.load_previous(numbers_.back()));
    if (newest && newest->revision == current_.revision) numbers_.pop_back();
    return success();
  }

  [[nodiscard]] std::size_t size() const { return numbers_.size() + 1; }
  /// Of the previous generations.
  [[nodiscard]] const std::vector<std::uint64_t>& numbers() const { return numbers_; }

  Result<Buffer> bytes_of(std::size_t index) {
    if (index == numbers_.size()) return current_.bytes;
    BOOST_OUTCOME_TRY(auto stored, store_.load_previous(numbers_[index]));
    if (stored) return std::move(stored->bytes);
    return refusal(path_, "generation " + std::to_string(numbers_[index]) +
                              " went away in the meantime: run it again");
  }
  [[nodiscard]] Result<void> check_unchanged() {
    BOOST_OUTCOME_TRY(const Revision now, store_.revision());
    if (now == current_.revision) return success();
    return refusal(path_, "somebody saved it in the meantime: run it again");
  }

 private:
  StateStore& store_;
  std::string path_;
  StoredState current_;
  std::vector<std::uint64_t> numbers_;
};

struct CopyCommand {
  std::string from;
  std::string to;
  std::chrono::milliseconds lock_timeout_ms = TrackerOptions().lock_timeout_ms;
  StateLimits limits;
  mutable OnceResolved files;  // paths are resolved once, at the first look
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const;
  /// How many generations were committed now.
  [[nodiscard]] Result<std::size_t> copy(Chain& chain, StateStore& target) const;
  [[nodiscard]] Result<std::size_t> find_begin(Chain& chain, StateStore& target,
                                               const std::optional<StoredState>& there) const;
  [[nodiscard]] Result<std::unique_ptr<StateStore>> open_target() const;
};

Result<std::unique_ptr<StateStore>> CopyCommand::open_target() const {
  if (is_etcd_address(to)) return open_etcd_address(to, limits.size_max(), files.system());
  return open_file_store(to, {.size_max = limits.size_max()}, files.system());
}

/// The first generation that the target does not have. It must have all before that one, and
/// nothing else.
Result<std::size_t> CopyCommand::find_begin(Chain& chain, StateStore& target,
                                            const std::optional<StoredState>& there) const {
  BOOST_OUTCOME_TRY(const auto history, target.history());
  const std::vector<std::uint64_t> kept(history.previous.rbegin(), history.previous.rend());
  const auto other = [&] { return refusal(to, "it has a state of its own: choose another place"); };
  if (!there && kept.empty()) return std::size_t{0};
  if (!there || kept.size() >= chain.size()) return other();
  const std::size_t last = kept.size();  // the current one comes behind the previous ones
  if (!std::equal(kept.begin(), kept.end(), chain.numbers().begin())) return other();
  BOOST_OUTCOME_TRY(const Buffer bytes, chain.bytes_of(last));
  if (bytes != there->bytes) return other();
  return last + 1;
}

/// The error of a copy that has begun: it can go on.
Error half_way(Error error, std::size_t copied) {
  if (copied == 0 || error.fate != Fate::unchanged) return error;
  error.fate = Fate::durable;
  error.detail += (error.detail.empty() ? "" : "; ") + std::to_string(copied) +
                  " generations were copied, and to run it again goes on from there";
  return error;
}

Result<std::size_t> CopyCommand::copy(Chain& chain, StateStore& target) const {
  BOOST_OUTCOME_TRY(const auto lock, target.lock({lock_timeout_ms, {}}));
  if (chain.size() - 1 > target.limits().previous_max) {
    return refusal(to, "it can keep " + std::to_string(target.limits().previous_max) +
                           " previous generations, and there are " +
                           std::to_string(chain.size() - 1));
  }
  BOOST_OUTCOME_TRY(const auto there, target.load());
  BOOST_OUTCOME_TRY(const std::size_t begin, find_begin(chain, target, there));
  Revision revision = there ? there->revision : Revision{};
  using Clock = std::chrono::steady_clock;
  const bool shown = !output.quiet && !output.json && ::isatty(STDERR_FILENO) == 1;
  Progress progress(std::cerr, shown, chain.size() - begin, Clock::now(), "generations");
  for (std::size_t index = begin; index < chain.size(); ++index) {
    const auto bytes = chain.bytes_of(index);
    if (!bytes) return half_way(bytes.error(), index - begin);
    StateDraft draft{
        .image = bytes.value(), .expected = std::move(revision), .keep_as = {}, .drop = {}};
    if (index > 0) draft.keep_as = chain.numbers()[index - 1];
    auto receipt = target.commit(draft);
    if (!receipt) return half_way(std::move(receipt.error()), index - begin);
    revision = std::move(receipt.value().revision);
    progress.advance(1, Clock::now());
  }
  const auto unchanged = chain.check_unchanged();
  if (!unchanged) return half_way(unchanged.error(), chain.size() - begin);
  return chain.size() - begin;
}

ExitStatus CopyCommand::run() const {
  const auto work = [&]() -> Result<std::size_t> {
    BOOST_OUTCOME_TRY(const auto source, open_to_look(from, limits, files.system()));
    Chain chain(*source, from);
    BOOST_OUTCOME_TRY(chain.open());
    BOOST_OUTCOME_TRY(const auto target, open_target());
    return copy(chain, *target);
  };
  const auto copied = work();
  if (!copied) return report(copied.error(), output);
  if (output.json) {
    print(json::object{{"fate", "done"}, {"generations", copied.value()}});
  } else if (!output.quiet) {
    print(printable(to) + ": committed " + std::to_string(copied.value()) + " generations of " +
          printable(from) + "\n");
  }
  return ExitStatus::success;
}

}  // namespace

void add_state_copy(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<CopyCommand>();
  CLI::App* sub = state.add_subcommand("copy", "Copy a state with its history to another store");
  sub->add_option("FROM", command->from, "The state")->required()->type_name("");
  sub->add_option("TO", command->to, "Where it shall be, too")->required()->type_name("");
  add_lock_timeout_option(*sub, command->lock_timeout_ms);
  add_limits(*sub, command->limits);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(copy_examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
