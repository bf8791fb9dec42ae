// SPDX-License-Identifier: BSL-1.0
// One commit, put together right and wrong. Each case is compiled by itself (-DCASE_name); the line
// above a wrong one is what the compiler's first error has to say.
#include <perdure/pipeline/pipeline.hpp>

namespace pd = perdure;

struct Notify {
  static constexpr std::string_view name = "notify";
  static constexpr pd::Fact needs = pd::Fact::published;
  static constexpr pd::Fact gives = pd::Fact::none;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
struct Nameless {
  static constexpr pd::Fact needs = pd::Fact::none;
  static constexpr pd::Fact gives = pd::Fact::none;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
struct Needless {
  static constexpr std::string_view name = "needless";
  static constexpr pd::Fact gives = pd::Fact::none;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
struct Giftless {
  static constexpr std::string_view name = "giftless";
  static constexpr pd::Fact needs = pd::Fact::none;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
/// Its second form says what went wrong where nobody looks.
struct TogetherWithResult : Notify {
  pd::Result<void> run_together(pd::BatchedCommits) const { return pd::Error{}; }
};
struct Idle {
  static constexpr std::string_view name = "idle";
  static constexpr pd::Fact needs = pd::Fact::none;
  static constexpr pd::Fact gives = pd::Fact::none;
};

/// Changes the mode by itself.
struct Chmod {
  static constexpr std::string_view name = "chmod";
  static constexpr pd::Fact needs = pd::Fact::temp;
  static constexpr pd::Fact gives = pd::Fact::metadata;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
/// Writes the content anew, and says nothing of what it undoes.
struct Encrypt {
  static constexpr std::string_view name = "encrypt";
  static constexpr pd::Fact needs = pd::Fact::temp | pd::Fact::content;
  static constexpr pd::Fact gives = pd::Fact::content;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};
template <pd::Fact needed>
struct After {
  static constexpr std::string_view name = "after";
  static constexpr pd::Fact needs = needed;
  static constexpr pd::Fact gives = pd::Fact::none;
  pd::Result<void> run(pd::Commit&) const { return pd::success(); }
};

using pd::AnyPipeline, pd::ApplyMetadata, pd::CreateTemp, pd::Pipeline, pd::Rename,
    pd::RenameUnordered, pd::Serialize, pd::SyncFile, pd::SyncParent, pd::SyncPublished, pd::Verify,
    pd::Write, pd::WriteThrough;

#if defined(CASE_right)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, SyncParent>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::durable);

#elif defined(CASE_right_with_own_stage)
inline constexpr Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                                   Verify{}, Rename{}, Notify{}, SyncParent{});
static_assert(decltype(pipeline)::durability == pd::Durability::durable);

#elif defined(CASE_right_written_again)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Write,
                          ApplyMetadata, SyncFile, Rename>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::ordered);

#elif defined(CASE_right_unordered)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, RenameUnordered> pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::none);

#elif defined(CASE_right_fast)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Verify, Rename,
                          SyncPublished>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::durable);
static_assert(decltype(pipeline)::protocol == pd::Protocol::fast);
static_assert(pd::FastOrdered::durability == pd::Durability::ordered);
static_assert(pd::FastOrdered::protocol == pd::Protocol::fast);
static_assert(pd::PortableDurable::protocol == pd::Protocol::portable);

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_rename_before_any_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, Rename, SyncParent> pipeline;

// An empty file was published: what held of the first temp was taken to hold of the second.
// expect: there was a temp before this stage: a commit has one temp and publishes once
#elif defined(CASE_temp_again_before_the_rename)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, CreateTemp, Rename,
                          SyncParent>
    pipeline;

// The sync went to the second temp, and the name of the first was taken for durable.
// expect: there was a temp before this stage: a commit has one temp and publishes once
#elif defined(CASE_temp_again_after_the_rename)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Rename, CreateTemp,
                          WriteThrough, ApplyMetadata, SyncPublished>
    pipeline;

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_write_after_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Write, Rename,
                          SyncParent>
    pipeline;

// expect: mode and owner must be final at this stage: put ApplyMetadata before it
#elif defined(CASE_metadata_after_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, SyncFile, ApplyMetadata, Rename, SyncParent>
    pipeline;

// expect: mode and owner must be final at this stage: put ApplyMetadata before it, behind the last
#elif defined(CASE_metadata_before_the_write)
inline constexpr Pipeline<Serialize, CreateTemp, ApplyMetadata, Write, SyncFile, Rename, SyncParent>
    pipeline;

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_metadata_again_after_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, ApplyMetadata,
                          Rename, SyncParent>
    pipeline;

// expect: nothing is published yet: put Rename before this stage
#elif defined(CASE_parent_sync_before_the_rename)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, SyncParent, Rename>
    pipeline;

// expect: there is no temp at this stage (a rename uses it up): put CreateTemp before it, and
#elif defined(CASE_repeated_rename)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, Rename,
                          SyncParent>
    pipeline;

// expect: content or metadata changed since its sync, or was never synced: put SyncFile after the
#elif defined(CASE_unordered_rename_made_durable)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, RenameUnordered, SyncParent>
    pipeline;

// expect: content or metadata changed since its sync, or was never synced: put SyncFile after the
#elif defined(CASE_parent_sync_of_awaited_content)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Rename, SyncParent>
    pipeline;

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_published_sync_of_unawaited_content)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, RenameUnordered,
                          SyncPublished>
    pipeline;

// expect: nothing is published yet: put Rename before this stage
#elif defined(CASE_published_sync_before_the_rename)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, SyncPublished, Rename>
    pipeline;

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_write_after_write_through)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, Write, ApplyMetadata, Rename,
                          SyncPublished>
    pipeline;

// expect: mode and owner must be final at this stage: put ApplyMetadata before it
#elif defined(CASE_metadata_before_write_through)
inline constexpr Pipeline<Serialize, CreateTemp, ApplyMetadata, WriteThrough, Rename, SyncPublished>
    pipeline;

// expect: this pipeline publishes nothing: end it with Rename and SyncParent
#elif defined(CASE_no_publish)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile> pipeline;

// expect: this pipeline publishes nothing: end it with Rename and SyncParent
#elif defined(CASE_no_stage_at_all)
inline constexpr Pipeline<> pipeline;

// expect: there is no temp at this stage
#elif defined(CASE_write_before_the_temp)
inline constexpr Pipeline<Serialize, Write, CreateTemp, ApplyMetadata, SyncFile, Rename> pipeline;

// expect: the image is not known at this stage: put Serialize before it
#elif defined(CASE_write_before_serialize)
inline constexpr Pipeline<CreateTemp, Write, Serialize, ApplyMetadata, SyncFile, Rename> pipeline;

// expect: the temp has no content at this stage: put Write before it
#elif defined(CASE_sync_before_the_write)
inline constexpr Pipeline<Serialize, CreateTemp, ApplyMetadata, SyncFile, Write, Rename> pipeline;

// expect: nothing is published yet: put Rename before this stage
#elif defined(CASE_own_stage_too_early)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Notify, Rename>
    pipeline;

// expect: this stage has no name: give it 'static constexpr std::string_view name'
#elif defined(CASE_stage_without_a_name)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Nameless, Rename>
    pipeline;

// expect: this stage does not say what it needs: give it 'static constexpr Fact needs'
#elif defined(CASE_stage_without_needs)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Needless, Rename>
    pipeline;

// expect: this stage does not say what it gives: give it 'static constexpr Fact gives'
#elif defined(CASE_stage_without_gives)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Giftless, Rename>
    pipeline;

// expect: this stage can't be run: give it 'Result<void> run(Commit&) const'
#elif defined(CASE_stage_that_does_nothing)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Idle, Rename>
    pipeline;

// expect: perdure: run_together returns nothing: it puts each member's failure into
// BatchedCommit::outcome
#elif defined(CASE_run_together_with_result)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename,
                          TogetherWithResult, SyncParent>
    pipeline;

// A power cut left the new content with the old mode, and the pipeline was called durable.
// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_own_metadata_after_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Chmod, Rename,
                          SyncParent>
    pipeline;

// expect: content or metadata changed since its sync, or was never synced: put SyncFile after the
#elif defined(CASE_own_metadata_after_the_publish)
struct LateChmod : Chmod {
  static constexpr pd::Fact needs = pd::Fact::published;
};
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, LateChmod,
                          SyncParent>
    pipeline;

// Awaited content stays ordered: the sync of the published file carries the metadata.
#elif defined(CASE_right_own_metadata_by_fast)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Chmod, Rename,
                          SyncPublished>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::durable);

#elif defined(CASE_right_own_metadata_before_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, Chmod, SyncFile, Rename,
                          SyncParent>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::durable);

// Nobody made the last word durable, so the pipeline does not say so.
#elif defined(CASE_right_own_metadata_at_the_end)
struct LastChmod : Chmod {
  static constexpr pd::Fact needs = pd::Fact::durable_name;
};
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, SyncParent,
                          LastChmod>
    pipeline;
static_assert(decltype(pipeline)::durability == pd::Durability::none);

// expect: mode and owner must be final at this stage: put ApplyMetadata before it, behind the last
#elif defined(CASE_own_content_after_the_sync)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Encrypt, SyncFile,
                          Rename>
    pipeline;

// expect: needs a temp that is certain to reach the disk before its name: put SyncFile after
#elif defined(CASE_own_content_after_awaited_content)
inline constexpr Pipeline<Serialize, CreateTemp, WriteThrough, Encrypt, ApplyMetadata, Rename,
                          SyncPublished>
    pipeline;

// It ran before anything existed.
// expect: the name is not durable yet: put SyncParent before this stage
#elif defined(CASE_need_of_a_durable_name)
inline constexpr Pipeline<After<pd::Fact::durable_name>, Serialize, CreateTemp, Write,
                          ApplyMetadata, SyncFile, Rename, SyncParent>
    pipeline;

// expect: content or metadata changed since its sync, or was never synced: put SyncFile after the
#elif defined(CASE_need_of_durable_content)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata,
                          After<pd::Fact::durable_content>, SyncFile, Rename>
    pipeline;

// expect: mode and owner must be final at this stage: put ApplyMetadata before it, behind the last
#elif defined(CASE_need_of_metadata)
inline constexpr Pipeline<Serialize, CreateTemp, Write, After<pd::Fact::metadata>, ApplyMetadata,
                          SyncFile, Rename>
    pipeline;

// expect: needs a fact that has no sentence of its own, and that no stage before it gives
#elif defined(CASE_need_of_a_ninth_fact)
inline constexpr Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile,
                          After<pd::Fact(1U << 8U)>, Rename, SyncParent>
    pipeline;

// expect: this is a part of a pipeline: only a whole Pipeline, from the value to the name, can be
#elif defined(CASE_part_of_a_pipeline_run)
inline const AnyPipeline some_part{
    pd::PipelineFrom<pd::Fact::temp | pd::Fact::content, ApplyMetadata, RenameUnordered>({}, {})};

#elif defined(CASE_right_any)
inline const AnyPipeline some_whole{pd::PortableDurable{}};

#else
#error "no such case"
#endif
