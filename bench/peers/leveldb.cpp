// SPDX-License-Identifier: BSL-1.0
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <memory>
#include <stdexcept>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class Leveldb final : public Saver {
 public:
  explicit Leveldb(const std::string& directory) {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* opened = nullptr;
    const auto status = leveldb::DB::Open(options, directory + "/data", &opened);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    database_.reset(opened);
  }

  bool save(const std::string& name, const std::string& content) override {
    return database_->Put(synced(), name, content).ok();
  }
  bool save_all(const Batch& batch) override {
    leveldb::WriteBatch all;
    for (unsigned i = 0; i < batch.count; ++i) all.Put(batch.name(i), *batch.content);
    return database_->Write(synced(), &all).ok();
  }

 private:
  static leveldb::WriteOptions synced() {
    leveldb::WriteOptions options;
    options.sync = true;
    return options;
  }

  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

void add_leveldb(Ways& ways) {
  ways.push_back({.name = "LevelDB",
                  .kind = Kind::database,
                  .reached = std::string(Reached::durable),
                  .note = "one key; WriteOptions::sync",
                  .together = "all",
                  .size_max = std::uint64_t{1} << 20U,
                  .open = opener<Leveldb>()});
}

}  // namespace perdure::bench
