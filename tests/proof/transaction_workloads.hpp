// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <map>

#include <perdure/transaction.hpp>

#include "workloads.hpp"

namespace perdure::test {

/// The tree beneath a root: content by path; a directory's path ends in '/'.
using Files = std::map<std::string, std::string>;

/// One thing that a transaction is asked for.
struct Request {
  /// `expect`: that it is as it is now. `read`: it must be what was asked for so far. `mirror`: of
  /// the tree that `prepare_source` makes; it comes first.
  enum class Kind : std::uint8_t {
    put,
    put_symlink,
    copy,
    mirror,
    remove,
    move,
    make_directory,
    remove_directory,
    remove_all,
    read,
    expect
  };
  Kind kind = Kind::put;
  std::string path;
  std::string other = {};   ///< put: the content; put_symlink: the text; copy, move: the new path.
  bool guarded = false;     ///< put: of the version that is there now.
  bool fixed_mode = false;  ///< put: with a mode of its own.
  std::string like = {};    ///< put: with the metadata of this path, if the file is new.
};

/// The root of all workloads.
inline const std::string root_path = "/r";

/// A root that was used before, with a file in each of two directories, and neighbours.
void prepare_root(testing::Session& session);
/// The same before the first transaction: only the files.
void prepare_files(testing::Session& session);
/// A tree beside the root, for `mirror`.
void prepare_source(testing::Session& session);

TransactionOptions transaction_options(const testing::Session& session,
                                       ProtocolChoice protocol = ProtocolChoice::portable);

/// The content that a letter and a size stand for (see content_of), in as few words.
std::string brief(const std::string& content);

/// The tree beneath the root now, or beneath a copy of it; the root's own files left out.
Files files_of(testing::Session& session, const std::string& tree = "r/");

/// The same as words: content of an attempt on "root".
std::string words_of(const Files& files);

/// Does to `files` what the transaction is to do; false when this can't tell what comes of it.
bool apply_requests(Files& files, const std::vector<Request>& requests);

/// One transaction, from begin to the end of commit, as one attempt of the history. One of which
/// `apply_requests` can't tell what comes of it is asked for, and given up.
Result<void> transact(testing::Session& session, const std::vector<Request>& requests,
                      ProtocolChoice protocol = ProtocolChoice::portable);

/// The same through one that has begun.
Result<void> transact(testing::Session& session, Transaction& transaction,
                      const std::vector<Request>& requests);
/// The same, where `files` is what was committed so far, in place or not.
Result<void> transact(testing::Session& session, Transaction& transaction,
                      const std::vector<Request>& requests, Files& files);

/// Of a root: all or none, nothing left behind, nothing foreign touched, and it still works.
std::vector<testing::Oracle> transaction_oracles();

/// A call that must succeed.
void must(testing::Session& session, const Result<void>& done);

Result<void> recover_root_of(testing::Session& session);
/// The same, and it must succeed.
void restart_root(testing::Session& session);

/// These transactions one after the other; then a start that recovers.
/// With `automatic` it is called "automatic_" and the name.
Proof transaction_proof(const std::string& name, std::vector<std::vector<Request>> transactions,
                        ProtocolChoice protocol = ProtocolChoice::portable);

/// A transaction that was committed and died before this call of putting it in place: the number-th
/// of that operation since the journal was durable.
void leave_committed(testing::Session& session, testing::Operation operation, std::uint64_t number);

/// Takes out what others are asked, too, or what does not hold of this one.
void drop_oracle(Proof& proof, const std::string& name);

/// Every small transaction, and every small row of them.
std::vector<Proof> sequence_proofs(ProtocolChoice protocol);
/// Others who change the same tree at the same time.
Proof others_meanwhile_proof(ProtocolChoice protocol);
/// One of them makes a file anew, with its inode number, between a crash and its recovery.
Proof others_remake_proof();
/// With calls that fail, in transactions and in their recovery.
std::vector<Proof> faulty_transaction_proofs();

/// Transactions, all or none.
std::vector<Proof> transaction_proofs();

/// Roots with a log, so many distinct states of each under each preset.
std::vector<Proof> log_proofs(std::size_t states_max = 60'000);

}  // namespace perdure::test
