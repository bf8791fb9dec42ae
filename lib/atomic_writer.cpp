// SPDX-License-Identifier: BSL-1.0
#include <perdure/atomic_writer.hpp>

#include "commit.hpp"
#include "metadata.hpp"
#include "protocol.hpp"
#include "random_pool.hpp"
#include "target.hpp"

namespace perdure {

struct AtomicWriter::State {
  State(const Path& at, OwnedHandle opened, AnyPipeline stages, WriteOptions write_options,
        System system)
      : path(at),
        files(*system.files),
        random(*system.environment),
        directory(std::move(opened)),
        pipeline(std::move(stages)),
        options(std::move(write_options)) {}

  Path path;
  FileSystem& files;
  RandomPool random;
  OwnedHandle directory;
  AnyPipeline pipeline;
  WriteOptions options;
  bool automatic = false;  // the pipeline was chosen for the directory, and may be chosen anew

  Result<Receipt> run(Commit& commit, const std::string& leaf,
                      const std::optional<Version>& expected) const;
  Result<AnyPipeline> pipeline_at(const Commit& commit) const;
};

/// The bound directory was looked at when it was bound. A link may have led the commit to another
/// one, on another file system.
Result<AnyPipeline> AtomicWriter::State::pipeline_at(const Commit& commit) const {
  if (pipeline.protocol() != Protocol::fast || commit.directory == directory.get()) return pipeline;
  if (!automatic) {
    BOOST_OUTCOME_TRY(check_fast(files, commit.directory, commit.path));
    return pipeline;
  }
  BOOST_OUTCOME_TRY(const Protocol protocol,
                    choose_protocol(files, commit.directory, options, commit.path));
  return make_pipeline(options, protocol);
}

Result<Receipt> AtomicWriter::State::run(Commit& commit, const std::string& leaf,
                                         const std::optional<Version>& expected) const {
  commit.path = (path / leaf).native();
  commit.expected = expected;
  Claim claim;
  BOOST_OUTCOME_TRY(resolve(commit, directory.get(), leaf, claim));
  BOOST_OUTCOME_TRY(claim_target(commit, claim));
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  BOOST_OUTCOME_TRY(const AnyPipeline stages, pipeline_at(commit));
  return run_commit(commit, stages);
}

namespace {

Result<OwnedHandle> open_for(const Path& directory, const WriteOptions& options, System system) {
  return open_directory(*system.files, directory, options.make_parents,
                        options.durability == Durability::durable);
}

}  // namespace

AtomicWriter::AtomicWriter(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
AtomicWriter::AtomicWriter(AtomicWriter&&) noexcept = default;
AtomicWriter& AtomicWriter::operator=(AtomicWriter&&) noexcept = default;
AtomicWriter::~AtomicWriter() = default;

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, WriteOptions options,
                                        System system) {
  BOOST_OUTCOME_TRY(check_options(options, directory.native()));
  BOOST_OUTCOME_TRY(OwnedHandle opened, open_for(directory, options, system));
  BOOST_OUTCOME_TRY(const Protocol protocol,
                    choose_protocol(*system.files, opened.get(), options, directory.native()));
  auto state = std::make_unique<State>(directory, std::move(opened),
                                       make_pipeline(options, protocol), options, system);
  state->automatic = options.protocol == ProtocolChoice::automatic;
  return AtomicWriter(std::move(state));
}

Result<AtomicWriter> AtomicWriter::bind(const Path& directory, AnyPipeline pipeline,
                                        WriteOptions options, System system) {
  options.durability = pipeline.durability();
  options.verify = false;  // a pipeline that verifies has a stage for it
  BOOST_OUTCOME_TRY(check_options(options, directory.native()));
  BOOST_OUTCOME_TRY(OwnedHandle opened, open_for(directory, options, system));
  if (pipeline.protocol() == Protocol::fast) {
    BOOST_OUTCOME_TRY(check_fast(*system.files, opened.get(), directory.native()));
  }
  return AtomicWriter(std::make_unique<State>(directory, std::move(opened), std::move(pipeline),
                                              std::move(options), system));
}

Result<Receipt> AtomicWriter::commit(const std::string& leaf, Bytes image,
                                     const std::optional<Version>& expected) const {
  Commit commit(state_->files, state_->random, state_->options);
  commit.image = image;
  return state_->run(commit, leaf, expected);
}

Result<Receipt> AtomicWriter::produce(const std::string& leaf,
                                      std::function<Result<void>(Sink&)> source,
                                      const std::optional<Version>& expected) const {
  Commit commit(state_->files, state_->random, state_->options);
  commit.produce = std::move(source);
  return state_->run(commit, leaf, expected);
}

}  // namespace perdure
