// SPDX-License-Identifier: BSL-1.0
// Errors as values: what failed, why, and what became of the target.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/base.hpp>
#include <boost/outcome/success_failure.hpp>
#include <boost/outcome/try.hpp>

#include <perdure/detail/export.hpp>
#include <perdure/detail/language.hpp>

namespace perdure {

/// The state of the target when a commit failed. This is the question that every error answers.
enum class Fate {
  unchanged,  ///< The target is byte for byte what it was, and no temp is left.
  visible,    ///< The new content is in place, but a power cut may still undo it.
  durable,    ///< The new content is in place and durable; a step behind that failed.
  committed,  ///< A transaction that is durable but not yet in place: recovery finishes it.
  unknown,    ///< The system did not say enough to tell old from new, or another's file is there.
};

/// Why a call failed, as far as a program may want to act on it.
enum class ErrorKind {
  system,             ///< The operating system refused; `Error::cause` has its code.
  invalid_argument,   ///< The call itself is wrong; nothing was touched.
  exists,             ///< ExistingPolicy::keep, and the target exists.
  conflict,           ///< The target is not the version that was expected.
  symlink_refused,    ///< A symbolic link at the target, and the policy (or safety) forbids it.
  untrusted,          ///< Another user put it there, in a directory that others may write to.
  not_regular,        ///< The target is a directory, a FIFO, a device or a socket.
  read_only,          ///< Nobody may write to the target, and `refuse_read_only` of the options.
  mount_point,        ///< The target is itself a mount point and can't be replaced by a rename.
  metadata,           ///< Mode, owner, ACL or an extended attribute could not be kept.
  lock_timeout,       ///< Another committer held the target's lock for longer than one may wait.
  stopped,            ///< The caller's `stop` ended its wait for a lock; nothing was touched.
  busy,               ///< As many commits wait in the group as may; nothing was touched.
  serializer,         ///< The serializer refused the value or the bytes.
  verify,             ///< The content that was read back is not the content that was written.
  corrupt,            ///< Stored data fails its own check.
  too_new,            ///< Stored data comes from a newer version of the program or library.
  recovery_required,  ///< A root can't be used before `recover` was run on it.
  unsupported,        ///< This file system or machine can't do what was asked.
};

/// A failure: what was being done, to which path, why it failed, and what became of the target.
///
/// A plain value; it owns its strings. Nothing in the library throws for I/O.
struct PERDURE_API Error {
  ErrorKind kind = ErrorKind::system;  ///< Why, for a program that wants to act on it.
  Fate fate = Fate::unchanged;         ///< The state of the target now.
  std::error_code cause{};  ///< The code of the system call that failed; zero when none did.
  std::string step{};       ///< The action that failed: "sync the new content".
  std::string path{};       ///< The path as the caller knows it.
  std::string detail{};     ///< Words for what a code can't say, and what to do next.
  /// The call only reads, or has no target: with the fate `unchanged` the message does not speak of
  /// one.
  bool reading = false;

  /// One sentence that a person can act on, without a line break at its end.
  [[nodiscard]] std::string message() const;

  /// Of a serializer that refuses a value: "a job needs a name".
  [[nodiscard]] static Error serializer(std::string detail);
  /// Of a serializer that can't read bytes: "a list has no end".
  [[nodiscard]] static Error corrupt(std::string detail);
  /// Of a call that failed in a serializer, a stage or a store: its code, and the step, in words,
  /// that it was to do.
  [[nodiscard]] static Error system(std::error_code cause, std::string step);
};

/// The message, as people read it.
PERDURE_API std::ostream& operator<<(std::ostream& stream, const Error& error);

namespace detail {

[[noreturn]] PERDURE_API void throw_unchecked(const Error& error);
[[noreturn]] PERDURE_API void throw_unchecked(const std::error_code& error);
[[noreturn]] PERDURE_API void throw_without_error();

/// Of a Result: to ask for a value or an error that it does not have is a mistake in the program.
struct ThrowUnchecked : boost::outcome_v2::policy::base {
  template <class Of>
  static constexpr void wide_value_check(Of&& result) {
    if (!base::_has_value(result)) throw_unchecked(base::_error(result));
  }
  template <class Of>
  static constexpr void wide_error_check(Of&& result) {
    if (!base::_has_error(result)) throw_without_error();
  }
};

}  // namespace detail

/// A value or an `Error`. `value()` on an error throws UncheckedError, whose words are the error's.
/// To let that happen is a mistake in the program, never a way to handle a failed write.
template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, detail::ThrowUnchecked>;

/// The result of a seam's call: a value, or the code of the system call, with no words yet.
/// `value()` on an error throws std::system_error.
template <class T>
using SysResult = boost::outcome_v2::basic_result<T, std::error_code, detail::ThrowUnchecked>;

/// `return success();` for a Result<void>.
using boost::outcome_v2::success;

/// The word for it, as the command line prints it: "unchanged", "visible", ...
[[nodiscard]] PERDURE_API std::string_view to_string(Fate fate) noexcept;
/// The word for it: "system", "conflict", ...
[[nodiscard]] PERDURE_API std::string_view to_string(ErrorKind kind) noexcept;

}  // namespace perdure
