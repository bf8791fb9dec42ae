// SPDX-License-Identifier: BSL-1.0
// Tries names until one is free.
#include "engine/fresh_file.hpp"

#include "engine/names.hpp"

namespace perdure {

SysResult<FreshFile> make_fresh_file(FileSystem& files, Handle directory, std::string_view leaf,
                                     Environment& environment, std::uint32_t mode) {
  constexpr int attempts_max = 100;  // a name that is taken was planted, or guessed by a fork
  for (int attempt = 1;; ++attempt) {
    BOOST_OUTCOME_TRY(std::string name, names::make_temp(leaf, environment));
    const auto made = files.create(directory, name, mode);
    if (made) return FreshFile{std::move(name), OwnedHandle(files, made.value())};
    const bool taken = made.error() == std::errc::file_exists;
    if (taken && attempt < attempts_max) continue;
    // A call that failed may have made the file all the same; nobody else knows this name.
    if (!taken) (void)files.unlink(directory, name);
    return made.error();
  }
}

}  // namespace perdure
