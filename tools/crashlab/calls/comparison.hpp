// SPDX-License-Identifier: BSL-1.0
// Compares the states that power cuts left of scripts with those that a preset allows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calls/allowed.hpp"
#include "judging/witness.hpp"

namespace crashlab::calls {

/// A state of the real file system that the preset does not allow, or that could not be mounted.
struct Difference {
  std::string script;
  std::string noise;
  std::string words;  ///< what is wrong
  std::string id;     ///< for `crashlab mount`; empty for those beyond --keep-max
};

/// The sum over recordings.
struct Tally {
  std::uint64_t scripts = 0;
  std::uint64_t recordings = 0;
  std::uint64_t states = 0;
  double seconds_exploring = 0;
  std::uint64_t outcomes_seen = 0;             ///< of all scripts, at each of their notes
  std::uint64_t outcomes_allowed = 0;          ///< of the same
  std::map<std::string, std::string> refused;  ///< scripts that could not run here, and why
  std::vector<Difference> differences;

  void add(const Tally& other);
};

/// For any number of recordings of any scripts.
class Comparison {
 public:
  explicit Comparison(const Rules& rules) : rules_(rules) {}

  /// Empty where the preset allows this; otherwise words for the fault, once for each outcome.
  std::string judge(const std::string& script, std::size_t notes, const std::string& outcome);

  /// With the outcomes counted.
  Tally tally() const;
  Tally& sums() { return tally_; }

 private:
  struct Known {
    Outcomes allowed;
    Outcomes seen;
  };

  Rules rules_;
  std::map<std::string, Known> scripts_;
  Tally tally_;
};

/// Looks at each state of one recording, and gives it to a Comparison.
class Onlooker : public Witness {
 public:
  Onlooker(Comparison& comparison, std::vector<std::string> names, std::string noise)
      : comparison_(comparison), names_(std::move(names)), noise_(std::move(noise)) {}

  bool watches() const override { return false; }
  void before(const Call& /*call*/) override {}
  void after(const Call& /*call*/, std::int64_t /*result*/) override {}
  void begin(const std::string& directory, const std::string& /*ack_socket*/) override {
    directory_ = directory;
  }
  void end() override {}
  void check_uncrashed() override {}
  std::unique_ptr<Checker> checker(const std::string& acked, Tick tick) override;
  int report(const Findings& findings) override;

 private:
  class AtStates;

  Comparison& comparison_;
  std::vector<std::string> names_;  // by their numbers
  std::string noise_;
  std::string directory_;
};

}  // namespace crashlab::calls
