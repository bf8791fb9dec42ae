// SPDX-License-Identifier: BSL-1.0
// perdure state show, get, verify and history: they only look, and change nothing.
#include <iostream>
#include <memory>

#include <boost/json.hpp>

#include <perdure/json_pointer.hpp>
#include <perdure/state_store.hpp>

#include "commands/state.hpp"
#include "options/state_file.hpp"
#include "sources/once.hpp"

namespace perdure::cli {

namespace json = boost::json;

namespace {

constexpr std::string_view show_examples =
    "Prints one line about the file, then the state without its stamp.\n"
    "\n"
    "Examples:\n"
    "  perdure state show queue.json\n"
    "  perdure state show --json queue.json | jq .generation\n";

constexpr std::string_view get_examples =
    "Prints the value as JSON on one line. Status 1 if nothing is there.\n"
    "\n"
    "Examples:\n"
    "  perdure state get queue.json /limit\n"
    "  perdure state get queue.json /active/a~1b/attempts     the name a/b\n"
    "  perdure state get queue.json '' | jq keys\n"
    "  HOST=$(perdure state get --raw queue.json /host)\n";

constexpr std::string_view verify_examples =
    "Status 0: every byte is as it was committed, or the file has no stamp to tell by. Status 1:\n"
    "damaged, or edited by hand since; standard error says what does not fit. Nothing is touched.\n"
    "\n"
    "Examples:\n"
    "  perdure state verify queue.json\n"
    "  perdure state verify --json queue.json | jq -r .error\n";

constexpr std::string_view history_examples =
    "The current state, the previous generations, and damaged files that were moved out of the\n"
    "way.\n"
    "\n"
    "Examples:\n"
    "  perdure state history queue.json\n"
    "  perdure state history --json queue.json | jq '.previous[].generation'\n";

/// The bytes of a string, without quotes and escapes; other values as JSON.
std::string raw_text(const JsonText& value) {
  if (value.text().front() != '"') return std::string(value.text());
  const auto text = Json<std::string>{}.deserialize(as_bytes(value.text()));
  return text ? text.value() : std::string(value.text());
}

struct ReadCommand {
  std::string file;
  std::string pointer;
  StateLimits limits;
  bool raw = false;
  mutable OnceResolved files;  // the path is resolved once, at the first look
  OutputOptions output;
  ExitStatus (ReadCommand::*work)() const = nullptr;

  [[nodiscard]] ExitStatus show() const;
  [[nodiscard]] ExitStatus refuse(Error error) const;
  [[nodiscard]] ExitStatus print_with(const json::object& object, std::string_view name,
                                      const JsonText& value) const;
  [[nodiscard]] ExitStatus get() const;
  [[nodiscard]] ExitStatus verify() const;
  [[nodiscard]] ExitStatus history() const;
  [[nodiscard]] Result<json::object> collect_history() const;
  [[nodiscard]] std::string loss_line(const StateFile& state) const;
  void tell_loss(const StateFile& state, json::object& object) const;
  void tell_age() const;
};

/// Prints `object` with one member more, whose value keeps its spelling.
ExitStatus ReadCommand::print_with(const json::object& object, std::string_view name,
                                   const JsonText& value) const {
  auto whole = JsonText::parse(json::serialize(object));
  if (!whole) return refuse(whole.error());
  // The state is within its limits; in this object it is one level deeper.
  const JsonLimits deeper{.size_max = SIZE_MAX, .depth_max = limits.json().depth_max + 1};
  const auto set = set_at(whole.value(), "/" + std::string(name), value, 0, deeper);
  if (!set) return refuse(set.error());
  return print_result(std::string(whole.value().text()) + "\n");
}

std::string ReadCommand::loss_line(const StateFile& state) const {
  const std::string loss = loss_of(state, file, limits, files.system());
  return loss.empty() ? loss : printable(file) + ": " + printable(loss) + "\n";
}

void ReadCommand::tell_loss(const StateFile& state, json::object& object) const {
  const std::string loss = loss_of(state, file, limits, files.system());
  if (!loss.empty()) object["replaced"] = utf8(loss);
}

/// A program that keeps the state through a log may publish it later.
void ReadCommand::tell_age() const {
  const std::string age = age_of(file, files.system());
  if (!age.empty()) std::cerr << "perdure: " << printable(file) << ": " << printable(age) << "\n";
}

/// None of these commands changes the state, so their errors don't speak of its fate.
ExitStatus ReadCommand::refuse(Error error) const {
  error.reading = true;
  return report(error, output);
}

ExitStatus ReadCommand::show() const {
  const auto read = read_state(file, limits, files.system());
  if (!read) return refuse(read.error());
  tell_age();
  const StateFile& state = read.value();
  if (output.json) {
    json::object object = summary_object(state);
    tell_loss(state, object);
    return state.enveloped ? print_result(object) : print_with(object, "state", state.value);
  }
  const std::string head = printable(file) + ": " + summary(state) + "\n" + loss_line(state);
  if (state.enveloped) return print_result(head);
  return cli::show(head, state.value, 2);
}

ExitStatus ReadCommand::get() const {
  const auto read = read_state(file, limits, files.system());
  if (!read) return refuse(read.error());
  tell_age();
  if (read.value().enveloped) {
    return refuse({.kind = ErrorKind::unsupported,
                   .cause = {},
                   .step = "look into the state",
                   .path = file,
                   .detail = "it is in an envelope, and what is in there only its program knows"});
  }
  const auto found = get_at(read.value().value, pointer);
  if (!found) {
    Error error = found.error();
    error.path = file;
    (void)refuse(std::move(error));
    return ExitStatus::failed;  // the parser has checked the pointer
  }
  if (output.json) return print_with({}, "value", found.value());
  if (raw) return print_result(raw_text(found.value()) + "\n");
  return cli::show({}, found.value(), 0);
}

ExitStatus ReadCommand::verify() const {
  const auto read = read_state(file, limits, files.system());
  if (!read) return refuse(read.error());
  tell_age();
  const StateFile& state = read.value();
  if (output.json) {
    json::object object = summary_object(state);
    tell_loss(state, object);
    return print_result(object);
  }
  return print_result(printable(file) + ": " +
                      (state.stamped ? "intact, " : "nothing to verify it by, ") + summary(state) +
                      "\n" + loss_line(state));
}

Result<json::object> ReadCommand::collect_history() const {
  json::object object = {{"current", nullptr}};
  auto current = read_state(file, limits, files.system());
  if (current) {
    object["current"] = summary_object(current.value());
    tell_loss(current.value(), object.at("current").get_object());
  } else if (current.error().kind == ErrorKind::corrupt) {
    object["current"] = {{"damage", utf8(current.error().detail)}};
  } else if (current.error().cause != std::errc::no_such_file_or_directory) {
    return std::move(current.error());
  }
  BOOST_OUTCOME_TRY(const auto store, open_to_look(file, limits, files.system()));
  BOOST_OUTCOME_TRY(const auto found, store->history());
  if (!current && current.error().kind != ErrorKind::corrupt && found.previous.empty() &&
      found.damaged.empty()) {
    return std::move(current.error());
  }
  json::array previous;
  for (const auto number : found.previous) {
    const auto loaded = store->load_previous(number);
    const bool large = !loaded && loaded.error().kind == ErrorKind::invalid_argument;
    if (!loaded && !large) return loaded.error();
    if (loaded && !loaded.value()) continue;  // dropped just now
    const auto parsed = large ? Result<StateFile>(loaded.error())
                              : parse_state(loaded.value()->bytes, file, limits);
    json::object one;
    if (parsed) {
      one = summary_object(parsed.value());
    } else {
      one = {{"damage", utf8(parsed.error().detail)}};
    }
    one["generation"] = number;
    previous.push_back(std::move(one));
  }
  json::array damaged;
  for (const auto& name : found.damaged) damaged.emplace_back(utf8(name));
  object["previous"] = std::move(previous);
  object["damaged"] = std::move(damaged);
  return object;
}

std::string line_of(std::string_view word, const json::value& entry) {
  std::string text(word);
  if (!entry.is_object()) return text + "  none\n";
  const json::object& one = entry.get_object();
  const auto* const generation = one.if_contains("generation");
  const std::string number =
      generation != nullptr ? std::to_string(generation->to_number<std::uint64_t>()) : "-";
  text.append("  ").append(number.size() < 6 ? 6 - number.size() : 0, ' ').append(number);
  if (const auto* const damage = one.if_contains("damage")) {
    return text + "  damaged: " + printable(std::string(damage->as_string())) + "\n";
  }
  const auto* const time = one.if_contains("last_updated");
  return text + "  " + (time != nullptr ? std::string(time->as_string()) : "no stamp") + "  " +
         human_size(one.at("bytes").to_number<std::uint64_t>()) + "\n";
}

ExitStatus ReadCommand::history() const {
  const auto collected = collect_history();
  if (!collected) return refuse(collected.error());
  tell_age();
  const json::object& object = collected.value();
  if (output.json) return print_result(object);
  const json::value& current = object.at("current");
  std::string text = line_of("current ", current);
  const auto* const loss =
      current.is_object() ? current.get_object().if_contains("replaced") : nullptr;
  if (loss != nullptr) text += "          " + printable(std::string(loss->as_string())) + "\n";
  for (const auto& one : object.at("previous").as_array()) text += line_of("previous", one);
  for (const auto& name : object.at("damaged").as_array()) {
    text += "damaged   " + printable(std::string(name.as_string())) + "\n";
  }
  return print_result(text);
}

void add(CLI::App& state, ExitStatus& status, const char* name, const char* words,
         std::string_view examples, ExitStatus (ReadCommand::*work)() const) {
  auto command = std::make_shared<ReadCommand>();
  command->work = work;
  CLI::App* sub = state.add_subcommand(name, words);
  sub->add_option("FILE", command->file, "The state")->required()->type_name("");
  if (work == &ReadCommand::get) add_pointer(*sub, command->pointer);
  add_limits(*sub, command->limits);
  CLI::Option* const json = add_json_option(*sub, command->output);
  if (work == &ReadCommand::get) {
    sub->add_flag("-r,--raw", command->raw, "Print a string without quotes and escapes, as it is")
        ->excludes(json);
  }
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = ((*command).*(command->work))(); });
}

}  // namespace

void add_state_show(CLI::App& state, ExitStatus& status) {
  add(state, status, "show", "Print the state and its generation", show_examples,
      &ReadCommand::show);
}
void add_state_get(CLI::App& state, ExitStatus& status) {
  add(state, status, "get", "Print one value of the state", get_examples, &ReadCommand::get);
}
void add_state_verify(CLI::App& state, ExitStatus& status) {
  add(state, status, "verify", "Check that the state is as it was committed", verify_examples,
      &ReadCommand::verify);
}
void add_state_history(CLI::App& state, ExitStatus& status) {
  add(state, status, "history", "List previous generations and damaged files", history_examples,
      &ReadCommand::history);
}

}  // namespace perdure::cli
