// SPDX-License-Identifier: BSL-1.0
#include <memory>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <stdexcept>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class Rocksdb final : public Saver {
 public:
  explicit Rocksdb(const std::string& directory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(options, directory + "/data", &opened);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    database_.reset(opened);
  }

  bool save(const std::string& name, const std::string& content) override {
    return database_->Put(synced(), name, content).ok();
  }
  bool save_all(const Batch& batch) override {
    rocksdb::WriteBatch all;
    for (unsigned i = 0; i < batch.count; ++i) all.Put(batch.name(i), *batch.content);
    return database_->Write(synced(), &all).ok();
  }

 private:
  static rocksdb::WriteOptions synced() {
    rocksdb::WriteOptions options;
    options.sync = true;
    return options;
  }

  std::unique_ptr<rocksdb::DB> database_;
};

}  // namespace

void add_rocksdb(Ways& ways) {
  ways.push_back({.name = "RocksDB",
                  .kind = Kind::database,
                  .reached = std::string(Reached::durable),
                  .note = "one key; WriteOptions::sync",
                  .together = "all",
                  .size_max = std::uint64_t{1} << 20U,
                  .open = opener<Rocksdb>()});
}

}  // namespace perdure::bench
