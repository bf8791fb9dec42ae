// SPDX-License-Identifier: BSL-1.0
// perdure state set, accept and restore: trackers of a state that belongs to another program.
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>

#include <boost/json.hpp>

#include <perdure/json_pointer.hpp>
#include <perdure/state_tracker.hpp>

#include "commands/state.hpp"
#include "common/usage_words.hpp"
#include "options/commit.hpp"
#include "options/state_address.hpp"
#include "options/state_file.hpp"
#include "sources/input.hpp"
#include "sources/once.hpp"

namespace perdure::cli {

namespace json = boost::json;

namespace {

using JsonTracker = StateTracker<JsonText, StateJson>;

constexpr std::string_view set_examples =
    "Missing members on the way are made, a missing FILE too; /list/- appends. Everything else, "
    "and\n"
    "JSON itself, keeps its spelling: 3.14159265358979323846 stays what it is. A damaged FILE is\n"
    "refused. The lock is the one that trackers take, so that nothing that a running program or\n"
    "another set saves is lost. With - the value comes from standard input, where ps can't see "
    "it.\n"
    "\n"
    "Examples:\n"
    "  perdure state set queue.json /limit 8\n"
    "  perdure state set queue.json /owner/name '\"Ada\"'\n"
    "  jq -R . < token.txt | perdure state set queue.json /token -\n"
    "  perdure state set queue.json /hosts/- '{\"name\": \"b\", \"port\": 80}'\n";

constexpr std::string_view unset_examples =
    "Takes a member out of its object, or an element out of its array; those behind an element\n"
    "move up. Everything else keeps its spelling. Status 1 if nothing is there.\n"
    "\n"
    "Examples:\n"
    "  perdure state unset queue.json /active/a\n"
    "  perdure state unset --expect 41 queue.json /hosts/0     status 4 if somebody was faster\n";

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

/// Takes the style from the current file; where that is lost, from the newest readable generation.
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
  std::optional<std::uint64_t> expect;
  std::chrono::milliseconds lock_timeout_ms = TrackerOptions().lock_timeout_ms;
  ProtocolChoice protocol = ProtocolChoice::portable;
  Durability durability = Durability::durable;
  bool no_previous = false;
  StateLimits limits;
  mutable OnceResolved files;  // the path is resolved once, at the first look
  OutputOptions output;
  ExitStatus (SaveCommand::*work)() const = nullptr;

  [[nodiscard]] ExitStatus set() const;
  [[nodiscard]] ExitStatus unset() const;
  [[nodiscard]] ExitStatus accept() const;
  [[nodiscard]] ExitStatus restore() const;
  [[nodiscard]] ExitStatus tell(std::uint64_t number, const OpenReport& found) const;
  [[nodiscard]] ExitStatus refuse(ErrorKind kind, std::string_view step, std::string detail) const;
  [[nodiscard]] ExitStatus failed(Error error) const;
  /// Saves the state that `change` makes of the current one, or of `{}` where there is none.
  [[nodiscard]] ExitStatus edit(const FileStyle& style,
                                const std::function<Result<void>(JsonText&)>& change) const;
  [[nodiscard]] Result<std::string> value_text() const;
  [[nodiscard]] Result<void> check_expected(std::uint64_t now) const;
  /// Keeps as many previous generations as there are: the state's owner chooses their number.
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
  options.lock_timeout_ms = lock_timeout_ms;
  options.system = files.system();
  options.previous_max =
      no_previous
          ? 0
          : static_cast<std::uint32_t>(std::max<std::size_t>(1, style.history.previous.size()));
  return options;
}

Result<JsonTracker> SaveCommand::open(const FileStyle& style, DamagePolicy damage) const {
  return open_tracker<JsonText, StateJson>(
      file, options(style, damage), {.indent = style.indent, .limits = limits.json()},
      empty_state(), Migrations<StateJson>(style.schema_version));
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
  return ExitStatus::success;  // it is committed, even if the report can't be written
}

/// The value of the command line, or of standard input.
Result<std::string> SaveCommand::value_text() const {
  if (text != "-") return text;
  BOOST_OUTCOME_TRY(Input input, Input::open("-"));
  const std::uint64_t size_max = limits.json().size_max;
  std::string all;
  std::vector<std::byte> block(std::size_t{64} << 10U);
  while (true) {
    BOOST_OUTCOME_TRY(const std::size_t count, input.read(block));
    if (count == 0) return all;
    all += as_text(Bytes(block).first(count));
    if (all.size() <= size_max) continue;
    return Error{.kind = ErrorKind::invalid_argument,
                 .step = "read the value",
                 .detail = "standard input has more than " + std::to_string(size_max) +
                           " bytes (see --memory-max)"};
  }
}

ExitStatus SaveCommand::set() const {
  const auto given = value_text();
  if (!given) return failed(given.error());
  const auto value = JsonText::parse(given.value(), limits.json());
  if (!value) {
    return refuse(ErrorKind::invalid_argument, "read the value",
                  value.error().detail + "; a string is written '\"text\"'");
  }
  const auto style = style_of(file, limits, files.system());
  if (!style) return failed(style.error());
  return edit(style.value(), [&](JsonText& state) -> Result<void> {
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
  });
}

ExitStatus SaveCommand::unset() const {
  const auto style = style_of(file, limits, files.system());
  if (!style) return failed(style.error());
  return edit(style.value(), [&](JsonText& state) {
    auto removed = remove_at(state, pointer);
    // The parser has checked the pointer.
    if (!removed) removed.error().kind = ErrorKind::unsupported;
    return removed;
  });
}

ExitStatus SaveCommand::edit(const FileStyle& style,
                             const std::function<Result<void>(JsonText&)>& change) const {
  if (style.enveloped) {
    return refuse(ErrorKind::unsupported, "change the state",
                  "it is in an envelope, and what is in there only its program knows");
  }
  // An edit that a new state can't take is refused before a lock file is made for it.
  if (!style.exists && style.history.previous.empty()) {
    JsonText none = empty_state();
    auto possible = check_expected(0);
    if (possible) possible = change(none);
    if (!possible) return failed(std::move(possible.error()));
  }
  auto opened = open(style, DamagePolicy::refuse);
  if (!opened) return failed(opened.error());
  auto& tracker = opened.value();
  const OpenReport found = tracker.report();
  const auto saved = tracker.update([&](JsonText& state) -> Result<void> {
    BOOST_OUTCOME_TRY(check_expected(tracker.generation()));
    return change(state);
  });
  return saved ? tell(saved.value().receipt.generation, found) : failed(saved.error());
}

/// Called within an edit: `now` is the generation that the edit changes.
Result<void> SaveCommand::check_expected(std::uint64_t now) const {
  if (!expect || *expect == now) return success();
  return Error{.kind = ErrorKind::conflict,
               .step = "compare the generation",
               .path = file,
               .detail = "it is generation " + std::to_string(now) + ", not " +
                         std::to_string(*expect) + "; read it again"};
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
  return saved ? tell(saved.value().receipt.generation, found) : failed(saved.error());
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
  return bring_back(open_tracker<Buffer, StateEnvelope>(
      file, options(style.value(), DamagePolicy::set_aside), {}, {},
      Migrations<StateEnvelope>(style.value().schema_version)));
}

CLI::App& add(CLI::App& state, ExitStatus& status, const char* name, const char* words,
              std::string_view examples, const std::shared_ptr<SaveCommand>& command) {
  CLI::App* sub = state.add_subcommand(name, words);
  sub->add_option("FILE", command->file, "The state")->required()->type_name("");
  add_durability_option(*sub, command->durability,
                        "a power cut there may bring back an earlier generation");
  add_protocol_option(*sub, command->protocol);
  add_lock_timeout_option(*sub, command->lock_timeout_ms);
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

namespace {

void add_expect(CLI::App& sub, SaveCommand& command) {
  sub.add_option("--expect", command.expect,
                 "Refuse unless this is the state's generation still;\n"
                 "0 stands for no state")
      ->type_name("GENERATION")
      ->transform(whole_number());
}

}  // namespace

void add_state_set(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<SaveCommand>();
  command->work = &SaveCommand::set;
  CLI::App& sub = add(state, status, "set", "Change one value of the state", set_examples, command);
  add_pointer(sub, command->pointer);
  sub.add_option("JSON", command->text, "The new value, as JSON; - is standard input")
      ->required()
      ->type_name("");
  add_expect(sub, *command);
}
void add_state_unset(CLI::App& state, ExitStatus& status) {
  auto command = std::make_shared<SaveCommand>();
  command->work = &SaveCommand::unset;
  CLI::App& sub =
      add(state, status, "unset", "Take one value out of the state", unset_examples, command);
  add_pointer(sub, command->pointer);
  add_expect(sub, *command);
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
      ->transform(whole_number())
      ->type_name("");
}

}  // namespace perdure::cli
