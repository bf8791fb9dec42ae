// SPDX-License-Identifier: BSL-1.0
#include <memory>
#include <sqlite3.h>
#include <stdexcept>

#include "peers.hpp"

namespace perdure::bench {
namespace {

/// One table of blobs; a statement is prepared once, as its documentation advises.
class Sqlite final : public Saver {
 public:
  Sqlite(const std::string& directory, const std::string& journal, const std::string& synchronous)
      : database_(open(directory + "/data.db")), insert_(nullptr, sqlite3_finalize) {
    execute("pragma journal_mode=" + journal);
    execute("pragma synchronous=" + synchronous);
    execute("create table file (name text primary key, content blob) without rowid");
    sqlite3_stmt* made = nullptr;
    sqlite3_prepare_v2(database_.get(), "insert or replace into file values (?, ?)", -1, &made,
                       nullptr);
    insert_.reset(made);
  }

  bool save(const std::string& name, const std::string& content) override {
    sqlite3_stmt* const insert = insert_.get();
    sqlite3_bind_text(insert, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
    sqlite3_bind_blob64(insert, 2, content.data(), content.size(), SQLITE_STATIC);
    const bool done = sqlite3_step(insert) == SQLITE_DONE;
    return sqlite3_reset(insert) == SQLITE_OK && done;
  }
  bool save_all(const Batch& batch) override {
    return run("begin") && Saver::save_all(batch) && run("commit");
  }

 private:
  using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
  using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

  static Database open(const std::string& path) {
    sqlite3* opened = nullptr;
    if (sqlite3_open(path.c_str(), &opened) != SQLITE_OK) throw std::runtime_error("sqlite3_open");
    return {opened, sqlite3_close};
  }
  bool run(const std::string& sql) {
    return sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  void execute(const std::string& sql) {
    if (!run(sql)) throw std::runtime_error(sqlite3_errmsg(database_.get()));
  }

  Database database_;
  Statement insert_;
};

}  // namespace

void add_sqlite(Ways& ways) {
  const auto add = [&](std::string name, std::string journal, std::string synchronous,
                       std::string_view reached, std::string note) {
    ways.push_back({.name = std::move(name),
                    .kind = Kind::database,
                    .reached = std::string(reached),
                    .note = std::move(note),
                    .together = "all",
                    .size_max = std::uint64_t{64} << 20U,
                    .open = opener<Sqlite>(std::move(journal), std::move(synchronous))});
  };
  add("SQLite WAL", "wal", "full", Reached::durable, "one row; WAL, synchronous=FULL");
  add("SQLite", "delete", "full", Reached::ordered,
      "one row; rollback journal, synchronous=FULL: its unlink is not synced");
  add("SQLite extra", "delete", "extra", Reached::durable,
      "one row; rollback journal, synchronous=EXTRA");
}

}  // namespace perdure::bench
