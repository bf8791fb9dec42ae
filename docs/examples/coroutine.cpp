// SPDX-License-Identifier: BSL-1.0
// Coroutines on Boost.Asio save a state: none blocks the one thread that runs them all.
#include <iostream>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <perdure/state.hpp>

namespace asio = boost::asio;
namespace pd = perdure;

namespace app {

struct Counter {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (value))

using Tracker = pd::StateTracker<Counter>;

/// Completes when the outcome of the save is known. The tracker calls back on its own thread, which
/// the completion is posted away from.
template <class R, class Token>
auto async_wait(const pd::SaveHandle<R>& save, Token&& token) {
  return asio::async_initiate<Token, void()>(
      [save](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto executor = asio::get_associated_executor(*shared);
        // A work guard: the context must not end before it is called.
        auto work = asio::make_work_guard(executor);
        save.on_done([shared, executor, work] {
          asio::post(executor, [shared] { std::move (*shared)(); });
        });
      },
      token);
}

asio::awaitable<void> count(Tracker& tracker, int times, int& failed) {
  for (int i = 0; i < times; ++i) {
    const auto save = tracker.save_later([](Counter& counter) { return ++counter.value; });
    co_await async_wait(save, asio::use_awaitable);
    const auto saved = save.wait();  // known: it answers at once
    if (!saved) {
      std::cerr << saved.error() << '\n';
      ++failed;
    }
  }
}

}  // namespace app

int main() {
  pd::TrackerOptions options;
  options.committer_thread = true;  // commits what nobody waits for on a thread of its own
  auto tracker = app::Tracker::open("counter.json", options);
  if (!tracker) return std::cerr << tracker.error() << '\n', 1;
  asio::io_context context(1);
  int failed = 0;
  for (int i = 0; i < 8; ++i) {
    asio::co_spawn(context, app::count(tracker.value(), 10, failed), asio::detached);
  }
  context.run();
  std::cout << "counted to " << tracker.value().state()->value << " in "
            << tracker.value().generation() << " saves\n";
  return failed == 0 && tracker.value().state()->value == 80 ? 0 : 1;
}
