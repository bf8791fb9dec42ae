// SPDX-License-Identifier: BSL-1.0
// Commits of whole files into a directory that is opened once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/commit_handle.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/path.hpp>
#include <perdure/pipeline/pipeline.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

class Root;
namespace detail {
struct WriterState;
}

/// The options of one commit of a writer; all others are the writer's.
struct CommitOptions {
  std::optional<Version> expected{};  ///< As WriteOptions::expected.
};

/// Commits whole files into one directory, again and again.
///
/// The directory is opened once and stays the same even if its path is renamed. Each commit looks
/// at the target anew: it treats symbolic links as the options say, and reads metadata. It
/// remembers nothing for the next commit. Safe to use from several threads; movable.
///
///     BOOST_OUTCOME_TRY(auto writer, perdure::AtomicWriter::bind("/var/lib/app"));
///     BOOST_OUTCOME_TRY(auto receipt, writer.commit("state.json", text));
///
/// When a commit fails, `Error::fate` says what became of the target. No temp is left; where its
/// removal failed, the error names it. The writer can be used again. One that was moved from may be
/// destroyed and assigned to; every other call of it ends the program.
class PERDURE_API AtomicWriter {
 public:
  /// Opens `directory` (made with its parents if `options.make_parents`; "", as the parent of a
  /// name alone, is the working directory). The stages follow from
  /// `options.durability`, `verify` and `protocol`; `expected` must be empty. `system` must outlive
  /// the writer.
  static Result<AtomicWriter> bind(const Path& directory, WriteOptions options = {},
                                   System system = native_system());

  /// The same with a pipeline of one's own, which then decides about the durability.
  /// `options.durability`, `verify`, `protocol` and `group` don't count; PublishTogether is the
  /// stage for a group. ErrorKind::unsupported for one with stages of `Protocol::fast` where that
  /// protocol is refused.
  static Result<AtomicWriter> bind(const Path& directory, AnyPipeline pipeline,
                                   WriteOptions options = {}, System system = native_system());

  /// Commits through the log of an open root, which must outlive the writer, to the directory
  /// `directory` in it ("" is the root). The directory must be there when something is committed. A
  /// commit is durable when it returns, whatever `options.durability` asks for. Links are refused.
  /// A change that somebody else made during the commit is ErrorKind::conflict, and the error says
  /// where the new content is kept. ErrorKind::invalid_argument for options that a root can't keep:
  /// backups, verify, groups, `fast`, parents, versions in the receipt, the replacement of links.
  static Result<AtomicWriter> bind(Root& root, const std::string& directory = {},
                                   WriteOptions options = {});

  AtomicWriter(AtomicWriter&&) noexcept;
  AtomicWriter& operator=(AtomicWriter&&) noexcept;
  ~AtomicWriter();  ///< Waits for the commits of `commit_later`; see CommitHandle.

  /// Commits `image` to the target `leaf`, one component.
  Result<Receipt> commit(const std::string& leaf, Bytes image,
                         const CommitOptions& options = {}) const;
  /// The same of text.
  Result<Receipt> commit(const std::string& leaf, std::string_view text,
                         const CommitOptions& options = {}) const {
    return commit(leaf, as_bytes(text), options);
  }

  /// Serializes first, so that a serializer that fails leaves the disk untouched.
  template <class T, SerializerFor<T> S>
  Result<Receipt> commit(const std::string& leaf, const T& value, const S& serializer,
                         const CommitOptions& options = {}) const {
    return produce(
        leaf, [&](Sink& sink) { return serializer.serialize(value, sink); }, options);
  }

  /// Leaves the commit to the writer's group: writes the temp, and returns without waiting. The
  /// group publishes the temp and makes it durable with others. The handle has the outcome, also
  /// that of a commit which failed before it reached the group: ErrorKind::busy if as many wait as
  /// may. Exceptions of the serializer and of stages before the group come from this call. Content,
  /// value and serializer may go when it returns. Commits of one target are published in the order
  /// of these calls, and of `commit`, where one thread makes them.
  ///
  /// The thread that leads the group runs the stages behind PublishTogether, tells the observer,
  /// and keeps what such a stage throws for the handle. A stage there must neither fork, nor close
  /// the group, nor wait for a commit in it.
  ///
  /// The call commits by itself, before it returns, where no group takes part. The writer has none,
  /// or its durability is not Durability::durable. Its pipeline has no PublishTogether, it is bound
  /// to a Root, or this is a forked child. A commit that takes its target's lock is
  /// ErrorKind::invalid_argument without GroupOptions::committer_thread, since others wait for the
  /// lock.
  CommitHandle commit_later(const std::string& leaf, Bytes image,
                            const CommitOptions& options = {}) const;
  /// The same of text.
  CommitHandle commit_later(const std::string& leaf, std::string_view text,
                            const CommitOptions& options = {}) const {
    return commit_later(leaf, as_bytes(text), options);
  }
  /// The same of a value, which is serialized before the call returns.
  template <class T, SerializerFor<T> S>
  CommitHandle commit_later(const std::string& leaf, const T& value, const S& serializer,
                            const CommitOptions& options = {}) const {
    return produce_later(
        leaf, [&](Sink& sink) { return serializer.serialize(value, sink); }, options);
  }

 private:
  explicit AtomicWriter(std::unique_ptr<detail::WriterState> state) noexcept;
  Result<Receipt> produce(const std::string& leaf, std::function<Result<void>(Sink&)> source,
                          const CommitOptions& options) const;
  CommitHandle produce_later(const std::string& leaf, std::function<Result<void>(Sink&)> source,
                             const CommitOptions& options) const;

  detail::Held<std::unique_ptr<detail::WriterState>> state_;
};

}  // namespace perdure
