// SPDX-License-Identifier: BSL-1.0
// Commits many files by one call, in parts that share syncs.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <perdure/files.hpp>

#include "engine/commit.hpp"
#include "engine/lock.hpp"
#include "engine/observe.hpp"
#include "engine/temp.hpp"
#include "engine/write_directory.hpp"

namespace perdure {
namespace {

/// The most files that become durable together.
constexpr std::size_t group_size_max = 256;

/// The most descriptors that a part of a batch holds. A process gets 1024 by default, and the
/// program keeps the rest; to count its open ones would cost too much. With a higher limit a larger
/// part would gain nothing. 600 are enough for 256 files of one directory with their locks, and for
/// 256 directories of one file each.
constexpr std::size_t descriptors_max = 600;

/// The most that one file takes: its directory, the one that links led to, its lock and its temp.
constexpr std::size_t descriptors_of_file = 4;

/// For fewer files the whole file system is not synced, since others may have written much.
constexpr std::size_t whole_min = 4;

/// One file of a batch on its way.
struct Candidate {
  Candidate(const WriteDirectory& at, std::size_t its_number, const WriteOptions& options)
      : directory(at), number(its_number), commit(at.files(), at.environment(), options) {}
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  ~Candidate() { (void)remove_temp(commit); }  // has none, unless something was thrown

  const WriteDirectory& directory;
  std::size_t number;  // of the caller's files
  Commit commit;
  std::optional<TargetKey> key;  // empty in a batch of one
};

class Batch {
 public:
  Batch(std::span<const NewFile> files, const WriteOptions& options, System system)
      : files_(files), options_(options), system_(system), results_(files.size(), Error()) {}

  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  /// An exception may have ended the batch half-way.
  ~Batch() {
    for (const auto& path : begun_) {
      if (!path) continue;
      Error error;
      error.fate = Fate::unknown;
      system_.observer->failed({.path = *path}, error);
    }
  }

  std::vector<Result<Receipt>> run() {
    if (system_.observer != nullptr) {
      for (const NewFile& file : files_) {
        begun_.push_back((file.target.parent_path() / file.target.filename()).native());
        system_.observer->commit_begun(*begun_.back());
      }
    }
    // Sorted by path, so that files of one directory come together and share its sync.
    std::vector<std::size_t> order(files_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return files_[a].target.native() < files_[b].target.native();
    });
    for (const std::size_t number : order) {
      if (found_.size() == group_size_max || held_ + descriptors_of_file > descriptors_max) {
        run_part();
      }
      if (auto found = find(number); !found) end(number, std::move(found.error()), {});
    }
    run_part();
    return std::move(results_);
  }

 private:
  void end(std::size_t number, Result<Receipt> outcome, const std::vector<StageTime>& ran) {
    if (system_.observer != nullptr) {
      tell_end(*system_.observer, *begun_[number], outcome, ran);
      begun_[number].reset();
    }
    results_[number] = std::move(outcome);
  }

  /// Finds the target, once: later changes of links do not count.
  Result<void> find(std::size_t number) {
    const NewFile& file = files_[number];
    const Path parent = file.target.parent_path();
    auto at = directories_.find(parent.native());
    if (at == directories_.end()) {
      BOOST_OUTCOME_TRY(WriteDirectory opened,
                        WriteDirectory::open(parent, options_, system_, true));
      if (const auto before = refused_.find(parent.native()); before != refused_.end()) {
        opened.learn(before->second);
      }
      at = directories_.emplace(parent.native(), std::move(opened)).first;
      ++held_;
    }
    const WriteDirectory& directory = at->second;
    auto candidate = std::make_unique<Candidate>(directory, number, options_);
    candidate->commit.image = file.image;
    candidate->commit.expected = file.expected;
    directory.name(candidate->commit, file.target.filename().native());
    BOOST_OUTCOME_TRY(directory.find(candidate->commit, file.target.filename().native()));
    if (files_.size() > 1) {
      BOOST_OUTCOME_TRY(identify(*candidate));
    }
    const Commit& commit = candidate->commit;
    held_ += 1U + (commit.opened ? 1U : 0U) + (needs_lock(commit, options_) ? 1U : 0U);
    found_.push_back(std::move(candidate));
    return success();
  }

  static Result<void> identify(Candidate& candidate) {
    const Commit& commit = candidate.commit;
    Version identity = candidate.directory.status().version;
    if (commit.opened) {  // a link led to another directory
      const auto status = commit.files.stat(commit.directory);
      if (!status) return commit.failure("use the target", status.error());
      identity = status.value().version;
    }
    candidate.key.emplace(identity, commit.leaf);
    return success();
  }

  /// Commits the files that were found. All locks are released before the next part takes any.
  void run_part() {
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::tie(a->key, a->number) < std::tie(b->key, b->number);
    });
    for (auto& candidate : found_) {
      const std::size_t number = candidate->number;
      if (auto claimed = claim(std::move(candidate)); !claimed) {
        end(number, std::move(claimed.error()), {});
      }
    }
    found_.clear();
    for (auto& [protocol, candidates] : ready_) commit_all(protocol, candidates);
    ready_.clear();
    directories_.clear();
    held_ = 0;
  }

  Result<void> claim(std::unique_ptr<Candidate> candidate) {
    if (candidate->key && !seen_.insert(*candidate->key).second) {
      return candidate->commit.failure("read the batch", ErrorKind::invalid_argument,
                                       "it is named twice in one batch");
    }
    BOOST_OUTCOME_TRY(const AnyPipeline stages, candidate->directory.claim(candidate->commit));
    ready_[stages.protocol()].push_back(std::move(candidate));
    return success();
  }

  void commit_all(Protocol protocol, const std::vector<std::unique_ptr<Candidate>>& candidates) {
    if (protocol == Protocol::whole && candidates.size() < whole_min) protocol = Protocol::portable;
    const AnyPipeline stages = make_pipeline(options_, protocol);
    std::vector<BatchedCommit> members;
    members.reserve(candidates.size());
    for (const auto& candidate : candidates) members.push_back({&candidate->commit});
    stages.run_together(members);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& one = *candidates[i];
      end(one.number, finish_commit(candidates[i]->commit, stages, std::move(members[i].outcome)),
          one.commit.receipt.stages);
      const auto& result = results_[one.number];
      if (!result && !one.commit.followed && one.directory.learn(result.error())) {
        refused_.emplace(files_[one.number].target.parent_path().native(), result.error());
      }
    }
  }

  std::span<const NewFile> files_;
  const WriteOptions& options_;
  System system_;
  std::vector<Result<Receipt>> results_;
  std::set<TargetKey> seen_;                           // of all parts
  std::map<std::string, Error> refused_;               // of all parts: can't be synced
  std::map<std::string, WriteDirectory> directories_;  // of this part, as what follows
  std::vector<std::unique_ptr<Candidate>> found_;
  std::map<Protocol, std::vector<std::unique_ptr<Candidate>>> ready_;
  std::size_t held_ = 0;  // descriptors, with the temps to come
  // The paths whose beginning the observer was told, and not yet their end.
  std::vector<std::optional<std::string>> begun_;
};

}  // namespace

std::vector<Result<Receipt>> write_files(std::span<const NewFile> files,
                                         const WriteOptions& options, System system) {
  return Batch(files, options, system).run();
}

}  // namespace perdure
