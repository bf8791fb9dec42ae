// SPDX-License-Identifier: BSL-1.0
// The protocol of the log with each needed part taken out.
#include <cstdint>
#include <utility>

#include "lies.hpp"
#include "transaction_mutants.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// The offset of the first segment, behind four header blocks.
constexpr std::uint64_t records_begin = 4 * 4096;

/// Knows which handle is which file, and how far the log has come since it was opened.
struct LogWatching : Lying {
  using Lying::Lying;

  std::map<Handle, std::string> names;
  int flushes = 0;  // of the log: the first makes durable what was read, the second begins anew

  [[nodiscard]] bool is(Handle handle, std::string_view name) const {
    const auto found = names.find(handle);
    return found != names.end() && found->second == name;
  }
  [[nodiscard]] bool is_staged(Handle handle) const {
    const auto found = names.find(handle);
    return found != names.end() && found->second.starts_with("s_");
  }
  [[nodiscard]] bool is_recovering() const { return flushes < 2; }

  SysResult<Handle> known(SysResult<Handle> opened, const std::string& as) {
    if (opened) names[opened.value()] = as;
    return opened;
  }
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override {
    return known(Lying::open_beneath(from, path), path);
  }
  SysResult<Handle> create(Handle directory, const std::string& file, std::uint32_t mode) override {
    return known(Lying::create(directory, file, mode), file);
  }
  SysResult<Handle> open_file(Handle directory, const std::string& file) override {
    return known(Lying::open_file(directory, file), file);
  }
  SysResult<Handle> open_lock(Handle directory, const std::string& file) override {
    if (file == "log") flushes = 0;
    return known(Lying::open_lock(directory, file), file);
  }
  SysResult<Handle> open_direct(Handle directory, const std::string& file) override {
    return known(Lying::open_direct(directory, file), file);
  }
  SysResult<void> close(Handle handle) override {
    names.erase(handle);
    return Lying::close(handle);
  }
  SysResult<void> sync_data(Handle file) override {
    if (is(file, "log")) ++flushes;
    return Lying::sync_data(file);
  }
};

/// FLUSH: files get their names before their record is durable.
struct AppendNotFlushed final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<void> sync_data(Handle file) override {
    if (is_recovering() || !is(file, "log")) return LogWatching::sync_data(file);
    return success();
  }
};

/// SETTLE: a segment is used again, and nobody synced what its records published.
struct NotSettled final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<void> sync_directory(Handle directory) override {
    if (!is_recovering() && is(directory, ".perdure")) return success();
    return LogWatching::sync_directory(directory);
  }
  SysResult<void> sync_file_system(Handle directory) override {
    return is_recovering() ? LogWatching::sync_file_system(directory) : success();
  }
};

/// RWRITE, RFLUSH: a flush fails, and recovery takes what the cache has for what the disk has.
struct CacheTrusted final : LogWatching {
  using LogWatching::LogWatching;
  bool failed = false;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (failed && is(file, "log") && offset >= records_begin) return bytes.size();
    return LogWatching::write_at(file, offset, bytes);
  }
  SysResult<void> sync_data(Handle file) override {
    if (!is(file, "log") || is_recovering() || failed) return LogWatching::sync_data(file);
    failed = true;
    disk.lose_sync(file);
    return std::make_error_code(std::errc::io_error);
  }
};

/// RSYNC: recovery gives a file its name before its content is durable.
struct RedoNotSynced final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<void> sync_file(Handle file) override {
    return is_staged(file) ? success() : LogWatching::sync_file(file);
  }
};

/// LPSYNC: files that were left for later get their names before their content is durable.
struct LaterNotSynced final : LogWatching {
  using LogWatching::LogWatching;
  bool published = false;  // since the last sync
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    published = published || from.starts_with("s_");
    return LogWatching::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> sync_file_system(Handle directory) override {
    if (is_recovering() || std::exchange(published, false)) {
      return LogWatching::sync_file_system(directory);
    }
    return success();
  }
};

/// RHDR: the header that drops records is not durable when the root is given back.
struct HeadersNotFlushed final : LogWatching {
  using LogWatching::LogWatching;
  bool has_record = false;  // written since the last flush
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    has_record = has_record || (is(file, "log") && offset >= records_begin);
    return LogWatching::write_at(file, offset, bytes);
  }
  SysResult<void> sync_data(Handle file) override {
    if (!is(file, "log") || std::exchange(has_record, false)) return LogWatching::sync_data(file);
    ++flushes;
    return success();
  }
};

/// LIVE, MARK: no header says that records are settled.
struct NeverTurned final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (!is_recovering() && is(file, "log") && offset < records_begin) return bytes.size();
    return LogWatching::write_at(file, offset, bytes);
  }
};

/// W7: no journal says that there is a log.
struct LogNotMarked final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (from == "j.tmp") return Lying::unlink(from_directory, from);
    return Lying::rename(from_directory, from, to_directory, to, mode);
  }
};

/// SURE: what a record says was there before may be gone after a power cut.
struct BeforeNotSynced final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<void> sync_file(Handle file) override {
    return is(file, "a") ? success() : LogWatching::sync_file(file);
  }
  SysResult<void> sync_directory(Handle directory) override {
    if (!is_recovering() && is(directory, "d")) return success();
    return LogWatching::sync_directory(directory);
  }
};

/// O_DIRECT without RWF_DSYNC: the disk has it in its cache.
struct DirectNotDurable final : LogWatching {
  using LogWatching::LogWatching;
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override {
    return Lying::write_at(file, offset, bytes);
  }
};

/// L6: records go past the cache while a header waits for a flush.
struct HeaderLeftBehind final : LogWatching {
  using LogWatching::LogWatching;
  bool header = false;
  bool written = false;
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    const bool of_log = !is_recovering() && is(file, "log");
    if (of_log && offset < records_begin) header = true;
    if (!of_log || offset < records_begin || !header) {
      return LogWatching::write_at(file, offset, bytes);
    }
    written = true;
    return LogWatching::write_through(file, offset, bytes);
  }
  SysResult<void> sync_data(Handle file) override {
    if (!is(file, "log") || !std::exchange(written, false)) return LogWatching::sync_data(file);
    header = false;
    return success();
  }
};

}  // namespace

std::vector<Mutant> log_mutants() {
  return {
      mutant_on<AppendNotFlushed>("log_append_not_flushed", "log_put"),
      mutant_on<NotAwaiting>("log_published_not_awaited", "log_put"),
      mutant_on<NotSettled>("log_not_settled", "log_row"),
      mutant_on<CacheTrusted>("log_cache_trusted", "log_pair", 1),
      mutant_on<RedoNotSynced>("log_redo_not_synced", "log_put", 1),
      mutant_on<HeadersNotFlushed>("log_headers_not_flushed", "log_closed"),
      mutant_on<NeverTurned>("log_never_turned", "log_row"),
      mutant_on<LogNotMarked>("log_not_marked", "log_put"),
      mutant_on<LaterNotSynced>("log_later_not_synced", "log_later_pair"),
      mutant_on<BeforeNotSynced>("log_before_not_synced", "log_foreign"),
      mutant_on<DirectNotDurable>("log_direct_not_durable", "log_direct_put"),
      mutant_on<HeaderLeftBehind>("log_header_left_behind", "log_direct_row"),
  };
}

}  // namespace perdure::test
