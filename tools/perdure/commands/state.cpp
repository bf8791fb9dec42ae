// SPDX-License-Identifier: BSL-1.0
// `perdure state`: its subcommands, and the options that they share.
#include "commands/state.hpp"

#include <perdure/json_pointer.hpp>

#include "commands.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "A tracked state is a JSON file (or bytes in an envelope) with a generation, a time and a\n"
    "checksum; previous generations lie beside it. These commands work beside a running program,\n"
    "whose own saves and theirs lose nothing of each other. FILE may be the address of a state in\n"
    "etcd, too: etcd://HOST:PORT/PREFIX.\n"
    "\n"
    "Examples:\n"
    "  perdure state show queue.json\n"
    "  perdure state get queue.json /active/a/attempts\n"
    "  perdure state set queue.json /limit 8          a number; a string is '\"text\"'\n"
    "  perdure state verify queue.json || echo damaged\n"
    "  $EDITOR queue.json && perdure state accept queue.json\n"
    "  perdure state history queue.json; perdure state restore queue.json 41\n"
    "  perdure state copy queue.json etcd://db1:2379,db2:2379/app/queue\n";

std::string check_pointer(const std::string& text) {
  const std::string_view fault = fault_of_json_pointer(text);
  return fault.empty() ? std::string()
                       : "'" + text + "' is not a JSON Pointer: " + std::string(fault);
}

}  // namespace

void add_pointer(CLI::App& command, std::string& pointer) {
  command
      .add_option("POINTER", pointer,
                  "A JSON Pointer (RFC 6901): /list/0/name; '' is all of the state")
      ->required()
      ->type_name("")
      ->check(CLI::Validator(check_pointer, ""));
}

void add_state(CLI::App& app, ExitStatus& status) {
  CLI::App* state = app.add_subcommand("state", "Look at a tracked state, change it, repair it");
  state->require_subcommand(1);
  for (const auto add :
       {add_state_show, add_state_get, add_state_set, add_state_unset, add_state_verify,
        add_state_accept, add_state_history, add_state_restore, add_state_copy}) {
    add(*state, status);
  }
  state->footer(help_footer(examples));
}

}  // namespace perdure::cli
