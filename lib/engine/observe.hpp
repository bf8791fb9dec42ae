// SPDX-License-Identifier: BSL-1.0
// Tells an observer of commits, from their beginning to their end.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <perdure/detail/caught.hpp>
#include <perdure/pipeline/commit.hpp>
#include <perdure/system/observer.hpp>

namespace perdure {

/// Adds the stage to `ran`, and tells it.
inline void note_stage(std::vector<StageTime>& ran, StageTime stage, Observer* observer,
                       std::string_view path) {
  ran.push_back(stage);
  if (observer != nullptr) observer->stage_ended(path, stage);
}

/// The end of a commit of which `commit_begun` was told. `ran` has its stages if it failed.
inline void tell_end(Observer& observer, std::string_view path, const Result<Receipt>& outcome,
                     const std::vector<StageTime>& ran) {
  if (outcome) {
    const Receipt& receipt = outcome.value();
    observer.committed({path, receipt.bytes, receipt.durability, receipt.stages});
  } else {
    observer.failed({.path = path, .stages = ran}, outcome.error());
  }
}

/// Tells the end of a commit by the exception that is being handled. `fate` is the commit's;
/// `ended(observer, error)` tells the observer.
template <class Ended>
void tell_thrown(Observer& observer, Fate fate, Ended ended) {
  Error error = detail::caught("commit");
  error.fate = fate;
  ended(observer, std::move(error));
}

/// Runs `work`, which commits, and tells its beginning and its end. `ended(observer, outcome)`
/// tells the end; `fate` is the fate if `work` throws.
template <class Work, class Ended>
auto observed(Observer* observer, std::string_view path, const Fate& fate, Work work, Ended ended)
    -> decltype(work()) {
  if (observer == nullptr) return work();
  observer->commit_begun(path);
  try {
    auto outcome = work();
    ended(*observer, outcome);
    return outcome;
  } catch (...) {
    tell_thrown(*observer, fate, ended);
    throw;
  }
}

/// The same for one file.
template <class Work>
Result<Receipt> observed(Commit& commit, Work work) {
  return observed(commit.observer, commit.path, commit.fate, std::move(work),
                  [&](Observer& observer, const Result<Receipt>& outcome) {
                    tell_end(observer, commit.path, outcome, commit.receipt.stages);
                  });
}

}  // namespace perdure
