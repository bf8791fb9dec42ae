// SPDX-License-Identifier: BSL-1.0
// `perdure bench`: how long commits take in a directory.
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <perdure/atomic_writer.hpp>
#include <perdure/probe.hpp>
#include <perdure/system/file_system.hpp>

#include "bench/private_directory.hpp"
#include "bench/rounds.hpp"
#include "commands.hpp"
#include "sources/once.hpp"
#include "terminal/interrupts.hpp"

namespace perdure::cli {

namespace {

using bench::Candidate;
using bench::Spread;

constexpr std::string_view examples =
    "Commits small files in a directory of its own beneath DIR, which is gone afterwards, in "
    "turns\n"
    "by each durability and protocol. On a machine that is busy with other things the figures say\n"
    "less than on a quiet one. Whoever renames in DIR at the time leads it nowhere else.\n"
    "\n"
    "Examples:\n"
    "  perdure bench /var/lib/app\n"
    "  perdure bench --size 1MiB --seconds 10 /var/lib/app\n"
    "  perdure bench --json . | jq '.ways[] | [.name, .median_us]'\n";

const std::string durable_name = "durable";
const std::string fast_name = "durable, fast";
const std::string disk_name = "disk alone";

Error system_error(std::string step, const std::string& path, std::error_code cause) {
  return {.kind = ErrorKind::system,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = std::move(step),
          .path = path,
          .detail = {},
          .reading = true};
}

/// The candidates, in a directory of their own.
class Bench {
  std::unique_ptr<PrivateDirectory> own_;  // first, so that it outlives what is open in there
  System system_;

 public:
  /// In the directory that `parent` is; it stays open for as long as this lives, and so do `files`.
  static Result<std::unique_ptr<Bench>> make(Handle parent, const std::string& path,
                                             OnceResolved& files) {
    BOOST_OUTCOME_TRY(auto own, PrivateDirectory::make(parent, path));
    const auto known = files.resolve(own->path(), own->handle());
    if (!known) return system_error("open the directory", own->path(), known.error());
    return std::unique_ptr<Bench>(new Bench(std::move(own), files.system()));
  }

  /// Commits `image` by `options`. Its first failure is kept.
  Result<void> add_commits(const std::string& name, const WriteOptions& options,
                           const std::string& image) {
    BOOST_OUTCOME_TRY(auto bound, AtomicWriter::bind(own_->path(), options, system_));
    const auto writer = std::make_shared<AtomicWriter>(std::move(bound));
    candidates.push_back({.name = name, .turn = [this, writer, name, image] {
                            auto done = writer->commit(name, image);
                            if (!done && !failure) failure = std::move(done.error());
                            return done.has_value();
                          }});
    return success();
  }
  /// The floor below every commit: a write into space that is there, and its sync.
  Result<void> add_disk(const std::string& image) {
    const std::string path = own_->path() + "/disk";
    const auto made = native_file_system().create(own_->handle(), "disk", 0600);
    if (!made) return system_error("make a file to measure with", path, made.error());
    const auto file = std::make_shared<OwnedHandle>(native_file_system(), made.value());
    const auto turn = [image, file]() -> SysResult<void> {
      BOOST_OUTCOME_TRY(const auto put,
                        native_file_system().write_at(file->get(), 0, as_bytes(image)));
      if (put != image.size()) return std::make_error_code(std::errc::io_error);
      if (::fdatasync(static_cast<int>(file->get())) == 0) return success();
      return std::error_code(errno, std::generic_category());
    };
    candidates.push_back({.name = disk_name, .turn = [this, path, turn] {
                            const auto done = turn();
                            if (!done && !failure) {
                              failure = system_error("write", path, done.error());
                            }
                            return done.has_value();
                          }});
    return success();
  }

  std::vector<Candidate> candidates;
  std::optional<Error> failure;

 private:
  Bench(std::unique_ptr<PrivateDirectory> own, System system)
      : own_(std::move(own)), system_(system) {}
};

Result<void> add_all(Bench& bench, Protocol automatic, std::size_t size) {
  const std::string image(size, 'x');
  WriteOptions options;
  BOOST_OUTCOME_TRY(bench.add_commits(durable_name, options, image));
  options.protocol = ProtocolChoice::automatic;
  if (automatic == Protocol::fast) {
    BOOST_OUTCOME_TRY(bench.add_commits(fast_name, options, image));
  }
  options.durability = Durability::ordered;
  BOOST_OUTCOME_TRY(bench.add_commits("ordered", options, image));
  options.durability = Durability::none;
  BOOST_OUTCOME_TRY(bench.add_commits("none", options, image));
  return bench.add_disk(image);
}

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

/// The median of one of them; 0 if it did not take part.
double median_s(const Bench& bench, std::string_view name) {
  for (const auto& candidate : bench.candidates) {
    if (candidate.name == name) return bench::spread_of(candidate.times_s).median;
  }
  return 0;
}

/// How much of a durable commit `automatic` would save here, in percent.
int saved_percent(const Bench& bench) {
  const double fast = median_s(bench, fast_name);
  const double portable = median_s(bench, durable_name);
  return fast > 0 && fast < portable ? static_cast<int>(100 * (1 - fast / portable)) : 0;
}

boost::json::object to_json(const Bench& bench, const ProbeReport& found,
                            const std::string& directory, std::uint64_t size) {
  constexpr double us = 1e6;
  boost::json::array ways;
  for (const auto& candidate : bench.candidates) {
    const Spread spread = bench::spread_of(candidate.times_s);
    ways.push_back({{"name", candidate.name},
                    {"median_us", spread.median * us},
                    {"quarter_us", spread.quarter * us},
                    {"three_quarters_us", spread.three_quarters * us},
                    {"rounds", candidate.times_s.size()}});
  }
  return {{"directory", utf8(directory)},
          {"file_system", utf8(found.file_system.type)},
          {"bytes", size},
          {"ways", std::move(ways)},
          {"automatic", to_string(found.protocol)},
          {"reason", utf8(found.reason)},
          {"saved_percent", saved_percent(bench)}};
}

std::string table(const Bench& bench) {
  std::string text;
  for (const auto& candidate : bench.candidates) {
    const Spread spread = bench::spread_of(candidate.times_s);
    std::string figure = milliseconds(nanoseconds(spread.median));
    figure.insert(0, figure.size() < 12 ? 12 - figure.size() : 0, ' ');
    std::string name = candidate.name;
    name.resize(14, ' ');
    text.append("  ").append(name).append(figure).append("   half of them within ");
    text.append(milliseconds(nanoseconds(spread.quarter))).append(" and ");
    text.append(milliseconds(nanoseconds(spread.three_quarters))).append("\n");
  }
  return text;
}

/// In plain words: what a commit costs here, what `automatic` would save, what the disk is like.
std::string to_text(const Bench& bench, const ProbeReport& found, std::uint64_t size) {
  const auto& type = found.file_system.type;
  const double disk = median_s(bench, disk_name);
  const double durable = median_s(bench, durable_name);
  const auto rounds = bench.candidates.front().times_s.size();
  std::string text = "One durable commit of " + human_size(size) + " takes " +
                     milliseconds(nanoseconds(durable)) + " here, on " +
                     printable(type.empty() ? "an unknown file system" : type) + " (median of " +
                     std::to_string(rounds) + " rounds).\n" + table(bench);
  if (const int saved = saved_percent(bench); saved > 0) {
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
    if (signal) interrupts.die(*signal);  // all is put away by now
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
    BOOST_OUTCOME_TRY(const auto bench, Bench::make(parent.get(), directory, files));
    BOOST_OUTCOME_TRY(add_all(*bench, found.protocol, size));
    const auto stop = [&] {
      const auto pending = interrupts.pending();
      if (pending && pending.value()) signal = pending.value();
      return signal || bench->failure;
    };
    bench::run_rounds(bench->candidates,
                      {.rounds_max = 1'000'000, .seconds = seconds, .stop = stop});
    if (signal) return std::string();
    if (bench->failure) return *bench->failure;
    if (!output.json) return to_text(*bench, found, size);
    return boost::json::serialize(to_json(*bench, found, directory, size)) + "\n";
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
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  sub->add_option("--seconds", command->seconds, "How long (3); five rounds at least")
      ->check(CLI::Range(0.0, 86400.0))
      ->type_name("N");
  add_json_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
