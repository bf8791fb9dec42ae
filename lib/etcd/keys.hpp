// SPDX-License-Identifier: BSL-1.0
// The keys of a state, and its records: all names and forms that go to the servers.
#pragma once

#include <cstdint>
#include <map>
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
  /// The records of damaged states, by the number that each may have had.
  [[nodiscard]] std::string all_damaged() const { return prefix_ + "/damaged/"; }
  [[nodiscard]] std::string damaged(std::uint64_t generation, std::string_view token) const;
  /// The parts of contents, by the names that records have for them.
  [[nodiscard]] std::string all_content() const { return prefix_ + "/content/"; }
  [[nodiscard]] std::string content(std::string_view name) const;
  [[nodiscard]] std::string part(std::string_view name, std::uint64_t number) const;
  /// Claims of contents that are being sent, by their tokens; each lives as long as its lease.
  [[nodiscard]] std::string all_uploads() const { return prefix_ + "/upload/"; }
  [[nodiscard]] std::string upload(std::string_view token) const;

  /// The number in the key of a damaged state.
  [[nodiscard]] std::optional<std::uint64_t> generation_in(std::string_view key) const;
  /// The name in the key of a part or an upload.
  [[nodiscard]] static std::string name_in(std::string_view key, std::string_view below);

 private:
  std::string prefix_;
};

/// One state: where its bytes lie.
struct StateRecord {
  std::string token{};      ///< Random; of the commit that made it. Empty where there is no key.
  bool absent = true;       ///< There is no state, though the key stays.
  std::string content{};    ///< The name of its parts; an earlier state may have had the same.
  std::uint64_t size = 0;   ///< Of the content.
  std::uint64_t parts = 0;  ///< In which it lies.

  friend bool operator==(const StateRecord&, const StateRecord&) = default;
};

/// The value of a state's key: the current state, and all that are kept.
struct RootRecord {
  StateRecord state{};
  std::map<std::uint64_t, StateRecord> previous{};  ///< By their generation numbers.
  std::uint64_t fences = 0;                         ///< How often the same record was put again.

  /// As it is stored, in JSON:
  /// {"perdure":1,"token":"...","content":"...","size":5,"parts":1,"previous":[...]}.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const RootRecord&, const RootRecord&) = default;
};

/// ErrorKind::too_new for a record of a later version, ErrorKind::corrupt for bytes that are not a
/// record. The key of a damaged state has one without previous generations.
Result<RootRecord> parse_record(Bytes value, const std::string& key);

}  // namespace perdure::etcd
