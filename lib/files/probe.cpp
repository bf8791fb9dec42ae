// SPDX-License-Identifier: BSL-1.0
// Tries what a directory's file system can do.
#include <algorithm>

#include <perdure/probe.hpp>
#include <perdure/root_options.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/directory.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/unlink.hpp"
#include "log/log_format.hpp"
#include "log/write_choice.hpp"

namespace perdure {
namespace {

/// Temps for trials; the destructor removes them.
class ProbeFiles {
 public:
  ProbeFiles(FileSystem& files, Handle directory) : files_(files), directory_(directory) {}
  ProbeFiles(const ProbeFiles&) = delete;
  ProbeFiles& operator=(const ProbeFiles&) = delete;
  ~ProbeFiles() { (void)remove(); }

  /// Removes all of them. Returns the names that could not be removed, and why.
  std::pair<std::string, std::error_code> remove() {
    std::pair<std::string, std::error_code> left;
    for (const auto& name : std::exchange(names_, {})) {
      const auto removed = unlink_if_there(files_, directory_, name);
      if (removed) continue;
      // A read-only mount also refuses to remove a file that it refused to make.
      if (removed.error() == std::errc::read_only_file_system) {
        const auto there = files_.stat_at(directory_, name);
        if (!there && is_missing(there.error())) continue;
      }
      left.first += (left.first.empty() ? "'" : ", '") + name + "'";
      left.second = removed.error();
    }
    return left;
  }

  SysResult<OwnedHandle> make(Environment& environment) {
    BOOST_OUTCOME_TRY(const std::string name, fresh(environment));
    BOOST_OUTCOME_TRY(const Handle made, files_.create(directory_, name, 0600));
    return OwnedHandle(files_, made);
  }
  /// A name that is removed in the end, whether it came to exist or not.
  SysResult<std::string> fresh(Environment& environment) {
    BOOST_OUTCOME_TRY(std::string name, names::make_temp("probe", environment));
    names_.push_back(name);
    return name;
  }
  [[nodiscard]] const std::string& name(std::size_t index) const { return names_[index]; }

 private:
  FileSystem& files_;
  Handle directory_;
  std::vector<std::string> names_;
};

Capability found(std::string name, const std::error_code& refusal) {
  return {.name = std::move(name),
          .supported = !refusal,
          .reason = refusal ? refusal.message() : std::string()};
}

template <class T>
std::error_code refusal_of(const SysResult<T>& result) {
  return result ? std::error_code() : result.error();
}

/// The look at a file that was made.
SysResult<Status> try_all(FileSystem& files, Environment& environment, Handle at, ProbeFiles& temps,
                          std::vector<Capability>& out) {
  BOOST_OUTCOME_TRY(const OwnedHandle first, temps.make(environment));
  BOOST_OUTCOME_TRY(const OwnedHandle second, temps.make(environment));
  BOOST_OUTCOME_TRY(const std::string spare, temps.fresh(environment));
  BOOST_OUTCOME_TRY(const Status status, files.stat(first.get()));
  const std::string& one = temps.name(0);
  const std::string& two = temps.name(1);
  const Bytes value = as_bytes("1");

  out.push_back(found("file sync", refusal_of(files.sync_file(first.get()))));
  out.push_back(found("directory sync", refusal_of(files.sync_directory(at))));
  out.push_back(found("preallocation", refusal_of(files.preallocate(first.get(), 4096))));
  out.push_back(found("hard links", refusal_of(files.link(at, one, at, spare))));
  (void)files.unlink(at, spare);
  out.push_back(found("rename without replacing",
                      refusal_of(files.rename(at, one, at, spare, RenameMode::no_replace))));
  (void)files.rename(at, spare, at, one, RenameMode::replace);
  out.push_back(found("rename by exchange",
                      refusal_of(files.rename(at, one, at, two, RenameMode::exchange))));
  out.push_back(found("extended attributes",
                      refusal_of(files.set_xattr(first.get(), "user.perdure", value))));
  out.push_back(found("locks", refusal_of(files.try_lock(first.get(), LockMode::exclusive))));
  const auto reader = files.open_file(at, two);
  const OwnedHandle closing(files, reader ? reader.value() : Handle::none);
  out.push_back(found("telling live temps",
                      reader ? refusal_of(files.open_for_writing(closing.get())) : reader.error()));
  out.push_back({.name = "birth times",
                 .supported = status.version.birth_ns != 0,
                 .reason = status.version.birth_ns != 0 ? "" : "the file system keeps none"});
  return status;
}

/// Makes a block durable, in the way that is timed next.
SysResult<void> write_block(FileSystem& files, Handle cached, Handle direct, Bytes block,
                            const WriteChoice& choice) {
  if (choice.is_direct()) {
    BOOST_OUTCOME_TRY(files.write_through(direct, 0, block));
    return success();
  }
  BOOST_OUTCOME_TRY(files.write_at(cached, 0, block));
  return files.sync_data(cached);
}

/// Whether there are direct writes, and how long one takes by the time of a write and its sync.
SysResult<std::optional<double>> try_direct_writes(FileSystem& files, Environment& environment,
                                                   Handle at, ProbeFiles& temps,
                                                   std::vector<Capability>& out) {
  BOOST_OUTCOME_TRY(const std::string name, temps.fresh(environment));
  BOOST_OUTCOME_TRY(const Handle cached, files.create(at, name, 0600));
  const OwnedHandle closing(files, cached);
  const DirectBuffer block(static_cast<std::size_t>(log_block));
  BOOST_OUTCOME_TRY(files.write_at(cached, 0, block));
  const auto direct = files.open_direct(at, name);
  const OwnedHandle closing_direct(files, direct ? direct.value() : Handle::none);
  std::error_code refusal = direct ? std::error_code() : direct.error();
  WriteChoice choice;
  while (!refusal && choice.is_measuring()) {
    const auto begin = environment.monotonic();
    refusal = refusal_of(write_block(files, cached, direct.value(), block, choice));
    choice.took(environment.monotonic() - begin);
  }
  out.push_back(found("direct writes", refusal));
  return choice.ratio();
}

bool can(const ProbeReport& report, std::string_view name) {
  const auto is_it = [&](const Capability& one) { return one.name == name; };
  const auto at = std::find_if(report.capabilities.begin(), report.capabilities.end(), is_it);
  return at != report.capabilities.end() && at->supported;
}

std::vector<std::string> limits_of(const ProbeReport& report) {
  std::vector<std::string> limits;
  if (!can(report, "hard links")) {
    limits.emplace_back(
        "no backups, no previous generations of a state, no transactions: there are no hard links");
    if (!can(report, "rename without replacing")) {
      limits.emplace_back("no keep: names can neither be linked nor renamed without replacing");
    }
  }
  if (!can(report, "directory sync")) {
    limits.emplace_back(
        "no durable commits, states or transactions: the directory can't be synced; commit with "
        "the durability 'ordered'");
  }
  if (!can(report, "locks"))
    limits.emplace_back("no expected versions, no keep: there are no locks");
  if (const auto reason = reason_without_flush(report.file_system); !reason.empty()) {
    limits.push_back("a power cut may take what was acknowledged: " + reason +
                     "; switch the disk's cache off, or choose another file system");
  }
  return limits;
}

LogProbe log_at(const ProbeReport& report, const Status& made, Stamps stamps) {
  const RootOptions defaults;
  LogCheck check = allows_log(made, stamps, report.file_system);
  const auto none = [&](std::string_view capability, std::string reason) {
    if (!check.protocol || can(report, capability)) return;
    check = {.protocol = std::nullopt, .reason = std::move(reason)};
  };
  none("directory sync", "the directory can't be synced");
  none("locks", "a process holds a root by a lock, and there are none");
  return {.protocol = check.protocol,
          .reason = std::move(check.reason),
          .flushes = flushes_of_log(report.file_system),
          .segment_size = defaults.segment_size,
          .size = log_size(defaults.segment_size),
          .direct_write_time = {}};
}

Result<ProbeReport> try_directory(const Path& directory, System system) {
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_named_directory(files, directory));
  BOOST_OUTCOME_TRY(check_names_go(files, opened.get(), directory.native()));
  const auto failure = [&](std::error_code cause, std::string detail) {
    return make_error("probe the directory", directory.native(), cause, std::move(detail));
  };
  ProbeReport report;
  auto info = files.describe(opened.get());
  if (!info) return failure(info.error(), {});
  report.file_system = std::move(info.value());
  ProbeFiles temps(files, opened.get());
  const auto tried = try_all(files, *system.environment, opened.get(), temps, report.capabilities);
  SysResult<std::optional<double>> timed(std::nullopt);
  if (tried) {
    timed = try_direct_writes(files, *system.environment, opened.get(), temps, report.capabilities);
  }
  const auto left = temps.remove();
  std::string detail = left.second ? left.first + " is left; `perdure clean` removes it" : "";
  if (!tried) return failure(tried.error(), std::move(detail));
  if (!timed) return failure(timed.error(), std::move(detail));
  if (left.second) return failure(left.second, std::move(detail));
  ProtocolCheck check = allows_fast(report.file_system);
  report.protocol = check.allowed ? Protocol::fast : Protocol::portable;
  const bool many = allows_whole(report.file_system).allowed;
  report.protocol_of_many = many ? Protocol::whole : report.protocol;
  report.reason = std::move(check.reason);
  report.limits = limits_of(report);
  report.log = log_at(report, tried.value(), files.stamps(opened.get(), tried.value()));
  if (report.log.protocol && reason_without_direct_writes(report.file_system).empty()) {
    report.log.direct_write_time = timed.value();
  }
  return report;
}

}  // namespace

Result<ProbeReport> probe(const Path& directory, System system) {
  return reading(try_directory(directory, system));
}

}  // namespace perdure
