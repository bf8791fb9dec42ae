// SPDX-License-Identifier: BSL-1.0
// A small state travels with its commit; a larger one goes ahead of it, part by part.
#include "etcd/content.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "base/make_error.hpp"

namespace perdure::etcd {
namespace {

/// How long a claim outlives a commit that was killed. One part of a state has that long.
constexpr std::chrono::seconds claim_ttl_s{120};

/// Digits of a name whose parts are put with the commit: enough to be unique, and few, since they
/// are sent each time.
constexpr std::size_t name_size = 16;

}  // namespace

Error Content::send_failure(Error error) const {
  error.step = "send the state ahead of its commit";
  error.path = keys_.prefix();
  error.fate = Fate::unchanged;
  error.reading = false;
  return error;
}

/// The upload key, under a lease that begins now.
Result<std::uint64_t> Content::claim(const StateRecord& state, Deadline deadline) {
  auto lease = client_.grant_lease(claim_ttl_s, deadline);
  if (!lease) return send_failure(std::move(lease.error()));
  Txn txn;
  txn.put(keys_.upload(state.token), {}, lease.value());
  const auto put = client_.ask(txn, deadline);
  if (!put) return send_failure(put.error());
  return lease;
}

Result<void> Content::send(Bytes image, StateRecord& state, Txn& txn, Deadline deadline) {
  const auto part_max = static_cast<std::size_t>(options_.part_size_max);
  state.size = image.size();
  state.parts = (image.size() + part_max - 1) / part_max;
  if (state.parts <= 1) return success();
  state.content = state.token;
  BOOST_OUTCOME_TRY(clear(deadline));
  BOOST_OUTCOME_TRY(const std::uint64_t lease, claim(state, deadline));
  for (std::uint64_t number = 0; number < state.parts; ++number) {
    Txn put;
    put.expect_there(keys_.upload(state.token));
    put.put(keys_.part(state.content, number), image.first(std::min(part_max, image.size())));
    image = image.subspan(std::min(part_max, image.size()));
    // Each part has the time of one call: a large state may take longer than that.
    auto answer = client_.ask(put, client_.deadline());
    if (!answer) return send_failure(std::move(answer.error()));
    if (!answer.value().succeeded) {
      return send_failure(make_error({}, {}, std::make_error_code(std::errc::timed_out),
                                     "it took so long that its claim ran out"));
    }
    client_.keep_lease(lease, client_.deadline());
  }
  txn.expect_there(keys_.upload(state.token));
  txn.erase(keys_.upload(state.token));
  return success();
}

void Content::put(Bytes image, StateRecord& state, const std::vector<StateRecord>& freed,
                  Txn& txn) const {
  for (const StateRecord& one : freed) {
    if (state.parts == 1 && one.parts == 1 && state.content.empty()) {
      state.content = one.content;
    } else if (one.parts > 0) {
      txn.erase_below(keys_.content(one.content));
    }
  }
  if (state.parts != 1) return;
  if (state.content.empty()) state.content = state.token.substr(0, name_size);
  txn.put(keys_.part(state.content, 0), image);
}

Result<Buffer> Content::read(const StateRecord& state, Deadline deadline) {
  Buffer bytes;
  for (std::uint64_t number = 0; number < state.parts; ++number) {
    Txn read;
    read.read(keys_.part(state.content, number));
    const auto until = number == 0 ? deadline : client_.deadline();
    BOOST_OUTCOME_TRY(const Answer found, client_.ask(read, until));
    if (found.reads.front().empty()) continue;
    const Buffer& part = found.reads.front().front().value;
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

Result<void> Content::clear(Deadline deadline) {
  Txn look;
  look.read(keys_.root());
  look.read_below(keys_.all_damaged());
  look.read_below(keys_.all_content(), true);
  look.read_below(keys_.all_uploads(), true);
  auto answer = client_.ask(look, deadline);
  if (!answer) return send_failure(std::move(answer.error()));
  const Answer& found = answer.value();
  std::set<std::string> named;
  for (std::size_t i = 0; i < 2; ++i) {
    for (const auto& one : found.reads[i]) {
      BOOST_OUTCOME_TRY(const auto record, parse_record(one.value, one.key));
      named.insert(record.state.content);
      for (const auto& kept : record.previous) named.insert(kept.second.content);
    }
  }
  for (const auto& one : found.reads[3]) named.insert(Keys::name_in(one.key, keys_.all_uploads()));
  std::set<std::string> left;
  for (const auto& one : found.reads[2]) {
    const std::string name = Keys::name_in(one.key, keys_.all_content());
    if (!named.contains(name)) left.insert(name);
  }
  const Buffer root = found.reads[0].empty() ? Buffer() : found.reads[0].front().value;
  for (const std::string& name : left) {
    Txn erase;
    erase.expect_value(keys_.root(), root);
    erase.expect_missing(keys_.upload(name));
    erase.erase_below(keys_.content(name));
    const auto erased = client_.ask(erase, deadline);
    if (!erased) return send_failure(erased.error());
    if (!erased.value().succeeded) break;  // somebody committed: another time
  }
  return success();
}

}  // namespace perdure::etcd
