// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <map>

#include <perdure/files.hpp>

#include "bound.hpp"
#include "commit.hpp"
#include "temp.hpp"

namespace perdure {
namespace {

/// So many files are open at a time, and become durable together. With their directories and locks
/// well within the 1024 descriptors that a process gets if nobody asked for more.
constexpr std::size_t together_max = 256;

/// For fewer the whole file system is not synced: others' writes may be many.
constexpr std::size_t whole_min = 4;

/// One file of a batch on its way.
struct Candidate {
  Candidate(const Bound& bound, const WriteOptions& options)
      : commit(bound.files(), bound.environment(), options) {}
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  ~Candidate() { (void)remove_temp(commit); }  // has none, unless something was thrown

  std::size_t number = 0;  // of the caller's files
  Commit commit;
  Claim claim;
};

class Batch {
 public:
  Batch(std::span<const NewFile> files, const WriteOptions& options, System system)
      : files_(files), options_(options), system_(system), results_(files.size(), Error()) {}

  std::vector<Result<Receipt>> run() {
    // By path, so that two batches can't wait for each other's locks.
    std::vector<std::size_t> order(files_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return files_[a].target.native() < files_[b].target.native();
    });
    for (auto from = order.begin(); from != order.end();) {
      const auto to = from + std::min<std::ptrdiff_t>(together_max, order.end() - from);
      run_some(std::span(from, to));
      from = to;
    }
    return std::move(results_);
  }

 private:
  void run_some(std::span<const std::size_t> numbers) {
    for (const std::size_t number : numbers) {
      const bool again = last_ != nullptr && *last_ == files_[number].target;
      last_ = &files_[number].target;
      if (again) {
        results_[number] = Error{.kind = ErrorKind::invalid_argument,
                                 .fate = Fate::unchanged,
                                 .cause = {},
                                 .step = "read the batch",
                                 .path = last_->native(),
                                 .detail = "it is named twice in one batch"};
      } else if (auto taken = take(number); !taken) {
        results_[number] = std::move(taken.error());
      }
    }
    for (auto& [protocol, candidates] : ready_) commit_all(protocol, candidates);
    ready_.clear();
    bound_.clear();
  }

  Result<void> take(std::size_t number) {
    const NewFile& file = files_[number];
    const Path parent = file.target.parent_path();
    auto found = bound_.find(parent.native());
    if (found == bound_.end()) {
      BOOST_OUTCOME_TRY(Bound opened, Bound::open(parent, options_, system_, true));
      found = bound_.emplace(parent.native(), std::move(opened)).first;
    }
    auto candidate = std::make_unique<Candidate>(found->second, options_);
    candidate->number = number;
    candidate->commit.image = file.image;
    BOOST_OUTCOME_TRY(const AnyPipeline stages,
                      found->second.claim(candidate->commit, file.target.filename().native(),
                                          file.expected, candidate->claim));
    ready_[stages.protocol()].push_back(std::move(candidate));
    return success();
  }

  void commit_all(Protocol protocol, const std::vector<std::unique_ptr<Candidate>>& candidates) {
    if (protocol == Protocol::whole && candidates.size() < whole_min) protocol = Protocol::portable;
    const AnyPipeline stages = make_pipeline(options_, protocol);
    std::vector<Member> members;
    members.reserve(candidates.size());
    for (const auto& candidate : candidates) members.push_back({&candidate->commit});
    stages.run_together(members);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      results_[candidates[i]->number] =
          finish_commit(candidates[i]->commit, stages, std::move(members[i].outcome));
    }
  }

  std::span<const NewFile> files_;
  const WriteOptions& options_;
  System system_;
  std::vector<Result<Receipt>> results_;
  std::map<std::string, Bound> bound_;
  std::map<Protocol, std::vector<std::unique_ptr<Candidate>>> ready_;
  const Path* last_ = nullptr;
};

}  // namespace

std::vector<Result<Receipt>> write_files(std::span<const NewFile> files,
                                         const WriteOptions& options, System system) {
  return Batch(files, options, system).run();
}

}  // namespace perdure
