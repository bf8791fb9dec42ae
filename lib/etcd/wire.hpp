// SPDX-License-Identifier: BSL-1.0
// Requests and answers of etcd's JSON gateway.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <perdure/bytes.hpp>

namespace perdure::etcd {

/// A key as the server has it.
struct KeyValue {
  std::string key;
  Buffer value;
  std::uint64_t mod_revision = 0;
};

/// The keys in the answer to one read; empty where it has none.
[[nodiscard]] std::vector<KeyValue> keys_of(const boost::json::object& range);

/// A number, which the gateway writes as a string and leaves out where it is 0.
[[nodiscard]] std::uint64_t number_of(const boost::json::object& object, std::string_view name);
/// A string; empty where there is none.
[[nodiscard]] std::string text_of(const boost::json::object& object, std::string_view name);
/// An object in it; an empty one where there is none.
[[nodiscard]] const boost::json::object& object_of(const boost::json::object& object,
                                                   std::string_view name);

/// The answer to a transaction.
struct TxnAnswer {
  bool succeeded = false;
  std::uint64_t revision = 0;                ///< The store's, after it.
  std::vector<std::vector<KeyValue>> reads;  ///< Of each read, in their order.
};
[[nodiscard]] TxnAnswer txn_answer(const boost::json::object& answer);

/// A transaction: compares, and the operations for both of their outcomes. Reads within one see one
/// moment.
class Txn {
 public:
  void expect_revision(std::string_view key, std::uint64_t mod_revision);  ///< 0: there is none.
  void expect_value(std::string_view key, Bytes value);
  void expect_missing(std::string_view key) { expect_revision(key, 0); }
  void expect_there(std::string_view key);

  void put(std::string_view key, Bytes value, std::uint64_t lease = 0);
  void erase(std::string_view key);
  /// All keys that begin with `prefix`, which ends with '/'.
  void erase_below(std::string_view prefix);
  void read(std::string_view key);
  void read_below(std::string_view prefix, bool keys_only = false);

  /// The same for the case that a compare fails.
  void otherwise_read(std::string_view key);

  [[nodiscard]] std::string text() const;

 private:
  std::string compares_;
  std::string success_;
  std::string failure_;
};

}  // namespace perdure::etcd
