// SPDX-License-Identifier: BSL-1.0
// `perdure bench`: how long commits take in a directory.
#include <algorithm>
#include <memory>

#include <boost/json/array.hpp>

#include <perdure/probe.hpp>
#include <perdure/system/file_system.hpp>

#include "bench/rounds.hpp"
#include "bench/ways.hpp"
#include "commands.hpp"
#include "common/json_text.hpp"
#include "common/usage_words.hpp"
#include "sources/once.hpp"
#include "terminal/interrupts.hpp"

namespace perdure::cli {

namespace {

using bench::Spread;

constexpr std::string_view examples =
    "Commits small files in a directory of its own beneath DIR, which is gone afterwards, in "
    "turns\n"
    "by each durability and protocol, and by the log of a root that is held open (docs/log.md),\n"
    "which takes 8 MiB of space. Beneath a root there can't be another: transactions and the log\n"
    "are left out there. On a machine that is busy with other things the figures say less than on\n"
    "a quiet one. Nobody who renames in DIR at the time can lead it elsewhere.\n"
    "\n"
    "Examples:\n"
    "  perdure bench /var/lib/app\n"
    "  perdure bench --size 1MiB --seconds 10 /var/lib/app\n"
    "  perdure bench --json . | jq '.ways[] | [.name, .median_us]'\n";

/// How much is committed, and how often the log settles then.
struct Amounts {
  std::size_t size = 4096;   ///< Of one commit.
  std::size_t small = 4096;  ///< Of each of many files.
  /// Commits of one file that the log takes until it settles; about.
  std::uint64_t commits_per_settling = 0;
};

Amounts amounts_of(std::size_t size, const LogProbe& log) {
  constexpr std::size_t small_max = 4096;
  constexpr std::uint64_t block = 4096;
  constexpr std::uint64_t around = 512;  // a record's head, its names and metadata
  const std::uint64_t record = (size + around + block - 1) / block * block;
  return {.size = size,
          .small = std::min(size, small_max),
          .commits_per_settling = std::max<std::uint64_t>(log.segment_size / record, 1)};
}

Result<void> add_all(Ways& ways, const ProbeReport& found, const Amounts& amounts) {
  const std::string image(amounts.size, 'x');
  const std::string small(amounts.small, 'x');
  WriteOptions options;
  BOOST_OUTCOME_TRY(ways.add_commits(durable_name, options, image));
  options.protocol = ProtocolChoice::automatic;
  if (found.protocol == Protocol::fast) {
    BOOST_OUTCOME_TRY(ways.add_commits(fast_name, options, image));
  }
  options.durability = Durability::ordered;
  BOOST_OUTCOME_TRY(ways.add_commits("ordered", options, image));
  options.durability = Durability::none;
  BOOST_OUTCOME_TRY(ways.add_commits("none", options, image));
  BOOST_OUTCOME_TRY(ways.add_many(small));
  if (found.log.protocol) {
    BOOST_OUTCOME_TRY(ways.add_log(image, small));
  } else {
    ways.leave_out(log_name, found.log.reason);
  }
  return ways.add_disk(image);
}

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

/// The median of one of them; 0 if it did not take part.
double median_s(const Ways& ways, std::string_view name) {
  for (const auto& candidate : ways.candidates) {
    if (candidate.name == name) return bench::spread_of(candidate.times_s).median;
  }
  return 0;
}

/// A commit by the log with its part of a settling; 0 if it did not take part.
double settled_s(const Ways& ways, const Amounts& amounts) {
  return median_s(ways, log_name) +
         median_s(ways, settling_name) / static_cast<double>(amounts.commits_per_settling);
}

/// How much of a durable commit `automatic` would save here, in percent.
int saved_percent(const Ways& ways) {
  const double fast = median_s(ways, fast_name);
  const double portable = median_s(ways, durable_name);
  return fast > 0 && fast < portable ? static_cast<int>(100 * (1 - fast / portable)) : 0;
}

boost::json::object to_json(const Ways& ways, const ProbeReport& found,
                            const std::string& directory, const Amounts& amounts) {
  constexpr double us = 1e6;
  boost::json::array measured;
  for (const auto& candidate : ways.candidates) {
    const Spread spread = bench::spread_of(candidate.times_s);
    measured.push_back({{"name", candidate.name},
                        {"files", candidate.files},
                        {"median_us", spread.median * us},
                        {"quarter_us", spread.quarter * us},
                        {"three_quarters_us", spread.three_quarters * us},
                        {"rounds", candidate.times_s.size()}});
  }
  boost::json::array left_out;
  for (const auto& one : ways.left_out) {
    left_out.push_back({{"name", one.name}, {"reason", utf8(one.reason)}});
  }
  boost::json::value log = nullptr;
  if (median_s(ways, log_name) > 0) {
    log = {{"commits_per_settling", amounts.commits_per_settling},
           {"settled_us", settled_s(ways, amounts) * us}};
  }
  return {{"directory", utf8(directory)}, {"file_system", utf8(found.file_system.type)},
          {"bytes", amounts.size},        {"bytes_of_many", amounts.small},
          {"ways", std::move(measured)},  {"left_out", std::move(left_out)},
          {"log", std::move(log)},        {"automatic", to_string(found.protocol)},
          {"reason", utf8(found.reason)}, {"saved_percent", saved_percent(ways)}};
}

/// A line for each way that takes so many files in a turn.
std::string table(const Ways& ways, unsigned files) {
  std::string text;
  for (const auto& candidate : ways.candidates) {
    if (candidate.files != files) continue;
    const Spread spread = bench::spread_of(candidate.times_s);
    std::string figure = milliseconds(nanoseconds(spread.median));
    figure.insert(0, figure.size() < 12 ? 12 - figure.size() : 0, ' ');
    std::string name = candidate.name;
    name.resize(16, ' ');
    text.append("  ").append(name).append(figure).append("   half of them within ");
    text.append(milliseconds(nanoseconds(spread.quarter))).append(" and ");
    text.append(milliseconds(nanoseconds(spread.three_quarters))).append("\n");
  }
  return text;
}

/// Words for how long a commit by the log takes, its part of a settling included, and how often the
/// log settles.
std::string log_words(const Ways& ways, const Amounts& amounts) {
  if (median_s(ways, log_name) == 0) return {};
  return "A program that holds a root open commits by its log in " +
         milliseconds(nanoseconds(settled_s(ways, amounts))) +
         ", settling included, which comes behind about " +
         std::to_string(amounts.commits_per_settling) + " of them.\n";
}

/// In plain words: what a commit costs here, what `automatic` would save, what the disk is like.
std::string to_text(const Ways& ways, const ProbeReport& found, const Amounts& amounts) {
  const auto& type = found.file_system.type;
  const double disk = median_s(ways, disk_name);
  const double durable = median_s(ways, durable_name);
  const auto rounds = ways.candidates.front().times_s.size();
  std::string text = "One durable commit of " + human_size(amounts.size) + " takes " +
                     milliseconds(nanoseconds(durable)) + " here, on " +
                     printable(type.empty() ? "an unknown file system" : type) + " (median of " +
                     std::to_string(rounds) + " rounds).\n" + table(ways, 1);
  text += std::to_string(many_count) + " files of " + human_size(amounts.small) +
          ", by `automatic` and by the log:\n" + table(ways, many_count);
  for (const auto& one : ways.left_out) {
    text += "Left out: " + one.name + ": " + printable(one.reason) + ".\n";
  }
  text += log_words(ways, amounts);
  if (const int saved = saved_percent(ways); saved > 0) {
    text += "With `--protocol automatic` it would take " + std::to_string(saved) +
            " % less, at the same promise.\n";
  } else if (found.protocol == Protocol::fast) {
    text += "`--protocol automatic` would take fast, and save nothing here.\n";
  } else {
    text += "`--protocol automatic` stays with portable here: " + printable(found.reason) + ".\n";
  }
  constexpr double suspicious_s = 20e-6;
  text += "The disk alone takes " + milliseconds(nanoseconds(disk)) +
          " to write and sync so much in place; no commit can be faster.\n";
  if (disk < suspicious_s) {
    text +=
        "That is memory, a cache that outlives a power cut, or a disk that does not do what a sync "
        "asks for.\n";
  }
  return text;
}

struct BenchCommand {
  std::string directory;
  std::size_t size = 4096;  // of an image that lies in memory
  double seconds = 3;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const {
    Interrupts interrupts;
    std::optional<int> signal;
    const auto text = measure(interrupts, signal);
    if (signal) interrupts.die(*signal);  // everything is removed by now
    if (!text) return report(text.error(), output);
    return print_result(text.value());
  }

 private:
  /// The report; empty if a signal came.
  [[nodiscard]] Result<std::string> measure(Interrupts& interrupts,
                                            std::optional<int>& signal) const {
    OnceResolved files;
    BOOST_OUTCOME_TRY(const auto found, probe(directory, files.system()));
    const auto opened = files.open_directory(Handle::working_directory, directory);
    if (!opened) return system_error("open the directory", directory, opened.error());
    const OwnedHandle parent(native_file_system(), opened.value());
    BOOST_OUTCOME_TRY(const auto ways, Ways::make(parent.get(), directory, files));
    const Amounts amounts = amounts_of(size, found.log);
    BOOST_OUTCOME_TRY(add_all(*ways, found, amounts));
    const auto stop = [&] {
      const auto pending = interrupts.pending();
      if (pending && pending.value()) signal = pending.value();
      return signal || ways->failure;
    };
    bench::run_rounds(ways->candidates,
                      {.rounds_max = 1'000'000, .seconds = seconds, .stop = stop});
    if (signal) return std::string();
    if (ways->failure) return *ways->failure;
    if (!output.json) return to_text(*ways, found, amounts);
    return json_text(to_json(*ways, found, directory, amounts)) + "\n";
  }
};

}  // namespace

void add_bench(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App* sub = app.add_subcommand("bench", "Say what a commit costs on a directory's disk");
  sub->add_option("DIR", command->directory, "The directory to measure in")
      ->required()
      ->type_name("");
  sub->add_option("--size", command->size, "Of each commit, bytes or with a unit (4096)")
      ->transform(size_in_bytes())
      ->type_name("SIZE");
  sub->add_option("--seconds", command->seconds, "How long (3); five rounds at least")
      ->check(number_between(0, 86'400))
      ->type_name("N");
  add_json_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
