// SPDX-License-Identifier: BSL-1.0
// The witness of one recording: sees the calls, and judges each state.
#pragma once

#include <optional>
#include <string>

#include "judging/witness.hpp"
#include "witness/judgement.hpp"
#include "witness/observer.hpp"
#include "witness/recovery.hpp"

namespace crashlab {

class Judge : public Witness {
 public:
  /// All outlive this. Findings go to `judgement`.
  Judge(const JudgeOptions& options, std::string noise, Judgement& judgement, Tick tick);

  void begin(const std::string& directory, const std::string& ack_socket) override;
  void before(const Call& call) override { observer_->before(call); }
  void after(const Call& call, std::int64_t result) override { observer_->after(call, result); }
  void end() override;
  void check_uncrashed() override;
  std::unique_ptr<Checker> checker(const std::string& acked, Tick tick) override;
  int report(const Findings& findings) override;

  /// Judges the mounted state, with so many of our acknowledgements before the crash.
  Verdict judge(std::size_t marks);

 private:
  const JudgeOptions& options_;
  std::string noise_;
  Judgement& judgement_;
  Tick tick_;
  std::string directory_;
  ContentStore store_;
  History history_;
  Costs costs_;
  RulingRules rules_;
  std::optional<Observer> observer_;
  std::optional<Recovery> recovery_;
};

}  // namespace crashlab
