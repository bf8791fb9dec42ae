// SPDX-License-Identifier: BSL-1.0
// perdure state set, accept and restore: trackers of a state that belongs to another program.
#include <algorithm>
#include <iostream>
#include <memory>

#include <boost/json.hpp>

#include <perdure/json_pointer.hpp>
#include <perdure/state_tracker.hpp>

#include "commands/state.hpp"
#include "options/protocol.hpp"
#include "options/state_file.hpp"
#include "sources/once.hpp"

namespace perdure::cli {

namespace json = boost::json;

namespace {

using JsonTracker = StateTracker<JsonText, StateJson>;
using EnvelopeTracker = StateTracker<Buffer, StateEnvelope>;

constexpr std::string_view set_examples =
    "Missing members on the way are made, a missing FILE too; /list/- appends. Everything else, "
    "and\n"
    "JSON itself, keeps its spelling: 3.14159265358979323846 stays what it is. A damaged FILE is\n"
    "refused. The lock is the one that trackers take, so that nothing that a running program or\n"
    "another set saves is lost.\n"
    "\n"
    "Examples:\n"
    "  perdure state set queue.json /limit 8\n"
    "  perdure state set queue.json /owner/name '\"Ada\"'\n"
    "  perdure state set queue.json /hosts/- '{\"name\": \"b\", \"port\": 80}'\n";

constexpr std::string_view accept_examples =
    "Commits FILE as it is under a new generation, with a checksum that fits. The previous\n"
    "generations are kept. For edits by hand; look at a FILE that nobody edited first.\n"
    "\n"
    "Examples:\n"
    "  $EDITOR queue.json && perdure state accept queue.json\n";

constexpr std::string_view restore_examples =
    "Commits an earlier content under a new generation; what is there now becomes a previous one,\n"
    "or, if it is damaged, is moved out of the way.\n"
    "\n"
    "Examples:\n"
    "  perdure state history queue.json\n"
    "  perdure state restore queue.json 41\n";

/// The habits of the program that owns the state, so that our save looks like its own.
struct FileStyle {
  std::uint32_t schema_version = 0;
  unsigned indent = 2;
  bool enveloped = false;
  bool intact = false;  ///< The current state has a stamp, and it fits.
  bool exists = false;  ///< There is a current state.
  StateHistory history;
};

/// Takes the style from the current file; where that is lost, from the newest that is readable.
Result<FileStyle> style_of(const std::string& file, const StateLimits& limits, System system) {
  FileStyle style;
  const auto learn = [&](const StateFile& from) {
    style.schema_version = from.stamp.schema_version;
    style.indent = from.indent;
    style.enveloped = from.enveloped;
  };
  auto current = read_state(file, limits, system);
  style.exists = current || current.error().cause != std::errc::no_such_file_or_directory;
  style.intact = current && current.value().stamped;
  if (!current && current.error().kind == ErrorKind::corrupt)
    current = read_state(file, limits, system, true);
  BOOST_OUTCOME_TRY(const auto store, open_to_look(file, limits, system));
  BOOST_OUTCOME_TRY(style.history, store->history());
  if (current) {
    learn(current.value());
    return style;
  }
  if (style.exists && current.error().kind != ErrorKind::corrupt) return current.error();
  for (const auto number : style.history.previous) {
    const auto loaded = store->load_previous(number);
    const bool large = !loaded && loaded.error().kind == ErrorKind::invalid_argument;
    if (!loaded && !large) return loaded.error();
    if (large || !loaded.value()) continue;
    if (const auto parsed = parse_state(loaded.value()->bytes, file, limits)) {
      learn(parsed.value());
      break;
    }
  }
  return style;
}

struct SaveCommand {
  std::string file;
  std::string pointer;
  std::string text;
  std::uint64_t generation = 0;
  ProtocolChoice protocol = ProtocolChoice::portable;
  Durability durability = Durability::durable;
  bool no_previous = false;
  StateLimits limits;
  mutable OnceResolved files;  // the way to the state counts as it is at the first look
  OutputOptions output;
  ExitStatus (SaveCommand::*work)() const = nullptr;

  [[nodiscard]] ExitStatus set() const;
  [[nodiscard]] ExitStatus accept() const;
  [[nodiscard]] ExitStatus restore() const;
  [[nodiscard]] ExitStatus tell(std::uint64_t number, const OpenReport& found) const;
  [[nodiscard]] ExitStatus refuse(ErrorKind kind, std::string_view step, std::string detail) const;
  [[nodiscard]] ExitStatus failed(Error error) const;
  /// Previous generations as many as there are: their number is the owner's to choose.
  [[nodiscard]] TrackerOptions options(const FileStyle& style, DamagePolicy damage) const;
  [[nodiscard]] Result<JsonTracker> open(const FileStyle& style, DamagePolicy damage) const;
};

JsonText empty_state() {
  return JsonText::parse("{}").value();
}

TrackerOptions SaveCommand::options(const FileStyle& style, DamagePolicy damage) const {
  TrackerOptions options;
  options.file.protocol = protocol;
  options.file.durability = durability;
  options.file.size_max = style.enveloped ? limits.size_max() : limits.json().size_max;
  options.damage = damage;
  options.system = files.system();
  options.previous_max =
      no_previous
          ? 0
          : static_cast<std::uint32_t>(std::max<std::size_t>(1, style.history.previous.size()));
  return options;
}

Result<JsonTracker> SaveCommand::open(const FileStyle& style, DamagePolicy damage) const {
  return JsonTracker::open(file, options(style, damage),
                           {.indent = style.indent, .limits = limits.json()}, empty_state(),
                           Migrations<StateJson>(style.schema_version));
}

ExitStatus SaveCommand::failed(Error error) const {
  if (error.path.empty()) error.path = file;
  return report(error, output);
}

ExitStatus SaveCommand::refuse(ErrorKind kind, std::string_view step, std::string detail) const {
  return failed({.kind = kind,
                 .cause = {},
                 .step = std::string(step),
                 .path = file,
                 .detail = std::move(detail)});
}

ExitStatus SaveCommand::tell(std::uint64_t number, const OpenReport& found) const {
  const bool lost = found.origin == Origin::previous || found.origin == Origin::replaced;
  if (!found.reason.empty() && lost) {
    std::cerr << "perdure: " << printable(found.reason) << '\n';
  }
  if (output.json) {
    json::object object = {{"fate", "done"}, {"generation", number}};
    if (!found.set_aside.empty()) object["set_aside"] = utf8(found.set_aside);
    print(object);
  } else if (!output.quiet) {
    print(printable(file) + ": committed generation " + std::to_string(number) + "\n");
  }
  return ExitStatus::success;  // once committed, whatever becomes of the report
}

ExitStatus SaveCommand::set() const {
  const auto value = JsonText::parse(text, limits.json());
  if (!value) {
    return refuse(ErrorKind::invalid_argument, "read the value",
                  value.error().detail + "; a string is written '\"text\"'");
  }
  const auto style = style_of(file, limits, files.system());
  if (!style) return failed(style.error());
  if (style.value().enveloped) {
    return refuse(ErrorKind::unsupported, "change the state",
                  "it is in an envelope, and what is in there only its program knows");
  }
  const auto change = [&](JsonText& state) -> Result<void> {
    JsonText edited = state;
    BOOST_OUTCOME_TRY(set_at(edited, pointer, value.value(), style.value().indent, limits.json()));
    if (!edited.is_object()) {
      return Error{.kind = ErrorKind::invalid_argument,
                   .cause = {},
                   .step = "change the state",
                   .path = file,
                   .detail = "all of the state can only be replaced by an object"};
    }
    state = std::move(edited);
    return success();
  };
  // An edit that a new state can't take is refused before there is a lock file for it.
  if (!style.value().exists && style.value().history.previous.empty()) {
    JsonText none = empty_state();
    auto possible = change(none);
    if (!possible) return failed(std::move(possible.error()));
  }
  auto opened = open(style.value(), DamagePolicy::refuse);
  if (!opened) return failed(opened.error());
  auto& tracker = opened.value();
  const OpenReport found = tracker.report();
  const auto saved = tracker.update(change);
  return saved ? tell(tracker.generation(), found) : failed(saved.error());
}

ExitStatus SaveCommand::accept() const {
  constexpr std::string_view step = "accept the edit";
  const auto style = style_of(file, limits, files.system());
  if (!style) return failed(style.error());
  if (!style.value().exists) {
    return failed({.cause = std::make_error_code(std::errc::no_such_file_or_directory),
                   .step = std::string(step),
                   .path = file,
                   .detail = {}});
  }
  if (style.value().enveloped) {
    return refuse(ErrorKind::unsupported, step,
                  "it is in an envelope, and not for editing by hand");
  }
  auto opened = open(style.value(), DamagePolicy::accept_edit);
  if (!opened) return failed(opened.error());
  auto& tracker = opened.value();
  const OpenReport found = tracker.report();
  if (found.origin != Origin::current && found.origin != Origin::replaced) {
    return refuse(ErrorKind::conflict, step, found.reason);
  }
  const auto saved = tracker.update([](JsonText&) {});
  return saved ? tell(tracker.generation(), found) : failed(saved.error());
}

ExitStatus SaveCommand::restore() const {
  const auto style = style_of(file, limits, files.system());
  if (!style) return failed(style.error());
  const auto& there = style.value().history.previous;
  if (std::find(there.begin(), there.end(), generation) == there.end()) {
    return refuse(ErrorKind::unsupported, "restore an earlier generation",
                  "there is no previous generation " + std::to_string(generation) +
                      "; `perdure state history` lists them");
  }
  const auto bring_back = [&](auto opened) {
    if (!opened) return failed(opened.error());
    const OpenReport found = opened.value().report();
    const auto restored = opened.value().restore(generation);
    return restored ? tell(opened.value().generation(), found) : failed(restored.error());
  };
  if (!style.value().enveloped) return bring_back(open(style.value(), DamagePolicy::set_aside));
  return bring_back(EnvelopeTracker::open(file, options(style.value(), DamagePolicy::set_aside), {},
                                          {},
                                          Migrations<StateEnvelope>(style.value().schema_version)));
}

CLI::App& add(CLI::App& state, ExitStatus& status, const char* name, const char* words,
              std::string_view examples, const std::shared_ptr<SaveCommand>& command) {
  CLI::App* sub = state.add_subcommand(name, words);
  sub->add_option("FILE", command->file, "The state")->required()->type_name("");
  add_durability_option(*sub, command->durability,
                        "a power cut there may bring back an earlier generation");
  add_protocol_option(*sub, command->protocol);
  sub->add_flag("--no-previous", command->no_previous,
                "Keep no previous generation, and drop those that are\n"
                "there: for a file system without hard links");
  add_limits(*sub, command->limits);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = ((*command).*(command->work))(); });
  return *sub;
}

}  // namespace

void add_state_set(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<SaveCommand>();
  command->work = &SaveCommand::set;
  CLI::App& sub = add(state, status, "set", "Change one value of the state", set_examples, command);
  add_pointer(sub, command->pointer);
  sub.add_option("JSON", command->text, "The new value, as JSON")->required()->type_name("");
}
void add_state_accept(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<SaveCommand>();
  command->work = &SaveCommand::accept;
  add(state, status, "accept", "Take an edit by hand as it is", accept_examples, command);
}
void add_state_restore(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<SaveCommand>();
  command->work = &SaveCommand::restore;
  CLI::App& sub =
      add(state, status, "restore", "Bring an earlier generation back", restore_examples, command);
  sub.add_option("GENERATION", command->generation, "Its number, as `perdure state history` has it")
      ->required()
      ->type_name("");
}

}  // namespace perdure::cli
