// SPDX-License-Identifier: BSL-1.0
// A tracked state in etcd: EtcdStore, a StateStore.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <perdure/etcd.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "etcd/client.hpp"
#include "etcd/content.hpp"
#include "etcd/keys.hpp"
#include "etcd/lease_lock.hpp"
#include "etcd/root_key.hpp"
#include "etcd/watch.hpp"
#include "etcd/wire.hpp"
#include "state/store_errors.hpp"

namespace perdure {
namespace etcd {
namespace {

constexpr std::string_view save_step = "save the state";
constexpr std::string_view aside_step = "set the damaged state aside";

/// The record of the state names them all, and one transaction of at most 128 operations erases
/// those that are dropped.
constexpr std::uint64_t previous_max = 48;

/// How often a commit is tried again when another program has moved previous generations.
constexpr unsigned hindered_max = 8;

class EtcdStore final : public StateStore {
 public:
  EtcdStore(const std::string& prefix, const EtcdOptions& options, System system)
      : options_(options),
        environment_(*system.environment),
        keys_(prefix),
        client_(options_, environment_),
        root_(client_, keys_, environment_),
        content_(client_, keys_, options_) {}

  Result<void> open();

  [[nodiscard]] StoreLimits limits() const override {
    return {.size_max = options_.size_max, .previous_max = previous_max, .needs_lock = false};
  }
  Result<std::unique_ptr<Lock>> lock(const LockWait& wait) override {
    return take_lease_lock(client_, keys_, options_, environment_, wait);
  }
  Result<Revision> revision() override {
    BOOST_OUTCOME_TRY(seen_, root_.look(client_.deadline()));
    return seen_->revision();
  }
  Result<std::optional<StoredState>> load() override;
  Result<StoreReceipt> commit(const StateDraft& draft) override;
  Result<StateHistory> history() override;
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override;
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override;
  Result<std::string> set_aside_previous(std::uint64_t generation) override;
  std::unique_ptr<Watch> watch() override {
    auto watch = std::make_unique<KeyWatch>(options_, environment_);
    if (!watch->begin(keys_.root())) return nullptr;
    return watch;
  }
  [[nodiscard]] std::string describe() const override { return keys_.prefix(); }

 private:
  Result<bool> has_key(const std::string& key, Client::Deadline deadline);
  RootRecord follow(const StateRecord& state, const StateDraft& draft, Txn& txn) const;
  [[nodiscard]] Error conflict(std::string_view step) const {
    return store_conflict(step, describe());
  }
  /// The error of a call that was to change something, and has not begun to.
  [[nodiscard]] Error of_change(Error error, std::string_view step) const {
    error.reading = false;
    return at_path(std::move(error), step);
  }
  [[nodiscard]] Error at_path(Error error, std::string_view step) const {
    error.step = step;
    if (error.path.empty()) error.path = describe();
    return error;
  }

  EtcdOptions options_;
  Environment& environment_;
  Keys keys_;
  Client client_;
  RootKey root_;
  Content content_;
  std::optional<RootLook> seen_;  ///< The state's key, when it was seen last.
};

Result<void> EtcdStore::open() {
  constexpr std::string_view step = "open the state";
  const auto invalid = [&](std::string words) {
    return make_error(step, keys_.prefix(), ErrorKind::invalid_argument, std::move(words));
  };
  if (keys_.prefix().empty() || keys_.prefix().back() == '/') {
    return invalid("a prefix is not empty, and does not end with '/'");
  }
  if (options_.endpoints.empty() || options_.part_size_max == 0) {
    return invalid("at least one endpoint, and parts of at least one byte, are needed");
  }
  const auto status = client_.ask("/v3/maintenance/status", "{}", client_.deadline());
  if (!status) return at_path(status.error(), step);
  const std::string& version = status.value().version;
  unsigned major = 0;
  unsigned minor = 0;
  const char* const end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, major);
  if (first.ptr != end) std::from_chars(first.ptr + 1, end, minor);
  if (major < 3 || (major == 3 && minor < 4)) {
    return make_error(
        step, keys_.prefix(), ErrorKind::unsupported,
        "the server has version '" + version + "', and 3.4 is the oldest that will do");
  }
  BOOST_OUTCOME_TRY(seen_, root_.look(client_.deadline()));
  return success();
}

Result<bool> EtcdStore::has_key(const std::string& key, Client::Deadline deadline) {
  Txn read;
  read.read(key);
  BOOST_OUTCOME_TRY(const Answer found, client_.ask(read, deadline));
  return !found.reads.front().empty();
}

/// The record is read first, then its content. In between, a commit may replace the content: then
/// there is another state, and both are read again.
Result<std::optional<StoredState>> EtcdStore::load() {
  constexpr std::string_view step = "load the state";
  const auto deadline = client_.deadline();
  auto look = root_.look(deadline);
  if (!look) return at_path(std::move(look.error()), step);
  while (!look.value().record.state.absent) {
    const StateRecord state = look.value().record.state;
    BOOST_OUTCOME_TRY(check_size(state.size, limits(), describe(), step));
    auto bytes = content_.read(state, deadline);
    if (!bytes) return at_path(std::move(bytes.error()), step);
    look = root_.look(client_.deadline());  // each part had time of its own
    if (!look) return at_path(std::move(look.error()), step);
    if (look.value().record.state != state) continue;
    seen_ = std::move(look.value());
    return StoredState{std::move(bytes.value()), seen_->revision()};
  }
  seen_ = std::move(look.value());
  return std::optional<StoredState>();
}

Result<std::optional<StoredState>> EtcdStore::load_previous(std::uint64_t generation) {
  constexpr std::string_view step = "load a previous generation";
  const auto deadline = client_.deadline();
  auto look = root_.look(deadline);
  while (true) {
    if (!look) return at_path(std::move(look.error()), step);
    const auto found = look.value().record.previous.find(generation);
    if (found == look.value().record.previous.end()) return std::optional<StoredState>();
    const StateRecord state = found->second;
    BOOST_OUTCOME_TRY(check_size(state.size, limits(), describe(), step));
    auto bytes = content_.read(state, deadline);
    if (!bytes) return at_path(std::move(bytes.error()), step);
    look = root_.look(client_.deadline());
    if (!look) continue;
    const auto& previous = look.value().record.previous;
    const auto again = previous.find(generation);
    if (again == previous.end() || again->second != state) continue;
    return StoredState{std::move(bytes.value()), {state.token}};
  }
}

Result<StateHistory> EtcdStore::history() {
  constexpr std::string_view step = "list the state's generations";
  Txn read;
  read.read(keys_.root());
  read.read_below(keys_.all_damaged());
  auto answer = client_.ask(read, client_.deadline());
  if (!answer) return at_path(std::move(answer.error()), step);
  Answer& found = answer.value();
  StateHistory history;
  if (!found.reads[0].empty()) {
    BOOST_OUTCOME_TRY(const auto root, parse_record(found.reads[0].front().value, keys_.root()));
    for (const auto& kept : root.previous) history.previous.push_back(kept.first);
  }
  std::ranges::reverse(history.previous);
  if (!history.previous.empty()) history.generation_max = history.previous.front();
  std::ranges::sort(found.reads[1], {}, &KeyValue::mod_revision);
  for (const auto& one : found.reads[1]) {
    const auto number = keys_.generation_in(one.key);
    if (!number) continue;
    history.generation_max = std::max(history.generation_max, *number);
    history.damaged.push_back(one.key);
  }
  return history;
}

/// The record that makes `state` follow the state that was seen. Adds to `txn` the content and the
/// evidence that have to be put with it.
RootRecord EtcdStore::follow(const StateRecord& state, const StateDraft& draft, Txn& txn) const {
  RootRecord next{state, seen_->record.previous};
  const StateRecord& before = seen_->record.state;
  std::vector<StateRecord> freed;
  if (!before.absent && !draft.keep_as) freed.push_back(before);
  if (!before.absent && draft.keep_as) {
    const auto [kept, is_new] = next.previous.try_emplace(*draft.keep_as, before);
    if (!is_new) {
      const StateRecord other = std::exchange(kept->second, before);
      txn.put(keys_.damaged(*draft.keep_as, other.token), as_bytes(RootRecord{other, {}}.text()));
    }
  }
  std::uint64_t dropped = 0;
  for (const std::uint64_t number : draft.drop) {
    if (number == draft.keep_as || ++dropped > previous_max) continue;
    auto there = next.previous.extract(number);
    if (there) freed.push_back(std::move(there.mapped()));
  }
  content_.put(draft.image, next.state, freed, txn);
  return next;
}

Result<StoreReceipt> EtcdStore::commit(const StateDraft& draft) {
  constexpr std::string_view compare_step = "compare the version";
  BOOST_OUTCOME_TRY(check_size(draft.image.size(), limits(), describe()));
  const auto deadline = client_.deadline();
  if (!seen_ || seen_->revision() != draft.expected) {
    auto look = root_.look(deadline);
    if (!look) return of_change(std::move(look.error()), save_step);
    seen_ = std::move(look.value());
  }
  if (seen_->revision() != draft.expected) return conflict(compare_step);
  StateRecord state;
  state.absent = false;
  BOOST_OUTCOME_TRY(state.token, root_.draw_token());
  Txn sent;
  BOOST_OUTCOME_TRY(content_.send(draft.image, state, sent, deadline));
  const auto last = state.parts > 1 ? client_.deadline() : deadline;
  for (unsigned tries = 0; tries < hindered_max; ++tries) {
    Txn txn = sent;
    const RootRecord next = follow(state, draft, txn);
    auto swapped = root_.swap(*seen_, next, txn, last);
    if (!swapped) {
      seen_.reset();
      return std::move(swapped.error());
    }
    seen_ = std::move(swapped.value().now);
    if (swapped.value().end == Swapped::End::overtaken) return conflict(compare_step);
    if (swapped.value().end == Swapped::End::done) return StoreReceipt{.revision = {state.token}};
  }
  return make_error(save_step, describe(), ErrorKind::conflict,
                    "other programs move its generations all the time, or its upload was cleared");
}

Result<std::string> EtcdStore::set_aside(const Revision& damaged, std::uint64_t generation) {
  const auto deadline = client_.deadline();
  auto look = root_.look(deadline);
  if (!look) return of_change(std::move(look.error()), aside_step);
  seen_ = std::move(look.value());
  for (unsigned tries = 0; tries < hindered_max; ++tries) {
    const StateRecord& state = seen_->record.state;
    if (state.absent || seen_->revision() != damaged) break;
    RootRecord next{{}, seen_->record.previous};
    BOOST_OUTCOME_TRY(next.state.token, root_.draw_token());
    std::string key = keys_.damaged(generation, state.token);
    Txn rest;
    rest.put(key, as_bytes(RootRecord{state, {}}.text()));
    auto swapped = root_.swap(*seen_, next, rest, deadline);
    if (!swapped) {
      seen_.reset();
      return of_change(std::move(swapped.error()), aside_step);
    }
    seen_ = std::move(swapped.value().now);
    if (swapped.value().end == Swapped::End::done) return key;
  }
  return conflict(aside_step);
}

/// May be done twice: the second time it finds its own work.
Result<std::string> EtcdStore::set_aside_previous(std::uint64_t generation) {
  constexpr std::string_view step = "set a previous generation aside";
  const auto deadline = client_.deadline();
  std::string to;
  for (unsigned tries = 0; tries < hindered_max; ++tries) {
    auto look = root_.look(deadline);
    if (!look) return of_change(std::move(look.error()), step);
    RootRecord next = look.value().record;
    const auto found = next.previous.extract(generation);
    if (!found) break;
    to = keys_.damaged(generation, found.mapped().token);
    Txn txn;
    txn.expect_value(keys_.root(), look.value().value);
    txn.put(keys_.root(), as_bytes(next.text()));
    txn.put(to, as_bytes(RootRecord{found.mapped(), {}}.text()));
    auto answer = client_.ask(txn, deadline);
    if (!answer) return of_change(std::move(answer.error()), step);
    if (answer.value().succeeded) return to;
  }
  if (to.empty()) return make_error(step, describe(), missing_cause());
  auto moved = has_key(to, deadline);
  if (!moved) return of_change(std::move(moved.error()), step);
  if (moved.value()) return to;
  return conflict(step);
}

}  // namespace
}  // namespace etcd

Result<std::unique_ptr<StateStore>> open_etcd_store(const std::string& prefix,
                                                    const EtcdOptions& options, System system) {
  auto store = std::make_unique<etcd::EtcdStore>(prefix, options, system);
  BOOST_OUTCOME_TRY(reading(store->open()));
  return store;
}

}  // namespace perdure
