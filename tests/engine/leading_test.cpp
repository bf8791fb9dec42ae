// SPDX-License-Identifier: BSL-1.0
// The queue of a group by itself: who leads, who waits, and for whom nobody waits.
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "engine/leader_queue.hpp"
#include "support/catch.hpp"

using namespace perdure;
using namespace std::chrono_literals;

namespace {

struct Errand : Arrival {
  Errand() : Arrival(1) {}
  int of = 0;      // who came with it
  int number = 0;  // and how many came before
  int served = 0;
};

/// Nobody stands behind it.
class PostedErrand final : public Posted {
 public:
  explicit PostedErrand(std::size_t& not_done) {
    errand.posted = this;
    left = &not_done;
  }
  void finish() noexcept override { finished = errand.served; }

  Errand errand;
  int finished = 0;
};

/// Serves errands, and knows the last one of each who came.
struct Queue {
  explicit Queue(LeaderQueue::Limits limits, bool with_committer)
      : queue(limits, [this](const ArrivalQueue& group) { serve(group); }) {
    if (with_committer) queue.start_committer(nullptr);
  }
  void serve(const ArrivalQueue& group) {
    if (leaders.fetch_add(1) != 0) ++wrong;
    for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
      auto& errand = static_cast<Errand&>(*arrival);
      int& last = numbers[static_cast<std::size_t>(errand.of)];
      if (errand.number != last++) ++wrong;
      ++errand.served;
    }
    --leaders;
  }

  std::atomic<int> leaders = 0;
  std::atomic<int> wrong = 0;
  std::vector<int> numbers = std::vector<int>(8, 0);  // the leader's
  LeaderQueue queue;
};

/// Somebody who comes with one errand after the other.
struct Caller {
  Caller(Queue& to, int as) : queue(to), of(as) {}

  void join() {
    Errand errand;
    errand.of = of;
    errand.number = number++;
    if (!queue.queue.join(errand) || errand.served != 1) ++queue.wrong;
  }
  /// Empty if as many wait as may.
  std::shared_ptr<PostedErrand> post() {
    const auto posted = std::make_shared<PostedErrand>(left);
    posted->errand.of = of;
    posted->errand.number = number;
    if (queue.queue.post(posted->errand, posted) != LeaderQueue::Posting::done) return nullptr;
    ++number;
    return posted;
  }
  void call(PostedErrand& posted) {
    Procedure<> call([this] { ++called; });
    if (!queue.queue.call_when_done(posted.errand, call)) call();
  }
  /// One round of whatever there is to do.
  void go(int round) {
    if (round % 5 == 0) return join();
    const auto posted = post();
    if (!posted) return join();
    ++posts;
    call(*posted);
    if (round % 5 == 1 && (!queue.queue.wait(posted->errand, {}) || posted->finished != 1)) {
      ++queue.wrong;
    }
    if (round % 5 == 2) {
      const auto now = std::chrono::steady_clock::now();
      if (queue.queue.wait(posted->errand, now) && posted->finished != 1) ++queue.wrong;
    }
    if (round % 25 == 3) queue.queue.drain(left);
  }

  Queue& queue;
  int of;
  int number = 0;
  int posts = 0;
  std::size_t left = 0;
  std::atomic<int> called = 0;
};

}  // namespace

TEST_CASE("who joins, waits, gives up, drains or goes on: all are served once, in order", "[P10]") {
  const bool with_committer = GENERATE(false, true);
  Queue queue({.group_size_max = 3, .waiting_max = 4}, with_committer);
  constexpr int rounds = 300;
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<std::thread> running;
  for (int of = 0; of < 6; ++of) callers.push_back(std::make_unique<Caller>(queue, of));
  for (const auto& caller : callers) {
    running.emplace_back([&queue, each = caller.get()] {
      for (int round = 0; round < rounds; ++round) each->go(round + each->of);
      queue.queue.drain(each->left);
    });
  }
  for (std::thread& thread : running) thread.join();
  queue.queue.close();
  CHECK(queue.wrong == 0);
  for (const auto& caller : callers) {
    CHECK(caller->left == 0);
    while (caller->called < caller->posts) std::this_thread::yield();
    CHECK(queue.numbers[static_cast<std::size_t>(caller->of)] == rounds);
  }
}

// A copy of the root took a minute, in one group with a put. The next put, which nobody joined,
// waited for half a minute.
TEST_CASE("no leader waits for others by the time of a group that did other work", "[P10]") {
  const bool lasts = GENERATE(false, true);
  std::atomic<bool> open = false;
  LeaderQueue queue({.group_size_max = 4, .waiting_max = 4}, [&](const ArrivalQueue& group) {
    if (!open && group.size() == 1) open.wait(false);
  });
  std::vector<std::thread> threads;
  const auto join = [&](bool other_work) {
    Errand errand;
    errand.lasts = other_work;
    if (!queue.join(errand)) std::terminate();
  };
  threads.emplace_back(join, false);
  while (queue.counts().groups == 0) std::this_thread::yield();
  threads.emplace_back(join, false);
  threads.emplace_back(join, lasts);
  while (queue.counts().waiting < 2) std::this_thread::yield();
  open = true;
  open.notify_all();
  for (auto& thread : threads) thread.join();
  REQUIRE(queue.counts().groups == 2);
  join(false);
  CHECK(queue.counts().gathered == (lasts ? 0 : 1));
}

TEST_CASE("to close serves what nobody waits for, and lets nobody in", "[P10]") {
  Queue queue({.group_size_max = 3, .waiting_max = 9}, GENERATE(false, true));
  Caller caller(queue, 0);
  std::vector<std::shared_ptr<PostedErrand>> posted;
  for (int i = 0; i < 8; ++i) posted.push_back(caller.post());
  queue.queue.close();
  for (const auto& each : posted) CHECK(each->finished == 1);
  CHECK(caller.post() == nullptr);
  CHECK(queue.queue.counts().waiting == 0);
}

TEST_CASE("who gives up leaves nobody behind who waits for it to lead", "[P10]") {
  Queue queue({.group_size_max = 1, .waiting_max = 9}, false);
  Caller caller(queue, 0);
  Caller other(queue, 1);
  // Again and again, since whoever leads is a matter of luck.
  for (int i = 0; i < 200; ++i) {
    const auto posted = caller.post();
    std::thread impatient(
        [&] { (void)queue.queue.wait(posted->errand, std::chrono::steady_clock::now() + 20us); });
    other.join();
    impatient.join();
    queue.queue.drain(caller.left);
  }
  CHECK(queue.wrong == 0);
}
