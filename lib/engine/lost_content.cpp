// SPDX-License-Identifier: BSL-1.0
// The files whose content may be lost, since a sync of them failed.
#include "engine/lost_content.hpp"

#include <atomic>
#include <new>

namespace perdure {
namespace {

/// Never destroyed. Only failures let the list grow. It has no mutex, for the reason that
/// FailedSyncs has none (confirm.cpp).
struct LostFile {
  const FileSystem* files;
  Version file;
  LostFile* next;
};

constinit std::atomic<LostFile*> all_lost{nullptr};
/// There was no memory for an entry: from then on each file counts as lost.
constinit std::atomic<bool> forgot_one{false};

}  // namespace

void note_lost_content(const FileSystem& files, const Version& file) noexcept {
  auto* const made = new (std::nothrow) LostFile{&files, file, all_lost};
  if (made == nullptr) {
    forgot_one = true;
    return;
  }
  while (!all_lost.compare_exchange_weak(made->next, made)) {
  }
}

bool is_content_lost(const FileSystem& files, const Version& file) noexcept {
  if (forgot_one) return true;
  for (const LostFile* lost = all_lost; lost != nullptr; lost = lost->next) {
    if (lost->files == &files && lost->file.same_file(file)) return true;
  }
  return false;
}

}  // namespace perdure
