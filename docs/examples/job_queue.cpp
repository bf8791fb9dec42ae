// SPDX-License-Identifier: BSL-1.0
// A queue of jobs that threads and processes share: no number is given twice, no job done twice.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <perdure/state.hpp>

namespace pd = perdure;

namespace app {

struct Job {
  std::string name;
  bool taken = false;
};
BOOST_DESCRIBE_STRUCT(Job, (), (name, taken))

struct Queue {
  std::uint64_t next_id = 1;
  std::map<std::uint64_t, Job> jobs;
  std::uint64_t done = 0;
};
BOOST_DESCRIBE_STRUCT(Queue, (), (next_id, jobs, done))

using Tracker = pd::StateTracker<Queue>;

/// The number of the new job, durable when it is returned.
pd::Result<std::uint64_t> add(Tracker& queue, const std::string& name) {
  BOOST_OUTCOME_TRY(auto added, queue.update([&](Queue& q) {
    q.jobs[q.next_id] = {name, false};
    return q.next_id++;
  }));
  return added.value;
}

/// A job that nobody else has; empty if none is left.
pd::Result<std::optional<std::uint64_t>> take(Tracker& queue) {
  BOOST_OUTCOME_TRY(auto taken, queue.update([](Queue& q) -> std::optional<std::uint64_t> {
    for (auto& [id, job] : q.jobs) {
      if (!std::exchange(job.taken, true)) return id;
    }
    return std::nullopt;
  }));
  return taken.value;
}

pd::Result<void> finish(Tracker& queue, std::uint64_t id) {
  return queue.update([id](Queue& q) {
    q.jobs.erase(id);
    ++q.done;
  });
}

/// False if none is left.
pd::Result<bool> take_and_finish(Tracker& queue) {
  BOOST_OUTCOME_TRY(const auto job, take(queue));
  if (!job) return false;
  BOOST_OUTCOME_TRY(finish(queue, *job));
  return true;
}

/// Four threads, until the queue is empty. False after an error.
bool work() {
  auto queue = Tracker::open("queue.json");
  if (!queue) return std::cerr << queue.error() << '\n', false;
  std::vector<std::thread> workers;
  std::vector<char> fine(4, 1);
  for (std::size_t i = 0; i < fine.size(); ++i) {
    workers.emplace_back([&, i] {
      while (true) {
        const auto more = take_and_finish(queue.value());
        if (more && more.value()) continue;
        if (!more) std::cerr << more.error() << '\n';
        fine[i] = more ? 1 : 0;
        return;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  return std::find(fine.begin(), fine.end(), 0) == fine.end();
}

}  // namespace app

int main() {
  {
    auto queue = app::Tracker::open("queue.json");
    if (!queue) return std::cerr << queue.error() << '\n', 1;
    for (int i = 0; i < 40; ++i) {
      if (auto id = app::add(queue.value(), "job " + std::to_string(i)); !id) {
        return std::cerr << id.error() << '\n', 1;
      }
    }
  }
  const pid_t other = ::fork();  // a second process; each opens the state for itself
  if (other < 0) return std::perror("fork"), 1;
  const bool fine = app::work();
  if (other == 0) return fine ? 0 : 1;
  int status = 0;
  if (::waitpid(other, &status, 0) != other) return std::perror("waitpid"), 1;
  const auto left = pd::load_state<app::Queue>("queue.json");  // to look at it needs no lock
  if (!left) return std::cerr << left.error() << '\n', 1;
  std::cout << left.value().value->done << " jobs done, " << left.value().value->jobs.size()
            << " left\n";
  return fine && status == 0 && left.value().value->done == 40 ? 0 : 1;
}
