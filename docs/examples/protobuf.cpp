// SPDX-License-Identifier: BSL-1.0
// A state that is a message of protobuf. With --check: is damage refused?
#include <iostream>
#include <limits>
#include <string_view>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>
#include <perdure/streams.hpp>

#include "damage.hpp"
#include "settings.pb.h"

namespace pd = perdure;

namespace app {

/// Half a message can be a message, too: only within an Envelope is all damage noticed.
template <class Message>
struct Protobuf {
  pd::Result<void> serialize(const Message& message, pd::Sink& sink) const {
    pd::SinkStream out(sink);
    if (!message.SerializeToOstream(&out)) out.setstate(std::ios::failbit);
    return out.finish();
  }
  pd::Result<Message> deserialize(pd::Bytes bytes) const {
    Message message;
    const bool fits = bytes.size() <= std::numeric_limits<int>::max();
    if (fits && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return message;
    }
    return pd::Error::corrupt("it is not a message of the type " + message.GetTypeName());
  }
};

using Format = pd::Envelope<Protobuf<Settings>>;
using Tracker = pd::StateTracker<Settings, Format>;

pd::Result<void> run() {
  BOOST_OUTCOME_TRY(auto settings, Tracker::open("settings"));
  BOOST_OUTCOME_TRY(const auto saved, settings.update([](Settings& s) {
    s.set_name("the first");
    s.set_limit(8);
    s.add_peers("ada");
    s.add_peers("grace");
    return s.peers_size();
  }));
  BOOST_OUTCOME_TRY(const auto read, (pd::load_state<Settings, Format>("settings")));
  if (read.value->limit() != 8) return pd::Error::corrupt("it is not what was saved");
  std::cout << saved.value << " peers in generation " << saved.receipt.generation << ", "
            << saved.receipt.bytes << " bytes\n";
  return pd::success();
}

/// True if each is refused in words.
bool check() {
  Settings small;
  small.set_name("small");
  small.set_limit(300);
  small.add_peers("ada");
  return recipes::notices_damage("settings", Format(), small, recipes::Harmless::none) &&
         recipes::is_refused(Protobuf<Settings>(), pd::as_bytes("\x0A\x7F"), "a name with no end");
}

}  // namespace app

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--check") return app::check() ? 0 : 1;
  const auto done = app::run();
  if (!done) std::cerr << done.error() << '\n';
  return done ? 0 : 1;
}
