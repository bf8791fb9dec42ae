// SPDX-License-Identifier: BSL-1.0
// Keeps violations in a directory, and reads them back.
#include "judging/violation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <xxhash.h>

#include "common/json_text.hpp"
#include "host/posix.hpp"

namespace crashlab {
namespace {

namespace json = boost::json;

constexpr int format_version = 3;
constexpr Violation::Kind kinds[] = {Violation::Kind::check, Violation::Kind::mount,
                                     Violation::Kind::fsck};
constexpr const char* tear_names[] = {"prefix", "suffix", "scattered"};

json::object describe(const RunOptions& options) {
  return {{"kernel", kernel_release()},
          {"fs", options.fs},
          {"layer", options.layer},
          {"mount_options", options.mount_options},
          {"mkfs_options", options.mkfs_options},
          {"size", options.size},
          {"sector_size", options.sector_size},
          {"flushes_ignored", options.ignore_flushes},
          {"faults", json::value_from(options.faults)},
          {"noise", options.noise},
          {"seed", options.seed},
          {"setup", options.setup},
          {"workload", options.workload},
          {"check", options.check.empty() ? options.check_server : options.check}};
}

json::object describe(const Violation& violation) {
  json::array torn;
  for (const Tear& tear : violation.choice.torn) {
    torn.push_back({{"write", tear.write},
                    {"kind", tear_names[static_cast<std::size_t>(tear.kind)]},
                    {"sectors", tear.sectors},
                    {"seed", tear.seed}});
  }
  return {{"id", violation.id},
          {"kind", name_of(violation.kind)},
          {"reason", violation.reason},
          {"at", violation.at},
          {"acknowledgements", violation.ack_count},
          {"kept", json::value_from(violation.choice.kept)},
          {"torn", std::move(torn)}};
}

Tear tear_from(const json::value& value) {
  Tear tear;
  tear.write = value.at("write").to_number<std::uint32_t>();
  const auto name = std::find(std::begin(tear_names), std::end(tear_names),
                              std::string(value.at("kind").as_string()));
  if (name == std::end(tear_names)) throw Failure("an unknown kind of tear");
  tear.kind = static_cast<Tear::Kind>(name - std::begin(tear_names));
  tear.sectors = value.at("sectors").to_number<std::uint32_t>();
  tear.seed = value.at("seed").to_number<std::uint64_t>();
  return tear;
}

void read_story(const json::value& value, KeptViolation& kept) {
  if (value.at("version").to_number<int>() != format_version) {
    throw Failure("it was kept by another version of crashlab");
  }
  const json::value& run = value.at("run");
  kept.kernel = run.at("kernel").as_string();
  kept.options.fs = run.at("fs").as_string();
  kept.options.layer = run.at("layer").as_string();
  kept.options.mount_options = run.at("mount_options").as_string();
  kept.options.size = run.at("size").to_number<std::uint64_t>();
  kept.options.sector_size = run.at("sector_size").to_number<std::uint32_t>();
  kept.options.ignore_flushes = run.at("flushes_ignored").as_bool();
  kept.options.faults = json::value_to<std::vector<std::string>>(run.at("faults"));
  kept.options.seed = run.at("seed").to_number<std::uint64_t>();
  kept.options.workload = run.at("workload").as_string();
  const json::value& told = value.at("violation");
  Violation& violation = kept.violation;
  violation.id = told.at("id").as_string();
  for (const Violation::Kind kind : kinds) {
    if (told.at("kind").as_string() == name_of(kind)) violation.kind = kind;
  }
  violation.reason = told.at("reason").as_string();
  violation.at = told.at("at").to_number<Moment>();
  violation.ack_count = told.at("acknowledgements").to_number<std::size_t>();
  violation.choice.kept = json::value_to<std::vector<std::uint32_t>>(told.at("kept"));
  for (const json::value& tear : told.at("torn").as_array()) {
    violation.choice.torn.push_back(tear_from(tear));
  }
}

void check_choice(const KeptViolation& kept) {
  const Choice& choice = kept.violation.choice;
  const auto beyond = [&](std::uint32_t index) { return index >= kept.point.pending.size(); };
  if (std::any_of(choice.kept.begin(), choice.kept.end(), beyond) ||
      std::any_of(choice.torn.begin(), choice.torn.end(),
                  [&](const Tear& tear) { return beyond(tear.write); }) ||
      (kept.options.sector_size != 512 && kept.options.sector_size != 4096)) {
    throw Failure("it is damaged: its state doesn't fit its recording");
  }
}

std::string fate_of(const KeptViolation& kept, std::uint32_t index) {
  const Choice& choice = kept.violation.choice;
  for (const Tear& tear : choice.torn) {
    if (tear.write != index) continue;
    const Write& write = kept.recording.writes[kept.point.pending[index]];
    const std::uint64_t count = sector_count(write, kept.options.sector_size);
    std::uint64_t there = 0;
    for (std::uint64_t sector = 0; sector < count; ++sector) {
      if (sector_kept(tear, sector, count)) ++there;
    }
    return "torn: " + std::to_string(there) + " of " + std::to_string(count) + " sectors (" +
           tear_names[static_cast<std::size_t>(tear.kind)] + ")";
  }
  return std::find(choice.kept.begin(), choice.kept.end(), index) != choice.kept.end() ? "kept"
                                                                                       : "lost";
}

std::string story_of_faults(const KeptViolation& kept) {
  if (kept.options.faults.empty()) return "";
  std::string text = "the disk's faults:";
  for (const std::string& fault : kept.options.faults) text += " " + fault;
  text += "\n";
  const std::size_t strikes_shown = 5;
  const auto& strikes = kept.recording.strikes;
  for (std::size_t i = 0; i < std::min(strikes.size(), strikes_shown); ++i) {
    text += "  " + std::string(name_of(strikes[i].kind));
    if (strikes[i].length > 0) {
      text += ": " + std::to_string(strikes[i].length) + " bytes at " +
              std::to_string(strikes[i].offset);
    }
    const auto before = std::count_if(kept.recording.acks.begin(), kept.recording.acks.end(),
                                      [&](const Ack& ack) { return ack.at < strikes[i].at; });
    text += ", after " + std::to_string(before) + " acknowledgements\n";
  }
  if (strikes.size() > strikes_shown) {
    text += "  and " + std::to_string(strikes.size() - strikes_shown) + " more\n";
  }
  return text;
}

}  // namespace

const char* name_of(Violation::Kind kind) {
  switch (kind) {
    case Violation::Kind::check:
      return "check";
    case Violation::Kind::mount:
      return "mount";
    case Violation::Kind::fsck:
      return "fsck";
  }
  return "?";
}

std::string violation_id(const CrashPoint& point, const Choice& choice, std::uint64_t image_hash) {
  std::vector<std::uint64_t> key = {image_hash, point.at, point.ack_count};
  key.insert(key.end(), choice.kept.begin(), choice.kept.end());
  char text[9];
  std::snprintf(text, sizeof text, "%08x",
                static_cast<unsigned>(XXH3_64bits(key.data(), key.size() * sizeof key[0])));
  return text;
}

void keep_violation(const std::string& directory, const RunOptions& options,
                    const Violation& violation, const Recording& recording) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail_errno("make " + directory);
  const std::string path = directory + "/" + violation.id;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail_errno("make " + path);
  const json::object story = {
      {"version", format_version}, {"run", describe(options)}, {"violation", describe(violation)}};
  write_file(path + "/recording", "");
  const UniqueFd fd(must(::open((path + "/recording").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW),
                         "open " + path + "/recording"));
  recording.until(violation.at).save(fd.get());
  write_file(path + "/violation.json", perdure::cli::json_text(story) + "\n");
}

KeptViolation load_violation(const std::string& directory, const std::string& id) {
  const std::string path = directory + "/" + id;
  if (id.empty() || id.find('/') != std::string::npos ||
      ::access((path + "/violation.json").c_str(), F_OK) != 0) {
    throw Failure("there is no violation \"" + id + "\" in " + directory +
                  "; `crashlab show` lists those that are there");
  }
  KeptViolation kept;
  try {
    read_story(json::parse(read_file(path + "/violation.json")), kept);
  } catch (const std::exception& error) {
    throw Failure(path + "/violation.json can't be understood: " + error.what());
  }
  const UniqueFd fd(must(::open((path + "/recording").c_str(), O_RDONLY | O_CLOEXEC),
                         "open " + path + "/recording"));
  kept.recording = Recording::load(fd.get());
  const auto points = crash_points(kept.recording, kept.options.ignore_flushes);
  kept.point = points.back();
  check_choice(kept);
  return kept;
}

std::vector<std::string> kept_ids(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (std::filesystem::exists(entry.path() / "violation.json", error)) {
      found.push_back(entry.path().filename().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string story(const KeptViolation& kept) {
  const Violation& violation = kept.violation;
  const std::size_t acks_shown = 5;
  std::string text =
      "violation " + violation.id + " (" + name_of(violation.kind) + ") on " + kept.options.fs;
  if (kept.options.layer != "none") text += " below " + kept.options.layer;
  if (!kept.options.mount_options.empty()) text += ", mounted " + kept.options.mount_options;
  text += ", on Linux " + kept.kernel;
  text += "\nworkload: " + kept.options.workload + "\n";
  text += story_of_faults(kept) + "\n";
  const auto& acks = kept.recording.acks;
  text += "acknowledged before the crash: " + std::to_string(acks.size()) + "\n";
  for (std::size_t i = acks.size() - std::min(acks.size(), acks_shown); i < acks.size(); ++i) {
    text += "  " + std::to_string(i + 1) + ". " + acks[i].text + "\n";
  }
  text += "\nwrites certain to be on the disk: " +
          std::to_string(kept.recording.writes.size() - kept.point.pending.size()) +
          "; pending when the power went: " + std::to_string(kept.point.pending.size()) + "\n";
  for (std::uint32_t i = 0; i < kept.point.pending.size(); ++i) {
    const Write& write = kept.recording.writes[kept.point.pending[i]];
    char line[160];
    std::snprintf(line, sizeof line, "  %s %8llu bytes at %11llu  %s\n",
                  write.failed                      ? "error"
                  : write.kind == Write::Kind::data ? "write"
                                                    : "zeros",
                  static_cast<unsigned long long>(write.length),
                  static_cast<unsigned long long>(write.offset), fate_of(kept, i).c_str());
    text += line;
  }
  text += "\n" +
          std::string(violation.kind == Violation::Kind::check   ? "the checker said: "
                      : violation.kind == Violation::Kind::mount ? "mount said: "
                                                                 : "fsck said: ") +
          violation.reason + "\n";
  return text;
}

}  // namespace crashlab
