// SPDX-License-Identifier: BSL-1.0
// Reads the file of a state, as JSON or in an envelope.
#include "options/state_file.hpp"

#include <algorithm>
#include <iostream>

#include <boost/json.hpp>

#include <perdure/files.hpp>
#include <perdure/json/time.hpp>
#include <perdure/recovery.hpp>
#include <perdure/state_store.hpp>
#include <perdure/system/environment.hpp>

#include "common/usage_words.hpp"
#include "options/state_address.hpp"
#include "terminal/output.hpp"

namespace perdure::cli {

namespace {

Error at_path(Error error, const std::string& path) {
  if (error.path.empty()) error.path = path;
  return error;
}

std::string time_text(const StampTime& time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = static_cast<std::uint32_t>((time - seconds).count());
  std::string text;
  if (!format_time({.second = seconds.time_since_epoch().count(), .nanosecond = rest}, 9, text)) {
    return "at an unknown time";
  }
  return text;
}

/// Spaces before the first member; 0 for a text on one line, 2 where there are no such spaces.
unsigned indent_of(std::string_view text) {
  const std::size_t line = text.find('\n');
  if (line >= text.size() - 1) return 0;
  const std::size_t end = text.find_first_not_of(' ', line + 1);
  constexpr std::size_t indent_max = 16;
  const std::size_t spaces = std::min(end, text.size()) - line - 1;
  return spaces == 0 || spaces > indent_max ? 2 : static_cast<unsigned>(spaces);
}

Result<StateFile> parse_envelope(Bytes bytes) {
  BOOST_OUTCOME_TRY(auto read, StateEnvelope{}.deserialize_stamped(bytes));
  StateFile file;
  file.stamp = std::move(read.stamp);
  file.stamped = read.stamped;
  file.enveloped = true;
  return file;
}

/// The error for a file that would take more memory than the limit.
Error too_large(std::uint64_t size, std::uint64_t factor, const StateLimits& limits) {
  return {.kind = ErrorKind::unsupported,
          .cause = {},
          .step = "read the state",
          .path = {},
          .detail = "it has " + human_size(size) + ", and to read it can take " +
                    human_size(size * factor) + " of memory, more than --memory-max (" +
                    human_size(limits.memory_max) + "); allow more if so large a state is yours",
          .reading = true};
}

Result<StateFile> parse_json(Bytes bytes, const StateLimits& limits, bool edited) {
  const JsonLimits of_json = limits.json();
  if (bytes.size() > of_json.size_max) {
    return too_large(bytes.size(), StateLimits::json_factor, limits);
  }
  const StateJson json{.indent = 2, .limits = of_json};
  auto read = edited ? json.deserialize_edited(bytes) : json.deserialize_stamped(bytes);
  StateFile file;
  if (!read) {
    if (read.error().kind != ErrorKind::serializer) return std::move(read.error());
    // The text is intact, but not an object: then it has no stamp, and any value is accepted.
    auto value = json.deserialize(bytes);
    if (!value || value.value().is_object()) return std::move(read.error());
    file.value = std::move(value.value());
    return file;
  }
  file.stamp = std::move(read.value().stamp);
  file.stamped = read.value().stamped;
  file.value = std::move(read.value().value);
  file.indent = indent_of(as_text(bytes));
  return file;
}

}  // namespace

JsonLimits StateLimits::json() const {
  constexpr std::uint64_t parser_max = std::uint64_t{1} << 32U;
  const std::uint64_t size = std::min(memory_max / json_factor, parser_max);
  return {.size_max = static_cast<std::size_t>(std::min<std::uint64_t>(size, SIZE_MAX)),
          .depth_max = 256};
}

void add_limits(CLI::App& command, StateLimits& limits) {
  command
      .add_option("--memory-max", limits.memory_max,
                  "The most memory to take (2GiB). Reading JSON can take 16\n"
                  "times its size: larger states are refused, and so are\n"
                  "more than 256 levels")
      ->transform(size_in_bytes())
      ->type_name("SIZE");
}

Result<StateFile> parse_state(Bytes bytes, const std::string& path, const StateLimits& limits,
                              bool edited) {
  constexpr char envelope_begins = '\x89';  // no JSON text does
  const bool enveloped = !bytes.empty() && as_text(bytes).front() == envelope_begins;
  auto parsed = enveloped ? parse_envelope(bytes) : parse_json(bytes, limits, edited);
  if (!parsed) return at_path(std::move(parsed.error()), path);
  parsed.value().bytes = bytes.size();
  return parsed;
}

Result<StateFile> read_state(const std::string& path, const StateLimits& limits, System system,
                             bool edited) {
  if (is_etcd_address(path)) {
    BOOST_OUTCOME_TRY(const auto store, open_to_look(path, limits, system));
    BOOST_OUTCOME_TRY(const auto stored, store->load());
    if (stored) return parse_state(stored->bytes, path, limits, edited);
    return Error{.cause = std::make_error_code(std::errc::no_such_file_or_directory),
                 .step = "read the state",
                 .path = path,
                 .detail = {},
                 .reading = true};
  }
  const auto content = read_file(path, limits.size_max(), system);
  if (content) return parse_state(content.value().bytes, path, limits, edited);
  Error error = content.error();
  if (error.kind == ErrorKind::invalid_argument) {  // its size; nothing of it was read
    error.kind = ErrorKind::unsupported;
    error.detail += " (a quarter of --memory-max)";
  }
  return error;
}

Result<std::unique_ptr<StateStore>> open_to_look(const std::string& path, const StateLimits& limits,
                                                 System system) {
  if (is_etcd_address(path)) return open_etcd_address(path, limits.size_max(), system);
  return open_file_store(path, {.durability = Durability::ordered, .size_max = limits.size_max()},
                         system);
}

namespace {

/// Standard output, without characters that control a terminal. U+007F, and U+0080 to U+009F (two
/// bytes in UTF-8), are legal in JSON and commands to a terminal. An escape means the same.
class TerminalSink final : public Sink {
 public:
  Result<void> write(Bytes bytes) override {
    std::string out;
    out.reserve(bytes.size());
    for (const char c : as_text(bytes)) add(out, c);
    std::cout << out;
    if (std::cout) return success();
    return Error{.cause = std::make_error_code(std::errc::io_error),
                 .step = "write to standard output",
                 .path = {},
                 .detail = {}};
  }

 private:
  void add(std::string& out, char c) {
    constexpr char first_of_two = '\xc2';
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    const bool high_control = held_ && byte >= 0x80 && byte < 0xa0;
    if (held_ && !high_control) out += first_of_two;
    held_ = c == first_of_two;
    if (held_) return;  // the next byte tells what it begins
    if (high_control || byte == 0x7f) {
      out.append("\\u00").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    } else {
      out += c;
    }
  }

  bool held_ = false;
};

}  // namespace

ExitStatus show(std::string_view head, const JsonText& value, unsigned indent) {
  std::cout << head;
  TerminalSink sink;
  (void)value.lay_out(indent, sink);  // the line end finds out whether all was written
  return print_result("\n");
}

std::string loss_of(const StateFile& file, const std::string& path, const StateLimits& limits,
                    System system) {
  if (!file.stamped) return {};
  const auto store = open_to_look(path, limits, system);
  if (!store) return {};
  const auto found = store.value()->history();
  if (!found || found.value().generation_max <= file.stamp.generation) return {};
  std::string words = "an older copy was put in the place of the state: ";
  const auto& previous = found.value().previous;
  if (!previous.empty() && previous.front() > file.stamp.generation) {
    const std::string newest = std::to_string(previous.front());
    return words + "previous generation " + newest +
           " is newer; before the next save it can be restored: perdure state restore FILE " +
           newest;
  }
  return words + "of a damaged one there is '" + found.value().damaged.back() + "'";
}

std::string age_of(const std::string& path, System system) {
  if (is_etcd_address(path)) return {};
  const auto waits = has_unpublished(path, system);
  if (!waits)
    return "whether a root has a newer content of it can't be told: " + waits.error().message();
  if (!waits.value()) return {};
  const auto version = read_version(path, system);
  if (!version) return {};
  const auto age = system.environment->wall() - std::chrono::nanoseconds(version.value().mtime_ns);
  return "it is " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) +
         " s old: a root has a newer content of it, which the program that has the root open puts "
         "in place later, and otherwise perdure recover";
}

std::string summary(const StateFile& file) {
  std::string text = "no stamp";
  if (file.stamped) {
    text = "generation " + std::to_string(file.stamp.generation) + ", " +
           time_text(file.stamp.last_updated);
  }
  if (file.stamp.schema_version != 0) {
    text += ", schema version " + std::to_string(file.stamp.schema_version);
  }
  return text + ", " + human_size(file.bytes) + (file.enveloped ? ", in an envelope" : "");
}

boost::json::object summary_object(const StateFile& file) {
  boost::json::object object = {{"stamped", file.stamped}, {"bytes", file.bytes}};
  if (file.stamped) {
    object["generation"] = file.stamp.generation;
    object["last_updated"] = time_text(file.stamp.last_updated);
  }
  if (file.stamp.schema_version != 0) object["schema_version"] = file.stamp.schema_version;
  if (file.enveloped) object["enveloped"] = true;
  return object;
}

}  // namespace perdure::cli
