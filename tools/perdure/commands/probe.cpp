// SPDX-License-Identifier: BSL-1.0
// `perdure probe`: the facts that a commit into a directory would rely on.
#include <functional>
#include <iomanip>
#include <memory>
#include <sstream>

#include <boost/json/array.hpp>

#include <perdure/probe.hpp>

#include "commands.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "Tries things out with temps of its own, which are gone afterwards. The log is that of a\n"
    "program that holds a root open (docs/log.md): whether it can be kept here, by which order\n"
    "files get their names, and what it costs.\n"
    "\n"
    "Examples:\n"
    "  perdure probe /var/lib/app\n"
    "  perdure probe --json . | jq -r .protocol\n"
    "  perdure probe --json . | jq '.log | .supported, .flushes, .reason'\n";

boost::json::object to_json(const LogProbe& log) {
  boost::json::object object{{"supported", log.protocol.has_value()},
                             {"protocol", nullptr},
                             {"reason", utf8(log.reason)},
                             {"flushes", nullptr},
                             {"segment_bytes", log.segment_size},
                             {"bytes", log.size},
                             {"direct_write_time", nullptr}};
  if (log.protocol) object["protocol"] = to_string(*log.protocol);
  if (log.flushes) object["flushes"] = *log.flushes;
  if (log.direct_write_time) object["direct_write_time"] = *log.direct_write_time;
  return object;
}

/// The lines about a root with a log: whether it can be kept, in which order, and at what cost.
void add_log(const LogProbe& log, const std::function<void(std::string_view, std::string)>& line) {
  if (!log.protocol) {
    line("log            ", "none: " + log.reason);
    return;
  }
  const bool fast = *log.protocol == Protocol::fast;
  line("log            ", std::string(to_string(*log.protocol)) +
                              (fast ? ", files get their names behind their content: "
                                    : ", files get their names in no order: ") +
                              log.reason);
  std::string flushes = "a sync for each commit";
  if (log.flushes) {
    flushes = std::to_string(*log.flushes) + (*log.flushes == 1 ? " flush" : " flushes") +
              " for each commit";
  }
  line("log's cost     ", flushes + ", and some more behind each " + human_size(log.segment_size) +
                              " of records; " + human_size(log.size) + " of space");
  if (!log.direct_write_time) return;
  std::ostringstream ratio;
  ratio << std::fixed << std::setprecision(2) << *log.direct_write_time;
  line("direct writes  ",
       "take " + ratio.str() + " times as long as writes through the page cache");
}

boost::json::object to_json(const std::string& directory, const ProbeReport& found) {
  const FileSystemInfo& info = found.file_system;
  boost::json::array options;
  for (const auto& option : info.mount_options) options.emplace_back(utf8(option));
  boost::json::array capabilities;
  for (const auto& one : found.capabilities) {
    capabilities.push_back(
        {{"name", utf8(one.name)}, {"supported", one.supported}, {"reason", utf8(one.reason)}});
  }
  boost::json::array limits;
  for (const auto& limit : found.limits) limits.emplace_back(utf8(limit));
  return {{"directory", utf8(directory)},
          {"file_system",
           {{"type", utf8(info.type)},
            {"source", utf8(info.source)},
            {"mount_point", utf8(info.mount_point)},
            {"mount_options", std::move(options)},
            {"block_size", info.block_size},
            {"space_free", info.space_free}}},
          {"capabilities", std::move(capabilities)},
          {"limits", std::move(limits)},
          {"protocol", to_string(found.protocol)},
          {"reason", utf8(found.reason)},
          {"protocol_of_many", to_string(found.protocol_of_many)},
          {"log", to_json(found.log)}};
}

std::string to_text(const ProbeReport& found) {
  const FileSystemInfo& info = found.file_system;
  std::string options;
  for (const auto& option : info.mount_options) {
    options.append(options.empty() ? "" : ",").append(option);
  }
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text.append(label).append(printable(value)).append("\n");
  };
  line("file system    ", info.type.empty() ? "unknown" : info.type);
  if (info.mount_point.empty()) {
    line("mounted at     ",
         "unknown: the mount table does not show it (a chroot or a container hides it)" +
             (options.empty() ? std::string() : "; " + options));
  } else {
    line("source         ", info.source);
    line("mounted at     ", info.mount_point);
    line("mount options  ", options);
  }
  line("space free     ", human_size(info.space_free));
  for (const auto& one : found.capabilities) {
    line(one.supported ? "can            " : "can't          ",
         one.name + (one.reason.empty() ? "" : ": " + one.reason));
  }
  for (const auto& limit : found.limits) line("limit          ", limit);
  line("protocol       ", std::string(to_string(found.protocol)) + ": " + found.reason);
  line("many files     ", std::string(to_string(found.protocol_of_many)));
  add_log(found.log, line);
  return text;
}

struct ProbeCommand {
  std::string directory;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const {
    const auto found = probe(directory);
    if (!found) return report(found.error(), output);
    if (output.json) return print_result(to_json(directory, found.value()));
    return print_result(to_text(found.value()));
  }
};

}  // namespace

void add_probe(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<ProbeCommand>();
  CLI::App* sub =
      app.add_subcommand("probe", "Say what a directory's file system can do for a commit");
  sub->add_option("DIR", command->directory, "The directory to try")->required()->type_name("");
  add_json_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
