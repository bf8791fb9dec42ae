// SPDX-License-Identifier: BSL-1.0
// Requests and answers of etcd's JSON gateway.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

namespace perdure::etcd {

/// A key as the server has it.
struct KeyValue {
  std::string key;
  Buffer value;
  std::uint64_t mod_revision = 0;
};

/// The answer to a call: the members of all calls, of which each call has some. The gateway leaves
/// out members that are 0, false or empty.
struct Answer {
  std::uint64_t revision = 0;                  ///< The store's, after the call.
  bool succeeded = false;                      ///< All compares of a transaction held.
  std::size_t operations = 0;                  ///< Of a transaction: how many were done.
  std::vector<std::vector<KeyValue>> reads{};  ///< Of each read among them, in their order.
  std::uint64_t lease = 0;                     ///< The one that was granted.
  std::string version{};                       ///< Of the server.
  std::string token{};                         ///< Of the user.
};
/// Trusts nothing: an error for any text that etcd would not send.
[[nodiscard]] Result<Answer> parse_answer(std::string_view body);

/// The answer of a server that refuses a call.
struct Refusal {
  std::int64_t code = 0;  ///< Of gRPC.
  std::string error{};
  std::string message{};  ///< The same, and all that servers from 3.6 on say.
};
[[nodiscard]] Result<Refusal> parse_refusal(std::string_view body);

/// The bodies of calls. ErrorKind::serializer for a name or a password that is not UTF-8.
[[nodiscard]] Result<std::string> user_text(const std::string& name, const std::string& password);
[[nodiscard]] std::string grant_text(std::uint64_t ttl_s);
[[nodiscard]] std::string lease_text(std::uint64_t lease);
[[nodiscard]] std::string watch_text(std::string_view key);

/// A line of the answer to a watch. An error for each that ends it.
struct WatchLine {
  bool is_created = false;
  bool is_change = false;
};
[[nodiscard]] Result<WatchLine> parse_watch_line(std::string_view line);

/// A transaction: compares, and the operations for both of their outcomes. Reads within one see one
/// moment.
class Txn {
 public:
  void expect_value(std::string_view key, Bytes value);  ///< Empty: there is no such key.
  void expect_missing(std::string_view key) { compare(key, "VERSION", "EQUAL", "version", "0"); }
  void expect_there(std::string_view key) { compare(key, "VERSION", "GREATER", "version", "0"); }

  void put(std::string_view key, Bytes value, std::uint64_t lease = 0);
  void erase(std::string_view key);
  /// All keys that begin with `prefix`, which ends with '/'.
  void erase_below(std::string_view prefix);
  void read(std::string_view key);
  void read_below(std::string_view prefix, bool keys_only = false);

  /// The same for the case that a compare fails.
  void otherwise_read(std::string_view key);

  /// Adds all of `more`.
  void add(const Txn& more);

  [[nodiscard]] std::string text() const;
  /// Whether the answer has a revision, and as many operations and reads as its outcome has.
  [[nodiscard]] bool is_answered_by(const Answer& answer) const;

 private:
  /// Operations as the gateway takes them.
  struct Branch {
    void read(std::string_view key);
    /// Begins an operation, or adds several.
    void begin(std::string_view object, std::size_t count = 1);
    void add(const Branch& more);
    std::string text{};
    std::size_t operations = 0;
    std::size_t reads = 0;
  };

  void compare(std::string_view key, std::string_view target, std::string_view result,
               std::string_view name, std::string_view value);

  std::string compares_;
  Branch success_;
  Branch failure_;
};

}  // namespace perdure::etcd
