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

}  // namespace

Error Content::send_failure(Error error) const {
  error.step = "send the state ahead of its commit";
  error.path = keys_.prefix();
  error.fate = Fate::unchanged;
  error.reading = false;
  return error;
}

/// The upload key, under a lease that begins now.
Result<std::uint64_t> Content::claim(const StateRecord& record, Deadline deadline) {
  auto lease = client_.grant_lease(claim_ttl_s, deadline);
  if (!lease) return send_failure(std::move(lease.error()));
  Txn txn;
  txn.put(keys_.upload(record.token), {}, lease.value());
  const auto put = client_.ask(txn, deadline);
  if (!put) return send_failure(put.error());
  return lease;
}

Result<void> Content::send(Bytes image, StateRecord& record, Txn& txn, Deadline deadline) {
  const auto part_max = static_cast<std::size_t>(options_.part_size_max);
  record.size = image.size();
  record.parts = (image.size() + part_max - 1) / part_max;
  if (record.parts <= 1) {
    if (!image.empty()) txn.put(keys_.part(record.token, 0), image);
    return success();
  }
  BOOST_OUTCOME_TRY(clear(deadline));
  BOOST_OUTCOME_TRY(const std::uint64_t lease, claim(record, deadline));
  for (std::uint64_t number = 0; number < record.parts; ++number) {
    Txn put;
    put.expect_there(keys_.upload(record.token));
    put.put(keys_.part(record.token, number), image.first(std::min(part_max, image.size())));
    image = image.subspan(std::min(part_max, image.size()));
    // The time of each part counts anew: a large state may take longer than one call.
    auto answer = client_.ask(put, client_.deadline());
    if (!answer) return send_failure(std::move(answer.error()));
    if (!answer.value().succeeded) {
      return send_failure(make_error({}, {}, std::make_error_code(std::errc::timed_out),
                                     "it took so long that its claim ran out"));
    }
    client_.keep_lease(lease, client_.deadline());
  }
  txn.expect_there(keys_.upload(record.token));
  txn.erase(keys_.upload(record.token));
  return success();
}

Result<Buffer> Content::read(const StateRecord& record, Deadline deadline) {
  Buffer bytes;
  for (std::uint64_t number = 0; number < record.parts; ++number) {
    Txn read;
    read.read(keys_.part(record.token, number));
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
  look.read_below(keys_.all_previous());
  look.read_below(keys_.all_damaged());
  look.read_below(keys_.all_content(), true);
  look.read_below(keys_.all_uploads(), true);
  auto answer = client_.ask(look, deadline);
  if (!answer) return send_failure(std::move(answer.error()));
  const Answer& found = answer.value();
  std::set<std::string> named;
  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& one : found.reads[i]) {
      BOOST_OUTCOME_TRY(const auto record, parse_record(one.value, one.key));
      named.insert(record.token);
    }
  }
  for (const auto& one : found.reads[4]) named.insert(Keys::token_in(one.key, keys_.all_uploads()));
  std::set<std::string> left;
  for (const auto& one : found.reads[3]) {
    const std::string token = Keys::token_in(one.key, keys_.all_content());
    if (!named.contains(token)) left.insert(token);
  }
  const std::uint64_t revision = found.reads[0].empty() ? 0 : found.reads[0].front().mod_revision;
  for (const std::string& token : left) {
    Txn erase;
    erase.expect_revision(keys_.root(), revision);
    erase.expect_missing(keys_.upload(token));
    erase.erase_below(keys_.content(token));
    const auto erased = client_.ask(erase, deadline);
    if (!erased) return send_failure(erased.error());
    if (!erased.value().succeeded) break;  // somebody committed: another time
  }
  return success();
}

}  // namespace perdure::etcd
