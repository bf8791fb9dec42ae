// SPDX-License-Identifier: BSL-1.0
// The target of a call: the file that it commits, reads or removes, as it was found.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>
#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

class Observer;

/// The file that a call is about: where it lies once links were followed, what was found there, and
/// what the caller expects. Keeps the directory open, and the lock if one was taken.
struct PERDURE_API Target {
  /// `named` becomes `path`. Both references must outlive it.
  Target(FileSystem& file_system, Environment& surroundings, std::string named = {});

  FileSystem& files;                       ///< Not owned.
  Environment& environment;                ///< Not owned.
  Observer* observer = nullptr;            ///< Not owned; null: nobody is told.
  std::string path;                        ///< For words only; as the caller named it.
  Handle directory = Handle::none;         ///< The real one. Not owned, unless it is `opened`.
  std::optional<Status> directory_status;  ///< Of `directory`, where a look was needed before.
  std::string leaf;                        ///< The name there.
  bool followed = false;                   ///< A symbolic link led there from the caller's name.
  std::optional<Status> existing;          ///< As it was found; empty if there was none.
  std::optional<Version> expected;         ///< The only version that the caller wants to meet.
  /// The fate that an error would have now. A pipeline sets it between stages, by their facts.
  Fate fate = Fate::unchanged;

  OwnedHandle opened;  ///< The directory, if it was opened for this target.
  OwnedHandle lock;    ///< The target's lock, if it was taken.

  /// An error of a system call at this point, with path and fate filled in. Looks at the directory
  /// where the code of the call alone would mislead.
  [[nodiscard]] Error failure(std::string_view step, std::error_code cause) const;
  /// An error of another kind at this point.
  [[nodiscard]] Error failure(std::string_view step, ErrorKind kind, std::string detail) const;
};

}  // namespace perdure
