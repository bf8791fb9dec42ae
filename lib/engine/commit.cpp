// SPDX-License-Identifier: BSL-1.0
// Checks options, makes pipelines, and runs and finishes commits.
#include "engine/commit.hpp"

#include "base/make_error.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/temp.hpp"
#include "engine/version.hpp"

namespace perdure {

struct detail::Continuation {
  template <Fact initial, class... Stages>
  static AnyPipeline of(Stages... stages) {
    return {PipelineFrom<initial, Stages...>(std::move(stages)...), AnyPipeline::Checked()};
  }
};

namespace {

/// Verify for a streamed temp: memory does not have its bytes any more, so their digest is
/// compared.
struct VerifyDigest {
  static constexpr std::string_view name = Verify::name;
  static constexpr Fact needs = Fact::temp | Fact::content | Fact::ordered;
  static constexpr Fact gives = Fact::none;
  Checksum::Digest expected;

  Result<void> run(Commit& commit) const {
    Checksum sum;
    BOOST_OUTCOME_TRY(read_back(commit, [&](Bytes block) {
      sum.update(block);
      return true;
    }));
    if (sum.digest() == expected) return success();
    return differs(commit);
  }
};

/// WriteThrough for a streamed temp: its bytes are written already, so it only awaits them.
struct AwaitContent {
  static constexpr std::string_view name = WriteThrough::name;
  static constexpr Fact needs = Fact::temp | Fact::content;
  static constexpr Fact gives = Fact::ordered;
  static constexpr Protocol protocol = Protocol::fast;

  Result<void> run(Commit& commit) const { return await_temp(commit); }
};

/// Adds the publish behind `stages`, and `sync` if durability is asked for.
template <Fact initial, class Sync, class... Stages>
AnyPipeline publish_with(const WriteOptions& options, Sync sync, Stages... stages) {
  if (options.durability == Durability::ordered) {
    return detail::Continuation::of<initial>(stages..., Rename{});
  }
  return with_publish(options, sync, [&](auto... publish) {
    return detail::Continuation::of<initial>(stages..., publish...);
  });
}

constexpr Fact streamed_facts = Fact::temp | Fact::content;

Error refused_options(const std::string& path, std::string_view fault) {
  return make_error("read the options", path, ErrorKind::invalid_argument, std::string(fault));
}

/// The version of the published file, through its descriptor. It is that of the look right behind
/// the publish: what somebody else wrote into the file during the syncs is not ours.
SysResult<Version> new_version(const Commit& commit) {
  FileSystem& files = commit.files;
  const Handle file = commit.temp.get();
  if (!commit.published) {  // by a stage of somebody's own
    BOOST_OUTCOME_TRY(const Status status, files.stat(file));
    return version_of(files, file, status);
  }
  BOOST_OUTCOME_TRY(const Status published, *commit.published);
  if (is_settled(files, file, published)) return published.version;
  BOOST_OUTCOME_TRY(const Status now, files.stat(file));
  const bool is_ours = files.stamps(file, now) == Stamps::foreign ||
                       (now.version.size == published.version.size &&
                        now.version.mtime_ns == published.version.mtime_ns);
  if (!is_ours) return published.version;  // no look finds it again
  return version_of(files, file, now);
}

}  // namespace

Commit::Commit(FileSystem& file_system, Environment& surroundings,
               const WriteOptions& write_options)
    : Target(file_system, surroundings), options(write_options), sync_mark(failed_syncs()) {
  expected = write_options.expected;
}

Result<void> check_options(const WriteOptions& options, const std::string& path) {
  std::string_view fault;
  if (options.verify && options.durability == Durability::none) {
    fault = "verify reads back what the disk has, and durability 'none' puts nothing there";
  } else if ((options.metadata.mode & ~07777U) != 0) {
    fault = "the mode has more than permission bits";
  } else if (options.metadata.owner == UINT32_MAX || options.metadata.group == UINT32_MAX) {
    fault = "no user and no group has the number 4294967295";
  } else if (options.existing == ExistingPolicy::backup &&
             (options.backup_suffix.empty() ||
              !names::fault_of_leaf(names::backup_of("f", options.backup_suffix)).empty())) {
    fault = "the suffix of a backup is empty or has a '/' or a zero byte";
  }
  if (fault.empty()) return success();
  return refused_options(path, fault);
}

Result<void> check_options_of_many(const WriteOptions& options, const std::string& path) {
  BOOST_OUTCOME_TRY(check_options(options, path));
  if (!options.expected) return success();
  return refused_options(path, "an expected version speaks of one commit; pass it to that one");
}

AnyPipeline make_pipeline(const WriteOptions& options, Protocol protocol) {
  if (options.durability == Durability::none) return Unsynced{};
  const auto fast = [&](auto... verify) {
    return publish_with<Fact::none>(options, SyncPublished{}, Serialize{}, CreateTemp{},
                                    WriteThrough{}, ApplyMetadata{}, verify...);
  };
  const auto portable = [&](auto... verify) {
    return publish_with<Fact::none>(options, SyncParent{}, Serialize{}, CreateTemp{}, Write{},
                                    ApplyMetadata{}, SyncFile{}, verify...);
  };
  const auto whole = [&](auto... verify) {
    return publish_with<Fact::none>(options, SyncAllPublished{}, Serialize{}, CreateTemp{}, Write{},
                                    ApplyMetadata{}, SyncAll{}, verify...);
  };
  if (protocol == Protocol::fast) return options.verify ? fast(Verify{}) : fast();
  if (protocol == Protocol::whole) return options.verify ? whole(Verify{}) : whole();
  return options.verify ? portable(Verify{}) : portable();
}

AnyPipeline make_finish(const WriteOptions& options, Protocol protocol,
                        const std::optional<Checksum::Digest>& streamed) {
  if (options.durability == Durability::none) {
    return detail::Continuation::of<streamed_facts>(ApplyMetadata{}, RenameUnordered{});
  }
  const auto fast = [&](auto... verify) {
    return publish_with<streamed_facts>(options, SyncPublished{}, AwaitContent{}, ApplyMetadata{},
                                        verify...);
  };
  const auto portable = [&](auto... verify) {
    return publish_with<streamed_facts>(options, SyncParent{}, ApplyMetadata{}, SyncFile{},
                                        verify...);
  };
  if (protocol == Protocol::fast) return streamed ? fast(VerifyDigest{*streamed}) : fast();
  return streamed ? portable(VerifyDigest{*streamed}) : portable();
}

Error discard_temp(Commit& commit, Error reason) {
  const auto removed = remove_temp(commit);
  commit.temp.reset();
  if (!removed && is_temp_ours(commit)) {
    reason.detail += (reason.detail.empty() ? "" : "; ") + removed.error().detail;
  }
  return reason;
}

Result<Receipt> run_commit(Commit& commit, const AnyPipeline& pipeline) try {
  return finish_commit(commit, pipeline, pipeline.run(commit));
} catch (...) {  // a stage or serializer of the user's own may throw
  (void)remove_temp(commit);
  throw;
}

Result<Receipt> finish_commit(Commit& commit, const AnyPipeline& pipeline, Result<void> outcome) {
  if (!outcome) {
    // A stage of the user's own may return an error without path and fate, or with those of another
    // file.
    Error& error = outcome.error();
    error.fate = commit.fate;
    if (error.path.empty()) error.path = commit.path;
    if (error.step.empty()) error.step = commit.receipt.stages.back().stage;
    return discard_temp(commit, std::move(error));
  }
  if (commit.expected || commit.options.report_version) {
    const auto version = new_version(commit);
    if (!version) {
      return discard_temp(commit, commit.failure("read the new version", version.error()));
    }
    commit.receipt.version = version.value();
  }
  const auto closed = commit.temp.close();
  // Without a sync, close(2) may report that a delayed write failed. After a sync it does not.
  if (!closed && pipeline.durability() == Durability::none) {
    return commit.failure("close the new file", closed.error());
  }
  commit.receipt.bytes = commit.written;
  commit.receipt.durability = pipeline.durability();
  commit.receipt.protocol = pipeline.protocol();
  return std::move(commit.receipt);
}

}  // namespace perdure
