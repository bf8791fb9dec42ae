// SPDX-License-Identifier: BSL-1.0
// Parses --protocol.
#include "options/protocol.hpp"

#include <string>

namespace perdure::cli {

void add_protocol_option(CLI::App& command, ProtocolChoice& choice) {
  command
      .add_option_function<std::string>(
          "--protocol",
          [&choice](const std::string& name) {
            choice = name == "automatic" ? ProtocolChoice::automatic
                     : name == "fast"    ? ProtocolChoice::fast
                                         : ProtocolChoice::portable;
          },
          "portable: holds on every file system\n"
          "fast: half the flushes; refused where it is not known to\n"
          "hold (perdure probe DIR says why)\n"
          "automatic: fast where it is known to hold, else portable")
      ->type_name("automatic|portable|fast")
      ->check(CLI::IsMember({"automatic", "portable", "fast"}).description(""))
      ->default_str("portable");
}

}  // namespace perdure::cli
