// SPDX-License-Identifier: BSL-1.0
// Tries out what a directory's file system can do.
#include <perdure/probe.hpp>

#include "engine/directory.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "engine/unlink.hpp"

namespace perdure {
namespace {

/// Temps to try things out with; gone when it is.
class Guinea {
 public:
  Guinea(FileSystem& files, Handle directory) : files_(files), directory_(directory) {}
  Guinea(const Guinea&) = delete;
  Guinea& operator=(const Guinea&) = delete;
  ~Guinea() { (void)remove(); }

  /// Removes all of them; the names of those that would not go, and why.
  std::pair<std::string, std::error_code> remove() {
    std::pair<std::string, std::error_code> left;
    for (const auto& name : std::exchange(names_, {})) {
      const auto removed = unlink_if_there(files_, directory_, name);
      if (removed) continue;
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

SysResult<void> try_all(FileSystem& files, Environment& environment, Handle at, Guinea& guinea,
                        std::vector<Capability>& out) {
  BOOST_OUTCOME_TRY(const OwnedHandle first, guinea.make(environment));
  BOOST_OUTCOME_TRY(const OwnedHandle second, guinea.make(environment));
  BOOST_OUTCOME_TRY(const std::string spare, guinea.fresh(environment));
  BOOST_OUTCOME_TRY(const Status status, files.stat(first.get()));
  const std::string& one = guinea.name(0);
  const std::string& two = guinea.name(1);
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
  return success();
}

}  // namespace

Result<ProbeReport> probe(const Path& directory, System system) {
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_directory(files, directory));
  const auto failure = [&](std::error_code cause, std::string detail) {
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unchanged,
                 .cause = cause,
                 .step = "probe the directory",
                 .path = directory.native(),
                 .detail = std::move(detail)};
  };
  ProbeReport report;
  auto info = files.describe(opened.get());
  if (!info) return failure(info.error(), {});
  report.file_system = std::move(info.value());
  Guinea guinea(files, opened.get());
  const auto tried = try_all(files, *system.environment, opened.get(), guinea, report.capabilities);
  const auto left = guinea.remove();
  std::string detail = left.second ? left.first + " is left; `perdure clean` removes it" : "";
  if (!tried) return failure(tried.error(), std::move(detail));
  if (left.second) return failure(left.second, std::move(detail));
  ProtocolCheck check = allows_fast(report.file_system);
  report.protocol = check.allowed ? Protocol::fast : Protocol::portable;
  const bool whole = allows_whole(report.file_system).allowed;
  report.protocol_of_many = whole ? Protocol::whole : report.protocol;
  report.reason = std::move(check.reason);
  return report;
}

}  // namespace perdure
