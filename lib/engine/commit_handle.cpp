// SPDX-License-Identifier: BSL-1.0
// The handle of a posted commit.
#include <utility>

#include <perdure/commit_handle.hpp>
#include <perdure/detail/deadline.hpp>

#include "engine/posted_commit.hpp"

namespace perdure {

CommitHandle::CommitHandle(std::shared_ptr<detail::PostedCommit> commit) noexcept
    : commit_(std::move(commit)) {}

Result<Receipt> CommitHandle::wait() const {
  return *commit_->wait({});
}
std::optional<Result<Receipt>> CommitHandle::wait_until(
    std::chrono::steady_clock::time_point deadline) const {
  return commit_->wait(deadline);
}
std::optional<Result<Receipt>> CommitHandle::wait_for(std::chrono::milliseconds timeout) const {
  return commit_->wait(detail::deadline_in(timeout));
}
bool CommitHandle::ready() const {
  return commit_->is_done();
}
void CommitHandle::on_done(Procedure<> done) const {
  commit_->on_done(std::move(done));
}

}  // namespace perdure
