// SPDX-License-Identifier: BSL-1.0
// A file that is streamed, and replaces its target as one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/receipt.hpp>
#include <perdure/serializer.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

enum class Handle : int;  // <perdure/system/file_system.hpp>

/// A file that is written in pieces and appears intact, or not at all.
///
/// The bytes stream into the temp; memory does not grow with them. An AtomicFile that is dropped
/// without `commit` discards the temp: the target stays as it was. Move-only; one thread at a time.
/// It belongs to the process that opened it: in a forked child every call is
/// ErrorKind::invalid_argument. Dropping the child's copy closes it and leaves the temp. One that
/// was moved from may be destroyed and assigned to; every other call of it ends the program.
///
///     BOOST_OUTCOME_TRY(auto video, perdure::AtomicFile::create("video.bin"));
///     while (auto block = next_block()) { BOOST_OUTCOME_TRY(video.write(*block)); }
///     BOOST_OUTCOME_TRY(auto receipt, video.commit());
class PERDURE_API AtomicFile final : public Sink {
 public:
  /// Makes the temp for `target`. If the commit is already forbidden, this call fails, before
  /// anything is streamed. Then a directory is there, ExistingPolicy::keep finds the target, or its
  /// version is not the expected one. `commit` checks it again under the lock.
  static Result<AtomicFile> create(const Path& target, WriteOptions options = {},
                                   System system = native_system());

  /// Commits to `target` the file `written`, which another program or library wrote: for programs
  /// that write only to a file that one names. The file has to lie in the target's directory, and
  /// to have no second name. No other user may be able to put something at its name (so not in
  /// /tmp). ErrorKind::conflict if somebody still has the file open for writing, or changes or
  /// replaces it in the meantime. The kernel does not see the writers of network file systems. The
  /// file gets the metadata of the target that it replaces; a new target keeps the mode of the
  /// file. After an error with Fate::unchanged the file is where it was, but may have the target's
  /// metadata already. A link at `written` is refused. A file of which a sync failed in this
  /// process is not adopted again: the kernel tells of lost content once (errors in fsync(2)).
  /// Another process can't know that; write the file anew after such an error.
  ///
  ///     run("ffmpeg -i in.avi .out.mp4.part");
  ///     BOOST_OUTCOME_TRY(perdure::AtomicFile::adopt("out.mp4", ".out.mp4.part"));
  static Result<Receipt> adopt(const Path& target, const Path& written, WriteOptions options = {},
                               System system = native_system());

  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() override;

  /// Appends. After an error, or an exception such as std::bad_alloc, every further call returns
  /// ErrorKind::invalid_argument; the temp is gone and the target unchanged.
  Result<void> write(Bytes bytes) override;
  /// The same of text.
  Result<void> write(std::string_view text) { return write(as_bytes(text)); }
  /// Writes over earlier content, or beyond its end: zeros fill a gap, and take no space where the
  /// file system has holes. `write` goes on appending at the end of the file. Errors as those of
  /// `write`.
  Result<void> write_at(std::uint64_t offset, Bytes bytes);
  /// Appends up to `size` bytes of an open regular file, from `offset` on, and says how many: 0 at
  /// its end. `file` is a handle of the file system that `create` was given; with `native_system`
  /// its number is that of a descriptor. The kernel copies, and shares blocks where the file system
  /// can (btrfs, xfs). With `verify`, or where the kernel does not copy, the bytes are read and
  /// written. Errors are those of `write`. An error of `file` has Error::reading, and the temp is
  /// gone after it, too.
  Result<std::uint64_t> append_from(Handle file, std::uint64_t offset, std::uint64_t size);
  /// The size so far, as `write` and `write_at` made it.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// The temp itself, open for reading and writing, for a library that needs a descriptor: with
  /// `native_system` the handle's number is one. The AtomicFile keeps the handle and closes it.
  /// Before `commit`, every write through it has to be over, and every mapping of it unmapped: a
  /// later write may be lost, or torn. From now on the temp itself says where `write` appends, how
  /// large it is, and what `verify` compares.
  Result<Handle> handle();

  /// Publishes the content, with the durability of the options. Once only: a second call is
  /// ErrorKind::invalid_argument, and its fate is that of the first one.
  Result<Receipt> commit();
  /// Removes the temp and says how that went; dropping does the same without an answer.
  Result<void> discard();

 private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state) noexcept;

  detail::Held<std::unique_ptr<State>> state_;
};

}  // namespace perdure
