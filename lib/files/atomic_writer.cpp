// SPDX-License-Identifier: BSL-1.0
// Commits whole files into a directory that was opened once.
#include <perdure/atomic_writer.hpp>

#include "engine/commit.hpp"
#include "engine/write_directory.hpp"

namespace perdure {

struct AtomicWriter::State {
  Result<Receipt> run(Commit& commit, const std::string& leaf, const CommitOptions& one) const {
    commit.expected = one.expected;
    BOOST_OUTCOME_TRY(directory.find(commit, leaf));
    BOOST_OUTCOME_TRY(const AnyPipeline stages, directory.claim(commit));
    auto receipt = run_commit(commit, stages);
    // A link may have led it to another directory, which says nothing of this one.
    if (!receipt && !commit.followed) directory.learn(receipt.error());
    return receipt;
  }

  WriteDirectory directory;
  WriteOptions options;
};

AtomicWriter::AtomicWriter(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
AtomicWriter::AtomicWriter(AtomicWriter&&) noexcept = default;
AtomicWriter& AtomicWriter::operator=(AtomicWriter&&) noexcept = default;
AtomicWriter::~AtomicWriter() = default;

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, WriteOptions options,
                                        System system) {
  BOOST_OUTCOME_TRY(WriteDirectory opened, WriteDirectory::open(directory, options, system));
  return AtomicWriter(std::make_unique<State>(State{std::move(opened), std::move(options)}));
}

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, AnyPipeline pipeline,
                                        WriteOptions options, System system) {
  options.durability = pipeline.durability();
  options.verify = false;  // a pipeline that verifies has a stage for it
  BOOST_OUTCOME_TRY(WriteDirectory opened,
                    WriteDirectory::open(directory, std::move(pipeline), options, system));
  return AtomicWriter(std::make_unique<State>(State{std::move(opened), std::move(options)}));
}

Result<Receipt> AtomicWriter::commit(const std::string& leaf, Bytes image,
                                     const CommitOptions& options) const {
  Commit commit(state_->directory.files(), state_->directory.environment(), state_->options);
  commit.image = image;
  return state_->run(commit, leaf, options);
}

Result<Receipt> AtomicWriter::produce(const std::string& leaf,
                                      std::function<Result<void>(Sink&)> source,
                                      const CommitOptions& options) const {
  Commit commit(state_->directory.files(), state_->directory.environment(), state_->options);
  commit.produce = std::move(source);
  return state_->run(commit, leaf, options);
}

}  // namespace perdure
