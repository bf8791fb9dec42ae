// SPDX-License-Identifier: BSL-1.0
// The concept of a stage: the facts that it needs, gives and drops.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <perdure/pipeline/commit.hpp>

namespace perdure {

/// A claim that holds at a point of a pipeline. A stage needs facts, gives facts and drops facts.
enum class Fact : std::uint32_t {
  none = 0,                    ///< Nothing is claimed.
  image = 1U << 0U,            ///< The bytes to be committed are known.
  temp = 1U << 1U,             ///< The new file exists, under a name of its own.
  content = 1U << 2U,          ///< The temp has all the bytes.
  ordered = 1U << 3U,          ///< The temp is certain to reach the disk before a later rename.
  metadata = 1U << 4U,         ///< Mode, owner, ACL and attributes are final.
  published = 1U << 5U,        ///< The new file bears the target's name.
  durable_content = 1U << 6U,  ///< The content survives a power cut.
  durable_name = 1U << 7U,     ///< The name survives a power cut.
};
/// The facts of both.
constexpr Fact operator|(Fact a, Fact b) noexcept {
  return Fact(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// `facts` without those of `dropped`.
constexpr Fact without(Fact facts, Fact dropped) noexcept {
  return Fact(static_cast<std::uint32_t>(facts) & ~static_cast<std::uint32_t>(dropped));
}
/// Whether `facts` has all of `wanted`.
constexpr bool has(Fact facts, Fact wanted) noexcept {
  return (static_cast<std::uint32_t>(facts) & static_cast<std::uint32_t>(wanted)) ==
         static_cast<std::uint32_t>(wanted);
}

/// A step of a commit: a name, what it `needs`, what it `gives`, and `run`. `drops` is optional. A
/// stage that gives `content` or `metadata` changes the temp. So it also drops the facts of an
/// earlier sync or await, without naming them (`facts_behind`).
///
///     struct Notify {
///       static constexpr std::string_view name = "notify";
///       static constexpr perdure::Fact needs = perdure::Fact::published;
///       static constexpr perdure::Fact gives = perdure::Fact::none;
///       perdure::Result<void> run(perdure::Commit& commit) const;
///     };
///
/// A stage that holds on some file systems alone says so by `static constexpr Protocol protocol =
/// Protocol::fast`: writers refuse its pipeline where that protocol is refused.
///
/// `run` may be called from several threads, each with a Commit of its own. When it fails, later
/// stages do not run; a temp that is not published is removed.
///
/// A stage that is cheaper for many commits at once has `void run_together(BatchedCommits) const`:
/// it does for each of them what `run` does for one, and puts failures into
/// `BatchedCommit::outcome`. Another thread may then run a commit while its caller waits. Another
/// thread may also run the stages behind PublishTogether, whose caller need not wait
/// (AtomicWriter::commit_later).
template <class S>
concept Stage = requires(const S& stage, Commit& commit) {
  { S::name } -> std::convertible_to<std::string_view>;
  { S::needs } -> std::convertible_to<Fact>;
  { S::gives } -> std::convertible_to<Fact>;
  { stage.run(commit) } -> std::same_as<Result<void>>;
};

/// The facts that a stage drops: those that it names, and those that its new content or metadata
/// undo. It does not drop facts that it gives again. The kernel takes set-user-id bits and
/// capabilities away from a file that is written (file_remove_privs in its fs/inode.c). So new
/// content undoes metadata.
template <class S>
constexpr Fact dropped_by() noexcept {
  Fact drops = Fact::none;
  if constexpr (requires { S::drops; }) drops = S::drops;
  if (has(S::gives, Fact::content)) {
    drops = drops | Fact::ordered | Fact::metadata | Fact::durable_content;
  }
  if (has(S::gives, Fact::metadata)) drops = drops | Fact::durable_content;
  return without(drops, S::gives);
}

/// The facts after a stage, from those before it.
template <class S>
constexpr Fact facts_behind(Fact before) noexcept {
  Fact drops = dropped_by<S>();
  // Metadata that comes after a sync can reach the disk later than the rename: the sync ordered
  // nothing. Content that was awaited stays in order, since a pipeline that awaits syncs after the
  // rename.
  if (has(S::gives, Fact::metadata) && has(before, Fact::durable_content)) {
    drops = drops | Fact::ordered;
  }
  return without(before, drops) | S::gives;
}

/// The protocol that a stage asks for; `Protocol::portable` for one that does not say.
template <class S>
constexpr Protocol protocol_of() noexcept {
  if constexpr (requires { S::protocol; }) {
    return S::protocol;
  } else {
    return Protocol::portable;
  }
}

}  // namespace perdure
