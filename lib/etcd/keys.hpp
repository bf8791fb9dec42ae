// SPDX-License-Identifier: BSL-1.0
// The keys of a state, and what its records say: all names and forms that go to the servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

namespace perdure::etcd {

/// The keys of the state PREFIX.
class Keys {
 public:
  explicit Keys(std::string prefix) : prefix_(std::move(prefix)) {}

  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
  /// The record of the current state: the one key that a commit compares and puts.
  [[nodiscard]] std::string root() const { return prefix_ + "/state"; }
  [[nodiscard]] std::string lock() const { return prefix_ + "/lock"; }
  /// The records of previous generations, by their numbers.
  [[nodiscard]] std::string all_previous() const { return prefix_ + "/previous/"; }
  [[nodiscard]] std::string previous(std::uint64_t generation) const;
  /// The records of damaged states, by the number that each may have had.
  [[nodiscard]] std::string all_damaged() const { return prefix_ + "/damaged/"; }
  [[nodiscard]] std::string damaged(std::uint64_t generation, std::string_view token) const;
  /// The parts of contents, by the tokens of their records.
  [[nodiscard]] std::string all_content() const { return prefix_ + "/content/"; }
  [[nodiscard]] std::string content(std::string_view token) const;
  [[nodiscard]] std::string part(std::string_view token, std::uint64_t number) const;
  /// Claims of contents that are being sent, by their tokens; each lives as long as its lease.
  [[nodiscard]] std::string all_uploads() const { return prefix_ + "/upload/"; }
  [[nodiscard]] std::string upload(std::string_view token) const;

  /// The number in the key of a previous or damaged state.
  [[nodiscard]] std::optional<std::uint64_t> generation_in(std::string_view key) const;
  /// The token in the key of a part or an upload.
  [[nodiscard]] static std::string token_in(std::string_view key, std::string_view below);

 private:
  std::string prefix_;
};

/// The value of a state's key.
struct StateRecord {
  std::string token{};      ///< Random; of the commit that made it. Empty where there is no key.
  bool absent = true;       ///< There is no state, though the key stays.
  std::uint64_t size = 0;   ///< Of the content.
  std::uint64_t parts = 0;  ///< In which it lies.

  /// As it is stored, in JSON: {"perdure":1,"token":"...","size":5,"parts":1}.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const StateRecord&, const StateRecord&) = default;
};

/// ErrorKind::too_new for one of a later version, ErrorKind::corrupt for what is not a record.
Result<StateRecord> parse_record(Bytes value, const std::string& key);

}  // namespace perdure::etcd
