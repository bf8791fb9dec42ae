// SPDX-License-Identifier: BSL-1.0
// Other libraries' ways to save, each called as its own users would, as workloads for the
// laboratory. Built by scripts/crash-peers, with one of -DPEER_PLAIN, -DPEER_GLIB, -DPEER_QT,
// -DPEER_SQLITE, -DPEER_LEVELDB and -DPEER_ROCKSDB. With PEER_GOES_ON set a program that meets an
// error says so, opens anew and goes on with the next version; else it ends.
//
//   peer setup | write COUNT | serve durable | serve atomic
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "crashlab/versions.hpp"

#if defined(PEER_GLIB)
#include <glib.h>
#elif defined(PEER_QT)
#include <QSaveFile>
#elif defined(PEER_SQLITE)
#include <sqlite3.h>
#elif defined(PEER_LEVELDB)
#include <leveldb/db.h>
namespace store = leveldb;
#elif defined(PEER_ROCKSDB)
#include <rocksdb/db.h>
namespace store = rocksdb;
#endif

namespace {

constexpr std::size_t size = 10000;

std::string root() {
  return versions::environment("CRASHLAB_MOUNT");
}

[[noreturn]] void give_up(const std::string& why) {
  throw std::runtime_error(why);
}

#if defined(PEER_SQLITE)

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;

Database open_database() {
  sqlite3* opened = nullptr;
  if (sqlite3_open((root() + "/data.db").c_str(), &opened) != SQLITE_OK) give_up("sqlite3_open");
  return {opened, sqlite3_close};
}

void execute(sqlite3* database, const std::string& statement) {
  char* error = nullptr;
  if (sqlite3_exec(database, statement.c_str(), nullptr, nullptr, &error) != SQLITE_OK) {
    give_up(statement.substr(0, 40) + ": " + error);
  }
}

Database& database_kept() {
  static Database database(nullptr, sqlite3_close);
  return database;
}

void drop() {
  database_kept().reset();
}

void save(int version) {
  Database& database = database_kept();
  if (!database) database = open_database();
  if (version == 0) execute(database.get(), "create table t (id integer primary key, data)");
  const std::string text = versions::content(version, size);
  sqlite3_stmt* statement = nullptr;
  const bool saved = sqlite3_prepare_v2(database.get(), "insert or replace into t values (1, ?)",
                                        -1, &statement, nullptr) == SQLITE_OK &&
                     sqlite3_bind_blob(statement, 1, text.data(), static_cast<int>(text.size()),
                                       SQLITE_STATIC) == SQLITE_OK &&
                     sqlite3_step(statement) == SQLITE_DONE;
  const std::string why = saved ? "" : sqlite3_errmsg(database.get());
  sqlite3_finalize(statement);
  if (!saved) give_up(why);
}

std::string load() {
  const Database database = open_database();
  sqlite3_stmt* statement = nullptr;
  std::string text;
  if (sqlite3_prepare_v2(database.get(), "select data from t", -1, &statement, nullptr) ==
          SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, 0));
    text.assign(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
  }
  sqlite3_finalize(statement);
  return text;
}

#elif defined(PEER_LEVELDB) || defined(PEER_ROCKSDB)

std::unique_ptr<store::DB> open_database() {
  store::Options options;
  options.create_if_missing = true;
  store::DB* opened = nullptr;
  const auto status = store::DB::Open(options, root() + "/data", &opened);
  if (!status.ok()) give_up(status.ToString());
  return std::unique_ptr<store::DB>(opened);
}

std::unique_ptr<store::DB>& database_kept() {
  static std::unique_ptr<store::DB> database;
  return database;
}

void drop() {
  database_kept().reset();
}

void save(int version) {
  auto& database = database_kept();
  if (!database) database = open_database();
  store::WriteOptions options;
  options.sync = true;
  const auto status = database->Put(options, "key", versions::content(version, size));
  if (!status.ok()) give_up(status.ToString());
}

std::string load() {
  store::Options options;
  store::DB* opened = nullptr;
  const auto status = store::DB::Open(options, root() + "/data", &opened);
  const std::unique_ptr<store::DB> database(opened);
  std::string text;
  if (status.ok()) database->Get({}, "key", &text);
  return text;
}

#else

void drop() {}

void save(int version) {
  const std::string path = root() + "/file";
  const std::string text = versions::content(version, size);
#if defined(PEER_GLIB)
  GError* error = nullptr;
  if (g_file_set_contents(path.c_str(), text.data(), static_cast<gssize>(text.size()), &error) ==
      0) {
    give_up(error->message);
  }
#elif defined(PEER_QT)
  QSaveFile file(QString::fromStdString(path));
  if (!file.open(QIODevice::WriteOnly)) give_up("QSaveFile::open");
  file.write(text.data(), static_cast<qint64>(text.size()));
  if (!file.commit()) give_up("QSaveFile::commit");
#else
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) give_up("write");
#endif
}

std::string load() {
  std::ifstream file(root() + "/file", std::ios::binary);
  return {(std::istreambuf_iterator<char>(file)), {}};
}

#endif

bool is_saved(int version) {
  try {
    save(version);
    return true;
  } catch (const std::exception& error) {
    const bool goes_on = std::getenv("PEER_GOES_ON") != nullptr;
    std::fprintf(stderr, "version %d: %s\n", version, error.what());
    if (!goes_on) std::exit(3);
    drop();
    return false;
  }
}

std::string judge(bool durable) {
  return versions::judge_text(load(), size, durable ? versions::last_acknowledged() : 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "serve") {
    const bool durable = argc > 2 && argv[2] == std::string("durable");
    return versions::serve([=] { return judge(durable); });
  }
  const int last = command == "write" && argc > 2 ? std::atoi(argv[2]) : 0;
  for (int version = last == 0 ? 0 : 1; version <= last; ++version) {
    if (!is_saved(version)) continue;
    if (last > 0) versions::acknowledge(version);
  }
  drop();
  return 0;
}
