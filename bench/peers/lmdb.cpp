// SPDX-License-Identifier: BSL-1.0
#include <lmdb.h>
#include <memory>
#include <stdexcept>

#include "peers.hpp"

namespace perdure::bench {
namespace {

class Lmdb final : public Saver {
 public:
  explicit Lmdb(const std::string& directory) : environment_(nullptr, mdb_env_close) {
    MDB_env* made = nullptr;
    must(mdb_env_create(&made));
    environment_.reset(made);
    must(mdb_env_set_mapsize(made, std::size_t{2} << 30U));
    must(mdb_env_open(made, directory.c_str(), 0, 0644));
    MDB_txn* transaction = nullptr;
    must(mdb_txn_begin(made, nullptr, 0, &transaction));
    must(mdb_dbi_open(transaction, nullptr, MDB_CREATE, &database_));
    must(mdb_txn_commit(transaction));
  }

  bool save(const std::string& name, const std::string& content) override {
    return save_all({.prefix = name, .count = 1, .content = &content});
  }
  bool save_all(const Batch& batch) override {
    MDB_txn* transaction = nullptr;
    if (mdb_txn_begin(environment_.get(), nullptr, 0, &transaction) != 0) return false;
    for (unsigned i = 0; i < batch.count; ++i) {
      std::string name = batch.name(i);
      MDB_val key{name.size(), name.data()};
      MDB_val value{batch.content->size(), const_cast<char*>(batch.content->data())};
      if (mdb_put(transaction, database_, &key, &value, 0) != 0) {
        mdb_txn_abort(transaction);
        return false;
      }
    }
    return mdb_txn_commit(transaction) == 0;
  }

 private:
  static void must(int status) {
    if (status != 0) throw std::runtime_error(mdb_strerror(status));
  }

  std::unique_ptr<MDB_env, void (*)(MDB_env*)> environment_;
  MDB_dbi database_ = 0;
};

}  // namespace

void add_lmdb(Ways& ways) {
  ways.push_back({.name = "LMDB",
                  .kind = Kind::database,
                  .reached = std::string(Reached::durable),
                  .note = "one key; the default flags, which sync",
                  .together = "all",
                  .size_max = std::uint64_t{64} << 20U,
                  .open = opener<Lmdb>()});
}

}  // namespace perdure::bench
