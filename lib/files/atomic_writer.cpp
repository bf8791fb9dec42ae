// SPDX-License-Identifier: BSL-1.0
// Commits whole files into a directory that was opened once.
#include <perdure/atomic_writer.hpp>

#include "engine/commit.hpp"
#include "engine/observe.hpp"
#include "engine/posted_commit.hpp"
#include "engine/write_directory.hpp"
#include "files/writer_state.hpp"

namespace perdure {
namespace {

/// Commits by a pipeline.
class DirectoryWriter final : public detail::WriterState {
 public:
  DirectoryWriter(WriteDirectory directory, WriteOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {}
  ~DirectoryWriter() override {
    if (const GroupCommit* const group = directory_.group()) {
      detail::PostedCommit::drain(*group, not_done_);
    }
  }

  Result<Receipt> commit(const std::string& leaf, Bytes image,
                         std::function<Result<void>(Sink&)> produce,
                         const std::optional<Version>& expected) const override {
    Commit commit(directory_.files(), directory_.environment(), options_);
    begin(commit, leaf, image, std::move(produce), expected);
    return observed(commit, [&]() -> Result<Receipt> {
      BOOST_OUTCOME_TRY(directory_.find(commit, leaf));
      BOOST_OUTCOME_TRY(const AnyPipeline stages, directory_.claim(commit));
      auto receipt = run_commit(commit, stages);
      // A link may have led the commit to another directory: its failure tells nothing about this
      // one.
      if (!receipt && !commit.followed) directory_.learn(receipt.error());
      return receipt;
    });
  }

  std::shared_ptr<detail::PostedCommit> commit_later(
      const std::string& leaf, Bytes image, std::function<Result<void>(Sink&)> produce,
      const std::optional<Version>& expected) const override {
    const GroupCommit* const group = directory_.group();
    if (group == nullptr || detail::PostedCommit::is_alone(*group)) {
      return std::make_shared<detail::PostedCommit>(
          commit(leaf, image, std::move(produce), expected));
    }
    auto posted = std::make_shared<detail::PostedCommit>(directory_, options_, not_done_);
    begin(posted->commit(), leaf, image, std::move(produce), expected);
    posted->start(leaf);
    return posted;
  }

 private:
  void begin(Commit& commit, const std::string& leaf, Bytes image,
             std::function<Result<void>(Sink&)> produce,
             const std::optional<Version>& expected) const {
    commit.image = image;
    commit.produce = std::move(produce);
    commit.expected = expected;
    directory_.name(commit, leaf);
  }

  WriteDirectory directory_;
  WriteOptions options_;
  mutable std::size_t not_done_ = 0;  // posted commits; changed under the group's mutex
};

}  // namespace

AtomicWriter::AtomicWriter(std::unique_ptr<detail::WriterState> state) noexcept
    : state_(std::move(state)) {}
AtomicWriter::AtomicWriter(AtomicWriter&&) noexcept = default;
AtomicWriter& AtomicWriter::operator=(AtomicWriter&&) noexcept = default;
AtomicWriter::~AtomicWriter() = default;

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, WriteOptions options,
                                        System system) {
  BOOST_OUTCOME_TRY(WriteDirectory opened, WriteDirectory::open(directory, options, system));
  return AtomicWriter(std::make_unique<DirectoryWriter>(std::move(opened), std::move(options)));
}

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, AnyPipeline pipeline,
                                        WriteOptions options, System system) {
  options.durability = pipeline.durability();
  options.verify = false;  // a pipeline that verifies has a stage for it
  BOOST_OUTCOME_TRY(WriteDirectory opened,
                    WriteDirectory::open(directory, std::move(pipeline), options, system));
  return AtomicWriter(std::make_unique<DirectoryWriter>(std::move(opened), std::move(options)));
}

Result<Receipt> AtomicWriter::commit(const std::string& leaf, Bytes image,
                                     const CommitOptions& options) const {
  return state_->commit(leaf, image, {}, options.expected);
}

Result<Receipt> AtomicWriter::produce(const std::string& leaf,
                                      std::function<Result<void>(Sink&)> source,
                                      const CommitOptions& options) const {
  return state_->commit(leaf, {}, std::move(source), options.expected);
}

CommitHandle AtomicWriter::commit_later(const std::string& leaf, Bytes image,
                                        const CommitOptions& options) const {
  return CommitHandle(state_->commit_later(leaf, image, {}, options.expected));
}

CommitHandle AtomicWriter::produce_later(const std::string& leaf,
                                         std::function<Result<void>(Sink&)> source,
                                         const CommitOptions& options) const {
  return CommitHandle(state_->commit_later(leaf, {}, std::move(source), options.expected));
}

}  // namespace perdure
