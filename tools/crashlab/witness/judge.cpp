// SPDX-License-Identifier: BSL-1.0
// Joins observer, ruling and recovery for one recording.
#include "witness/judge.hpp"

#include "disk/acks.hpp"
#include "host/posix.hpp"

namespace crashlab {
namespace {

/// Marks our acknowledgements among those of the workload.
const std::string mark_prefix = "call: ";

class JudgeChecker : public Checker {
 public:
  JudgeChecker(Judge& judge, std::string acked) : judge_(judge), acked_(std::move(acked)) {}

  Verdict check() override {
    const std::string text = read_file(acked_);
    std::size_t marks = 0;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      if (text.compare(at, mark_prefix.size(), mark_prefix) == 0) ++marks;
    }
    return judge_.judge(marks);
  }

 private:
  Judge& judge_;
  std::string acked_;
};

FileSystemRow row_of(FsKind kind) {
  return {kind == FsKind::ext3 || kind == FsKind::ext4 || kind == FsKind::xfs};
}

}  // namespace

Judge::Judge(const JudgeOptions& options, std::string noise, Judgement& judgement, Tick tick)
    : options_(options), noise_(std::move(noise)), judgement_(judgement), tick_(std::move(tick)) {
  rules_.recovered = !options_.recover.empty();
  rules_.ignored = options_.ignored;
}

void Judge::begin(const std::string& directory, const std::string& ack_socket) {
  directory_ = directory;
  observer_.emplace(
      directory, row_of(options_.run.fs_kind()), history_, store_, costs_,
      [ack_socket](const std::string& words) { send_ack(ack_socket, mark_prefix + words); });
  observer_->begin();
}

void Judge::end() {
  observer_->end();
}

void Judge::check_uncrashed() {
  const Window window = history_.window(history_.mark_count());
  for (const Finding& finding : rule(history_, window, true, look(directory_, store_), rules_)) {
    if (finding.kind == Finding::Kind::in_place) continue;
    throw Failure("what the program left is not what its calls made (" + words(finding) +
                  "): something writes here that can't be seen");
  }
  if (options_.recover.empty()) return;
  Command command = Command::shell(options_.recover);
  command.environment["CRASHLAB_MOUNT"] = directory_;
  command.timeout_s = options_.run.check_timeout_s;
  recovery_.emplace(std::move(command), directory_, history_, tick_);
  recovery_->check_uncrashed();
}

std::unique_ptr<Checker> Judge::checker(const std::string& acked, Tick /*tick*/) {
  return std::make_unique<JudgeChecker>(*this, acked);
}

Verdict Judge::judge(std::size_t marks) {
  const Window window = history_.window(marks);
  const bool ended = marks >= history_.mark_count();
  auto findings = rule(history_, window, ended, look(directory_, store_), rules_);
  if (recovery_) {
    if (auto finding = recovery_->judge(window, ended)) findings.push_back(std::move(*finding));
  }
  std::string news;
  for (const Finding& finding : findings) {
    if (judgement_.add(finding, noise_)) news += (news.empty() ? "" : "\n") + words(finding);
  }
  return {news.empty(), news};
}

int Judge::report(const Findings& findings) {
  for (const Violation& violation : findings.kept) judgement_.kept(violation.reason, violation.id);
  const Summary& summary = findings.summary;
  judgement_.add_refused(summary.violations[static_cast<std::size_t>(Violation::Kind::mount)] +
                         summary.violations[static_cast<std::size_t>(Violation::Kind::fsck)]);
  judgement_.measured(history_.now(), costs_, findings.recording.flushes.size());
  judgement_.add(
      {noise_, summary.states, summary.cut.empty() ? "completion" : summary.cut, summary.seconds});
  return summary.cut == "interrupted" ? 2 : 0;
}

}  // namespace crashlab
