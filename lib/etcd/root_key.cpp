// SPDX-License-Identifier: BSL-1.0
// Swaps the record of a state, and finds out what became of a swap whose answer was lost.
#include "etcd/root_key.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/make_error.hpp"

namespace perdure::etcd {
namespace {

/// An error of a commit, which names the state.
Error of_commit(Error error, const Keys& keys, Fate fate) {
  error.step = "save the state";
  error.path = keys.prefix();
  error.fate = fate;
  error.reading = false;
  return error;
}

RootLook look_of(const RootRecord& record, const std::string& text) {
  const Bytes bytes = as_bytes(text);
  return {.value = Buffer(bytes.begin(), bytes.end()), .record = record};
}

}  // namespace

Result<std::string> RootKey::draw_token() {
  std::array<std::byte, 16> bytes{};
  const auto drawn = environment_.random(bytes);
  if (!drawn) return make_error("draw a token", keys_.prefix(), drawn.error());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token;
  for (const std::byte byte : bytes) {
    token += digits[std::to_integer<unsigned>(byte >> 4U)];
    token += digits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return token;
}

Result<RootLook> RootKey::parse(const std::vector<KeyValue>& keys) const {
  if (keys.empty()) return RootLook{};
  BOOST_OUTCOME_TRY(auto record, parse_record(keys.front().value, keys_.root()));
  return RootLook{.value = keys.front().value, .record = std::move(record)};
}

Result<RootLook> RootKey::look(Deadline deadline) {
  Txn read;
  read.read(keys_.root());
  auto answer = client_.ask(read, deadline);
  if (!answer) {
    answer.error().step = "look at the state";
    answer.error().path = keys_.prefix();
    return std::move(answer.error());
  }
  return parse(answer.value().reads.front());
}

Result<Swapped> RootKey::swap(RootLook seen, const RootRecord& next, const Txn& rest,
                              Deadline deadline) {
  const std::string text = next.text();
  for (unsigned tries = 1;; ++tries) {
    Txn txn;
    txn.expect_value(keys_.root(), seen.value);
    txn.put(keys_.root(), as_bytes(text));
    txn.add(rest);
    Attempt attempt = client_.tell(txn, deadline);
    if (attempt.end == Attempt::End::undone) {
      return of_commit(std::move(attempt.error), keys_, Fate::unchanged);
    }
    if (attempt.end == Attempt::End::lost) {
      const RootLook before = seen;
      auto became = find_out(seen, next.state.token, deadline);
      if (!became) {
        Error error = of_commit(std::move(attempt.error), keys_, Fate::unknown);
        error.detail += "; then, to find out what became of it: " + became.error().detail;
        return error;
      }
      if (became.value() == Became::done) return Swapped{Swapped::End::done, seen};
      if (!seen.is_same(before)) return Swapped{Swapped::End::hindered, seen};
      if (client_.is_over(deadline)) {
        return of_commit(std::move(attempt.error), keys_, Fate::unchanged);
      }
      client_.pause(tries, deadline);
      continue;
    }
    if (attempt.answer.succeeded) return Swapped{Swapped::End::done, look_of(next, text)};
    auto now = look(deadline);
    if (!now) return of_commit(std::move(now.error()), keys_, Fate::unchanged);
    if (now.value().record.state.token == next.state.token) {
      return Swapped{Swapped::End::done, now.value()};
    }
    if (!now.value().has_same_state(seen)) return Swapped{Swapped::End::overtaken, now.value()};
    if (now.value().value == seen.value || !now.value().is_same(seen)) {
      return Swapped{Swapped::End::hindered, now.value()};
    }
    seen = std::move(now.value());  // somebody else fenced a lost request: the state is the same
    if (client_.is_over(deadline)) {
      return of_commit(make_error({}, {}, std::make_error_code(std::errc::timed_out)), keys_,
                       Fate::unchanged);
    }
  }
}

/// E3. `seen` becomes the key as it is now.
Result<RootKey::Became> RootKey::find_out(RootLook& seen, const std::string& token,
                                          Deadline deadline) {
  RootRecord fence = seen.record;
  ++fence.fences;
  if (fence.state.absent) {
    BOOST_OUTCOME_TRY(fence.state.token, draw_token());
  }
  for (unsigned tries = 1;; ++tries) {
    BOOST_OUTCOME_TRY(RootLook now, look(deadline));
    const bool is_seen = now.value == seen.value;
    const std::string& there = now.record.state.token;
    if (there == token) {
      seen = std::move(now);
      return Became::done;
    }
    if (!is_seen && (there == fence.state.token || there == seen.record.state.token)) {
      seen = std::move(now);
      return Became::undone;
    }
    if (!is_seen) {
      BOOST_OUTCOME_TRY(const bool done, was_done(now, token, deadline));
      if (done) {
        seen = std::move(now);
        return Became::done;
      }
      return make_error({}, {}, ErrorKind::conflict, "another program has saved since");
    }
    Txn txn;
    txn.expect_value(keys_.root(), now.value);
    const std::string text = fence.text();
    txn.put(keys_.root(), as_bytes(text));
    const Attempt attempt = client_.tell(txn, deadline);
    if (attempt.end == Attempt::End::answered) {
      if (attempt.answer.succeeded) {
        seen = look_of(fence, text);
        return Became::undone;
      }
    } else if (attempt.end == Attempt::End::undone && client_.is_over(deadline)) {
      return attempt.error;
    }
    client_.pause(tries, deadline);
  }
}

/// Another state took the place of ours: then ours was kept as a previous generation, or set aside.
Result<bool> RootKey::was_done(const RootLook& now, const std::string& token, Deadline deadline) {
  const auto& previous = now.record.previous;
  const auto is_ours = [&](const auto& kept) { return kept.second.token == token; };
  if (std::ranges::any_of(previous, is_ours)) return true;
  Txn read;
  read.read_below(keys_.all_damaged());
  BOOST_OUTCOME_TRY(const Answer answer, client_.ask(read, deadline));
  for (const auto& one : answer.reads.front()) {
    const auto record = parse_record(one.value, one.key);
    if (record && record.value().state.token == token) return true;
  }
  return false;
}

}  // namespace perdure::etcd
