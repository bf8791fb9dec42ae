// SPDX-License-Identifier: BSL-1.0
// Opens a directory for commits, and claims targets in it.
#include "engine/write_directory.hpp"

#include "engine/commit.hpp"
#include "engine/directory.hpp"
#include "engine/metadata.hpp"
#include "engine/protocol.hpp"

namespace perdure {

WriteDirectory::WriteDirectory(const Path& path, OwnedHandle directory, const Status& status,
                               AnyPipeline pipeline, System system)
    : path_(path),
      files_(system.files),
      observer_(system.observer),
      random_(std::make_unique<RandomPool>(*system.environment)),
      directory_(std::move(directory)),
      status_(status),
      pipeline_(std::move(pipeline)) {}

Result<WriteDirectory> WriteDirectory::open(const Path& directory, const WriteOptions& options,
                                            System system, bool many) {
  BOOST_OUTCOME_TRY(check_options_of_many(options, directory.native()));
  BOOST_OUTCOME_TRY(OwnedHandle opened,
                    open_directory(*system.files, directory, parents_for(options)));
  BOOST_OUTCOME_TRY(const Status status,
                    check_names_go(*system.files, opened.get(), directory.native()));
  BOOST_OUTCOME_TRY(const Protocol protocol, choose_protocol(*system.files, opened.get(), options,
                                                             directory.native(), many));
  WriteDirectory made(directory, std::move(opened), status, make_pipeline(options, protocol),
                      system);
  made.many_ = many;
  made.automatic_ = options.protocol == ProtocolChoice::automatic;
  return made;
}

Result<WriteDirectory> WriteDirectory::open(const Path& directory, AnyPipeline pipeline,
                                            const WriteOptions& options, System system) {
  BOOST_OUTCOME_TRY(check_options_of_many(options, directory.native()));
  BOOST_OUTCOME_TRY(OwnedHandle opened,
                    open_directory(*system.files, directory, parents_for(options)));
  BOOST_OUTCOME_TRY(const Status status,
                    check_names_go(*system.files, opened.get(), directory.native()));
  BOOST_OUTCOME_TRY(
      check_protocol(*system.files, opened.get(), pipeline.protocol(), directory.native()));
  return WriteDirectory(directory, std::move(opened), status, std::move(pipeline), system);
}

void WriteDirectory::name(Commit& commit, const std::string& leaf) const {
  commit.path = (path_ / leaf).native();
  commit.observer = observer_;
}

Result<void> WriteDirectory::find(Commit& commit, const std::string& leaf) const {
  commit.directory_status = status_;
  return resolve(commit, directory_.get(), leaf, commit.options.symlink);
}

Result<AnyPipeline> WriteDirectory::claim(Commit& commit) const {
  if (commit.directory != directory_.get()) {  // a link led there
    BOOST_OUTCOME_TRY(commit.directory_status,
                      check_names_go(*files_, commit.directory, commit.path));
  } else {
    BOOST_OUTCOME_TRY(syncs_->check(commit));
  }
  BOOST_OUTCOME_TRY(claim_target(commit, commit.options));
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  return pipeline_at(commit);
}

/// The file system was asked when the directory was opened. A link may have led the commit to
/// another one, on another file system.
Result<AnyPipeline> WriteDirectory::pipeline_at(const Commit& commit) const {
  const Protocol chosen = pipeline_.protocol();
  if (chosen == Protocol::portable || commit.directory == directory_.get()) return pipeline_;
  if (!automatic_) {
    BOOST_OUTCOME_TRY(check_protocol(*files_, commit.directory, chosen, commit.path));
    return pipeline_;
  }
  BOOST_OUTCOME_TRY(const Protocol protocol,
                    choose_protocol(*files_, commit.directory, commit.options, commit.path, many_));
  return make_pipeline(commit.options, protocol);
}

Result<Protocol> open_for_commit(Target& target, const Path& path, const WriteOptions& options) {
  BOOST_OUTCOME_TRY(check_options(options, path.native()));
  BOOST_OUTCOME_TRY(open_target(target, path, options.symlink, parents_for(options)));
  return choose_protocol(target.files, target.directory, options, target.path);
}

}  // namespace perdure
