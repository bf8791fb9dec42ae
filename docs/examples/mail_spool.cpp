// SPDX-License-Identifier: BSL-1.0
// A mail spool: one thread accepts messages and answers each when it is durable. It waits for none
// before it takes the next. On ext4 and xfs one flush serves all that wait by then.
#include <deque>
#include <iostream>
#include <memory>
#include <string>

#include <perdure/perdure.hpp>

namespace pd = perdure;

namespace {

constexpr int messages = 200;
constexpr std::size_t unanswered_max = 64;  // less than the group's waiting_max: it is never busy

struct Accepted {
  std::string name;
  pd::CommitHandle commit;
};

/// As in SMTP: after 250 the sender forgets the message.
bool answer(const Accepted& accepted) {
  const auto outcome = accepted.commit.wait();
  if (outcome) return true;
  std::cerr << "451 " << accepted.name << ": " << outcome.error() << '\n';
  return false;
}

}  // namespace

int main() {
  const auto group = std::make_shared<pd::GroupCommit>(pd::GroupOptions{.committer_thread = true});
  pd::WriteOptions options;
  options.group = group;
  options.existing = pd::ExistingPolicy::keep;       // no message replaces another
  options.protocol = pd::ProtocolChoice::automatic;  // one flush for a group where it can be
  options.metadata = pd::Metadata::fixed(0600);
  const auto spool = pd::AtomicWriter::bind(".", options);
  if (!spool) return std::cerr << spool.error() << '\n', 1;

  int stored = 0;
  std::deque<Accepted> unanswered;
  for (int number = 0; number < messages; ++number) {
    const std::string name = std::to_string(number) + ".eml";
    const std::string text = "Subject: " + std::to_string(number) + "\r\n\r\nText.\r\n";
    unanswered.push_back({name, spool.value().commit_later(name, text)});
    // Answers are given in order: those that are known by now, and the oldest when many wait.
    while (!unanswered.empty() &&
           (unanswered.front().commit.ready() || unanswered.size() > unanswered_max)) {
      stored += answer(unanswered.front()) ? 1 : 0;
      unanswered.pop_front();
    }
  }
  for (const Accepted& accepted : unanswered) stored += answer(accepted) ? 1 : 0;

  const auto counts = group->counts();
  std::cout << "stored " << stored << " messages in " << counts.groups << " groups\n";
  return stored == messages ? 0 : 1;
}
