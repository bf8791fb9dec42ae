// SPDX-License-Identifier: BSL-1.0
#include <perdure/probe.hpp>

#include "names.hpp"
#include "target.hpp"

namespace perdure {
namespace {

/// Two temps to try things out with; gone when it is.
class Guinea {
 public:
  Guinea(FileSystem& files, Handle directory) : files_(files), directory_(directory) {}
  Guinea(const Guinea&) = delete;
  Guinea& operator=(const Guinea&) = delete;
  ~Guinea() {
    for (const auto& name : names_) (void)files_.unlink(directory_, name);
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

SysResult<void> try_all(FileSystem& files, Environment& environment, Handle at,
                        std::vector<Capability>& out) {
  Guinea guinea(files, at);
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
  if (reader) {
    const OwnedHandle closing(files, reader.value());
    out.push_back(found("telling live temps", refusal_of(files.open_for_writing(reader.value()))));
  }
  out.push_back({.name = "birth times",
                 .supported = status.version.birth_ns != 0,
                 .reason = status.version.birth_ns != 0 ? "" : "the file system keeps none"});
  return success();
}

}  // namespace

Result<ProbeReport> probe(const Path& directory, System system) {
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_directory(files, directory, false, false));
  const auto failure = [&](std::error_code cause) {
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unchanged,
                 .cause = cause,
                 .step = "probe the directory",
                 .path = directory.native(),
                 .detail = {}};
  };
  ProbeReport report;
  auto info = files.describe(opened.get());
  if (!info) return failure(info.error());
  report.file_system = std::move(info.value());
  const auto tried = try_all(files, *system.environment, opened.get(), report.capabilities);
  if (!tried) return failure(tried.error());
  report.protocol = Protocol::portable;
  report.reason = "the portable protocol holds on every file system";
  return report;
}

}  // namespace perdure
