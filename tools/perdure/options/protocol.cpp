// SPDX-License-Identifier: BSL-1.0
// Parses --protocol and --durability.
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

void add_durability_option(CLI::App& command, Durability& durability, const char* without) {
  command
      .add_option_function<std::string>(
          "--durability",
          [&durability](const std::string& name) {
            durability = name == "ordered" ? Durability::ordered : Durability::durable;
          },
          std::string("durable: new after a power cut, once this returned\n"
                      "ordered: for a file system that can't sync a directory;\n") +
              without)
      ->type_name("ordered|durable")
      ->check(CLI::IsMember({"ordered", "durable"}).description(""))
      ->default_str("durable");
}

}  // namespace perdure::cli
