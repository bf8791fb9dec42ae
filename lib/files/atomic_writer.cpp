// SPDX-License-Identifier: BSL-1.0
// Commits whole files into a directory that was opened once.
#include <perdure/atomic_writer.hpp>

#include "engine/commit.hpp"
#include "engine/observe.hpp"
#include "engine/write_directory.hpp"
#include "files/writer_state.hpp"

namespace perdure {
namespace {

/// Commits by a pipeline.
class DirectoryWriter final : public detail::WriterState {
 public:
  DirectoryWriter(WriteDirectory directory, WriteOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {}

  Result<Receipt> commit(const std::string& leaf, Bytes image,
                         std::function<Result<void>(Sink&)> produce,
                         const std::optional<Version>& expected) const override {
    Commit commit(directory_.files(), directory_.environment(), options_);
    commit.image = image;
    commit.produce = std::move(produce);
    commit.expected = expected;
    directory_.name(commit, leaf);
    return observed(commit, [&]() -> Result<Receipt> {
      BOOST_OUTCOME_TRY(directory_.find(commit, leaf));
      BOOST_OUTCOME_TRY(const AnyPipeline stages, directory_.claim(commit));
      auto receipt = run_commit(commit, stages);
      // A link may have led it to another directory, which says nothing of this one.
      if (!receipt && !commit.followed) directory_.learn(receipt.error());
      return receipt;
    });
  }

 private:
  WriteDirectory directory_;
  WriteOptions options_;
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

}  // namespace perdure
