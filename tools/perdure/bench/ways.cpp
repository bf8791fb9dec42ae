// SPDX-License-Identifier: BSL-1.0
// Opens the writer, root or group of each way, and makes its turns.
#include "bench/ways.hpp"

#include <thread>

#include <perdure/atomic_writer.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/root.hpp>
#include <perdure/transaction.hpp>

#include "common/human_size.hpp"

namespace perdure::cli {

namespace {

/// A commit without its receipt.
template <class T>
Result<void> only_done(Result<T> result) {
  if (!result) return std::move(result.error());
  return success();
}

using Commit = std::function<Result<void>(const std::string& name)>;

std::string name_of(unsigned file) {
  return "f" + std::to_string(file);
}

/// All files, each thread those of its own one after the other. The first failure of one of them.
Result<void> by_threads(const Commit& commit) {
  std::vector<Result<void>> outcomes(many_threads, success());
  {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < many_threads; ++thread) {
      threads.emplace_back([&, thread] {
        Result<void>& outcome = outcomes[thread];
        for (unsigned file = thread; outcome && file < many_count; file += many_threads) {
          outcome = commit(name_of(file));
        }
      });
    }
  }  // joins them
  for (Result<void>& outcome : outcomes) {
    if (!outcome) return std::move(outcome);
  }
  return success();
}

/// All files by one transaction.
Result<void> at_once(Result<Transaction> begun, const std::string& image) {
  if (!begun) return std::move(begun.error());
  for (unsigned file = 0; file < many_count; ++file) {
    BOOST_OUTCOME_TRY(begun.value().put(name_of(file), image));
  }
  return only_done(begun.value().commit());
}

}  // namespace

Error system_error(std::string step, const std::string& path, std::error_code cause) {
  return {.kind = ErrorKind::system,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = std::move(step),
          .path = path,
          .detail = {},
          .reading = true};
}

Result<std::unique_ptr<Ways>> Ways::make(Handle parent, const std::string& path,
                                         OnceResolved& files) {
  BOOST_OUTCOME_TRY(auto own, PrivateDirectory::make(parent, path));
  const auto known = files.resolve(own->path(), own->handle());
  if (!known) return system_error("open the directory", own->path(), known.error());
  return std::unique_ptr<Ways>(new Ways(std::move(own), files));
}

bench::Candidate& Ways::add(std::string_view name, Turn turn, Turn prepare) {
  const auto keeping_failure = [this](Turn wanted) {
    return [this, wanted = std::move(wanted)] {
      auto done = wanted();
      if (!done && !failure) failure = std::move(done.error());
      return done.has_value();
    };
  };
  bench::Candidate candidate{.name = std::string(name), .turn = keeping_failure(std::move(turn))};
  if (prepare) candidate.prepare = keeping_failure(std::move(prepare));
  return candidates.emplace_back(std::move(candidate));
}

void Ways::leave_out(std::string_view name, std::string reason) {
  left_out.push_back({std::string(name), std::move(reason)});
}

Result<std::string> Ways::make_directory(const std::string& leaf) {
  constexpr std::uint32_t mode_own = 0700;
  const std::string path = own_->path() + "/" + leaf;
  const auto made = files_.make_directory(own_->handle(), leaf, mode_own);
  if (!made) return system_error("make a directory to measure in", path, made.error());
  const auto opened = files_.open_beneath(own_->handle(), leaf);
  if (!opened) return system_error("open the directory", path, opened.error());
  const OwnedHandle directory(files_, opened.value());
  const auto known = files_.resolve(path, directory.get());
  if (!known) return system_error("open the directory", path, known.error());
  return path;
}

Result<void> Ways::add_commits(std::string_view name, const WriteOptions& options,
                               const std::string& image) {
  BOOST_OUTCOME_TRY(auto bound, AtomicWriter::bind(own_->path(), options, files_.system()));
  const auto writer = std::make_shared<AtomicWriter>(std::move(bound));
  add(name,
      [writer, leaf = std::string(name), image] { return only_done(writer->commit(leaf, image)); });
  return success();
}

Result<void> Ways::add_disk(const std::string& image) {
  const std::string path = own_->path() + "/disk";
  const auto made = files_.create(own_->handle(), "disk", 0600);
  if (!made) return system_error("make a file to measure with", path, made.error());
  const auto file = std::make_shared<OwnedHandle>(files_, made.value());
  const auto turn = [this, image, file]() -> SysResult<void> {
    BOOST_OUTCOME_TRY(const auto put, files_.write_at(file->get(), 0, as_bytes(image)));
    if (put != image.size()) return std::make_error_code(std::errc::io_error);
    return files_.sync_data(file->get());
  };
  add(disk_name, [path, turn]() -> Result<void> {
    const auto done = turn();
    if (!done) return system_error("write", path, done.error());
    return success();
  });
  return success();
}

Result<void> Ways::add_many(const std::string& image) {
  WriteOptions options;
  options.protocol = ProtocolChoice::automatic;
  options.group = std::make_shared<GroupCommit>();
  BOOST_OUTCOME_TRY(const std::string crowd, make_directory("threads"));
  BOOST_OUTCOME_TRY(auto bound, AtomicWriter::bind(crowd, options, files_.system()));
  const auto writer = std::make_shared<AtomicWriter>(std::move(bound));
  add("8 threads", [writer, image] {
    return by_threads(
        [&](const std::string& name) { return only_done(writer->commit(name, image)); });
  }).files = many_count;
  TransactionOptions together;
  together.protocol = ProtocolChoice::automatic;
  together.system = files_.system();
  BOOST_OUTCOME_TRY(const std::string root, make_directory("transaction"));
  const auto turn = [root, together, image] {
    return at_once(Transaction::begin(root, together), image);
  };
  if (const auto tried = turn(); !tried) {  // where there are no hard links, say
    leave_out("transaction", tried.error().message());
    return success();
  }
  add("transaction", turn).files = many_count;
  return success();
}

Result<void> Ways::add_log(const std::string& image, const std::string& small) {
  RootOptions options;
  options.system = files_.system();
  if (image.size() > options.record_size_max) {
    leave_out(log_name, "it takes no content above " + human_size(options.record_size_max));
    return success();
  }
  BOOST_OUTCOME_TRY(const std::string path, make_directory("log"));
  auto opened = Root::open(path, options);
  if (!opened) {
    leave_out(log_name, opened.error().message());
    return success();
  }
  const auto root = std::make_shared<Root>(std::move(opened.value()));
  const auto many = [root, small] { return at_once(root->begin(), small); };
  add(log_name, [root, image] { return only_done(root->put("file", image)); });
  add(
      settling_name, [root] { return root->settle(); }, many);
  add("8 threads, log", [root, small] {
    return by_threads([&](const std::string& name) { return only_done(root->put(name, small)); });
  }).files = many_count;
  add("transaction, log", many).files = many_count;
  return success();
}

}  // namespace perdure::cli
