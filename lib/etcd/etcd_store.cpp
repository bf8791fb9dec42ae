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

/// A transaction has at most 128 operations; one generation that is dropped takes two.
constexpr std::uint64_t previous_max = 48;

/// How often a commit is made again whose generations another program has moved.
constexpr unsigned hindered_max = 8;

/// The records of the previous generations, by their numbers, as they are stored.
using Previous = std::map<std::uint64_t, Buffer>;

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
  Result<std::optional<KeyValue>> read_key(const std::string& key, Client::Deadline deadline);
  Result<void> look_at_previous(Client::Deadline deadline);
  Result<Txn> with_generations(Txn txn, const StateDraft& draft, Client::Deadline deadline);
  [[nodiscard]] Error conflict(std::string_view step) const {
    return store_conflict(step, describe());
  }
  /// The error of a call that changes something, which has not begun to.
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
  std::optional<RootLook> seen_;      ///< The state's key, when it was seen last.
  std::optional<Previous> previous_;  ///< When they were seen last; changed by own commits.
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

Result<std::optional<KeyValue>> EtcdStore::read_key(const std::string& key,
                                                    Client::Deadline deadline) {
  Txn read;
  read.read(key);
  BOOST_OUTCOME_TRY(Answer found, client_.ask(read, deadline));
  if (found.reads.front().empty()) return std::optional<KeyValue>();
  return std::optional<KeyValue>(std::move(found.reads.front().front()));
}

/// The record is read first, then its content, which a commit may erase in between: then there is
/// another record.
Result<std::optional<StoredState>> EtcdStore::load() {
  constexpr std::string_view step = "load the state";
  const auto deadline = client_.deadline();
  auto look = root_.look(deadline);
  if (!look) return at_path(std::move(look.error()), step);
  while (!look.value().record.absent) {
    BOOST_OUTCOME_TRY(check_size(look.value().record.size, limits(), describe(), step));
    auto bytes = content_.read(look.value().record, deadline);
    if (!bytes) return at_path(std::move(bytes.error()), step);
    auto again = root_.look(client_.deadline());  // each part had time of its own
    if (!again) return at_path(std::move(again.error()), step);
    const bool is_same = again.value().record == look.value().record;
    look = std::move(again);
    if (!is_same) continue;
    seen_ = look.value();
    return StoredState{std::move(bytes.value()), seen_->revision()};
  }
  seen_ = look.value();
  return std::optional<StoredState>();
}

Result<std::optional<StoredState>> EtcdStore::load_previous(std::uint64_t generation) {
  constexpr std::string_view step = "load a previous generation";
  const auto deadline = client_.deadline();
  const std::string key = keys_.previous(generation);
  while (true) {
    auto found = read_key(key, deadline);
    if (!found) return at_path(std::move(found.error()), step);
    if (!found.value()) return std::optional<StoredState>();
    BOOST_OUTCOME_TRY(const auto record, parse_record(found.value()->value, key));
    BOOST_OUTCOME_TRY(check_size(record.size, limits(), key, step));
    auto bytes = content_.read(record, deadline);
    if (!bytes) return at_path(std::move(bytes.error()), step);
    auto again = read_key(key, client_.deadline());
    if (!again) return at_path(std::move(again.error()), step);
    const bool is_same = again.value() && again.value()->value == found.value()->value;
    if (is_same) return StoredState{std::move(bytes.value()), {record.token}};
  }
}

Result<void> EtcdStore::look_at_previous(Client::Deadline deadline) {
  Txn read;
  read.read_below(keys_.all_previous());
  BOOST_OUTCOME_TRY(const Answer found, client_.ask(read, deadline));
  Previous previous;
  for (const auto& one : found.reads.front()) {
    if (const auto number = keys_.generation_in(one.key)) previous[*number] = one.value;
  }
  previous_ = std::move(previous);
  return success();
}

Result<StateHistory> EtcdStore::history() {
  constexpr std::string_view step = "list the state's generations";
  Txn read;
  read.read_below(keys_.all_previous());
  read.read_below(keys_.all_damaged());
  auto answer = client_.ask(read, client_.deadline());
  if (!answer) return at_path(std::move(answer.error()), step);
  Answer& found = answer.value();
  StateHistory history;
  Previous previous;
  const auto count = [&](const KeyValue& one) {
    const auto number = keys_.generation_in(one.key);
    history.generation_max = std::max(history.generation_max, number.value_or(0));
    return number;
  };
  for (const auto& one : found.reads[0]) {
    const auto number = count(one);
    if (!number) continue;
    history.previous.push_back(*number);
    previous[*number] = one.value;
  }
  std::ranges::reverse(history.previous);  // keys come in their order
  std::ranges::sort(found.reads[1], {}, &KeyValue::mod_revision);
  for (const auto& one : found.reads[1]) {
    if (count(one)) history.damaged.push_back(one.key);
  }
  previous_ = std::move(previous);
  return history;
}

/// The part of a commit that keeps the current state, and drops others with their contents. It
/// expects each of them as it was seen.
Result<Txn> EtcdStore::with_generations(Txn txn, const StateDraft& draft,
                                        Client::Deadline deadline) {
  const auto is_known = [&](std::uint64_t number) { return previous_->contains(number); };
  if (!previous_ || !std::ranges::all_of(draft.drop, is_known)) {
    BOOST_OUTCOME_TRY(look_at_previous(deadline));
  }
  if (draft.keep_as && !seen_->record.absent) {
    const std::string key = keys_.previous(*draft.keep_as);
    const auto there = previous_->find(*draft.keep_as);
    if (there == previous_->end()) {
      txn.expect_missing(key);
    } else {
      txn.expect_value(key, there->second);
      const auto other = parse_record(there->second, key);
      const std::string token = other ? other.value().token : "unknown";
      txn.put(keys_.damaged(*draft.keep_as, token), there->second);
    }
    txn.put(key, seen_->value);
  } else if (!seen_->record.absent) {
    txn.erase_below(keys_.content(seen_->record.token));
  }
  std::uint64_t dropped = 0;
  for (const std::uint64_t number : draft.drop) {
    const auto there = previous_->find(number);
    if (there == previous_->end() || number == draft.keep_as || ++dropped > previous_max) continue;
    const std::string key = keys_.previous(number);
    txn.expect_value(key, there->second);
    txn.erase(key);
    const auto record = parse_record(there->second, key);
    if (record) txn.erase_below(keys_.content(record.value().token));
  }
  return txn;
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
  StateRecord next;
  next.absent = false;
  BOOST_OUTCOME_TRY(next.token, root_.draw_token());
  Txn content;
  BOOST_OUTCOME_TRY(content_.send(draft.image, next, content, deadline));
  const auto last = next.parts > 1 ? client_.deadline() : deadline;
  for (unsigned tries = 0; tries < hindered_max; ++tries) {
    auto rest = with_generations(content, draft, last);
    if (!rest) return of_change(std::move(rest.error()), save_step);
    auto swapped = root_.swap(*seen_, next, rest.value(), last);
    if (!swapped) {
      seen_.reset();
      previous_.reset();
      return std::move(swapped.error());
    }
    const RootLook before = std::exchange(*seen_, std::move(swapped.value().now));
    if (swapped.value().end == Swapped::End::overtaken) return conflict(compare_step);
    if (swapped.value().end == Swapped::End::done) {
      if (draft.keep_as && !before.record.absent) (*previous_)[*draft.keep_as] = before.value;
      for (const auto number : draft.drop) {
        if (number != draft.keep_as) previous_->erase(number);
      }
      return StoreReceipt{.revision = {next.token}};
    }
    previous_.reset();
  }
  return make_error(save_step, describe(), ErrorKind::conflict,
                    "other programs move its generations all the time, or its upload was cleared");
}

Result<std::string> EtcdStore::set_aside(const Revision& damaged, std::uint64_t generation) {
  const auto deadline = client_.deadline();
  auto look = root_.look(deadline);
  if (!look) return of_change(std::move(look.error()), aside_step);
  seen_ = std::move(look.value());
  if (seen_->record.absent || seen_->revision() != damaged) return conflict(aside_step);
  StateRecord next;
  BOOST_OUTCOME_TRY(next.token, root_.draw_token());
  std::string key = keys_.damaged(generation, seen_->record.token);
  Txn rest;
  rest.put(key, seen_->value);
  auto swapped = root_.swap(*seen_, next, rest, deadline);
  if (!swapped) {
    seen_.reset();
    return of_change(std::move(swapped.error()), aside_step);
  }
  seen_ = std::move(swapped.value().now);
  if (swapped.value().end != Swapped::End::done) return conflict(aside_step);
  return key;
}

/// May be done twice: the second time it finds its own work.
Result<std::string> EtcdStore::set_aside_previous(std::uint64_t generation) {
  constexpr std::string_view step = "set a previous generation aside";
  const auto deadline = client_.deadline();
  const std::string from = keys_.previous(generation);
  auto found = read_key(from, deadline);
  if (!found) return of_change(std::move(found.error()), step);
  if (!found.value()) return make_error(step, from, missing_cause());
  const auto record = parse_record(found.value()->value, from);
  std::string to = keys_.damaged(generation, record ? record.value().token : "unknown");
  Txn txn;
  txn.expect_value(from, found.value()->value);
  txn.erase(from);
  txn.put(to, found.value()->value);
  previous_.reset();
  auto answer = client_.ask(txn, deadline);
  if (!answer) return of_change(std::move(answer.error()), step);
  if (answer.value().succeeded) return to;
  auto moved = read_key(to, deadline);
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
