// SPDX-License-Identifier: BSL-1.0
// A file in MessagePack, by a library, that programs of other languages read. With --check: does
// the serializer refuse damage?
#include "message_pack.hpp"

#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/perdure.hpp>

#include "damage.hpp"

namespace pd = perdure;

namespace app {

struct Player {
  std::string name;
  std::uint32_t games = 0;
  std::map<std::string, double> ratings;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Player, name, games, ratings)

using Players = std::vector<Player>;
using Format = recipes::MessagePack<Players>;

Players sample() {
  return {{"ada", 3, {{"chess", 2100.5}, {"go", 12}}}, {"grace", 4'000'000'000, {}}};
}

pd::Result<void> run() {
  BOOST_OUTCOME_TRY(auto writer, pd::AtomicWriter::bind("."));
  BOOST_OUTCOME_TRY(const auto receipt, writer.commit("players.msgpack", sample(), Format()));
  BOOST_OUTCOME_TRY(const auto file, pd::read_file("players.msgpack", 1 << 20));
  BOOST_OUTCOME_TRY(const Players players, Format().deserialize(file.bytes));
  if (players.size() != 2 || players[1].games != 4'000'000'000) {
    return pd::Error::corrupt("other players are in the file");
  }
  std::cout << players.size() << " players in " << receipt.bytes << " bytes of MessagePack\n";
  return pd::success();
}

/// True if each is refused in words.
bool check() {
  using namespace std::string_view_literals;
  const Format format;
  const auto refused = [&format](std::string_view bytes, std::string_view which) {
    return recipes::is_refused(format, pd::as_bytes(bytes), which);
  };
  return recipes::notices_damage("players", format, sample(), recipes::Harmless::same_bytes) &&
         refused("\xDD\xFF\xFF\xFF\xFF\x01"sv, "a list of four billion") &&
         refused("\xDB\xFF\xFF\xFF\xFFx"sv, "a text of four billion") &&
         refused(std::string(10'000'000, '\x91'), "ten million lists within each other") &&
         refused("\x93\x01\x02\x03"sv, "MessagePack of another type") &&
         refused("\x91\x83\xA5games\xFF\xA4name\xA1x\xA7ratings\x80"sv, "a number below 0");
}

}  // namespace app

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--check") return app::check() ? 0 : 1;
  const auto done = app::run();
  if (!done) std::cerr << done.error() << '\n';
  return done ? 0 : 1;
}
