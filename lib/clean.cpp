// SPDX-License-Identifier: BSL-1.0
#include <perdure/clean.hpp>

#include "names.hpp"
#include "target.hpp"

namespace perdure {
namespace {

enum class Verdict { stale, live, not_ours, gone };

/// Whether anyone is still at work on this temp. A committer has its temp open for writing from
/// the call that makes it to the publish, and a name is never used twice: a temp that nobody has
/// open will never be published.
Verdict judge(FileSystem& files, Handle directory, const std::string& name) {
  const auto opened = files.open_file(directory, name);
  if (!opened) {
    return opened.error() == std::errc::no_such_file_or_directory ? Verdict::gone
                                                                  : Verdict::not_ours;
  }
  const OwnedHandle file(files, opened.value());
  const auto status = files.stat(file.get());
  if (!status || status.value().type != FileType::regular) return Verdict::not_ours;
  const auto live = files.open_for_writing(file.get());
  if (!live) return Verdict::not_ours;
  return live.value() ? Verdict::live : Verdict::stale;
}

}  // namespace

Result<CleanReport> clean(const Path& directory, bool dry_run, System system) {
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle opened, open_directory(files, directory, false, false));
  const auto failure = [&](std::error_code cause, std::string detail) {
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unchanged,
                 .cause = cause,
                 .step = "remove stale temps",
                 .path = directory.native(),
                 .detail = std::move(detail)};
  };
  const auto entries = files.list(opened.get());
  if (!entries) return failure(entries.error(), {});
  CleanReport report;
  for (const auto& entry : entries.value()) {
    if (!names::is_temp(entry.name)) continue;
    switch (judge(files, opened.get(), entry.name)) {
      case Verdict::gone:
        break;
      case Verdict::live:
        report.live.push_back(entry.name);
        break;
      case Verdict::not_ours:
        report.skipped.push_back(entry.name);
        break;
      case Verdict::stale: {
        if (!dry_run) {
          const auto removed = files.unlink(opened.get(), entry.name);
          if (!removed && removed.error() == std::errc::no_such_file_or_directory) {
            break;  // another cleaner was quicker, or its committer has published it since
          }
          if (!removed) return failure(removed.error(), entry.name);
        }
        report.removed.push_back(entry.name);
      }
    }
  }
  return report;
}

}  // namespace perdure
