// SPDX-License-Identifier: BSL-1.0
// `perdure apply`: changes of several files, all or none.
#include <algorithm>
#include <iostream>
#include <memory>
#include <unistd.h>
#include <vector>

#include <boost/filesystem/operations.hpp>

#include <perdure/transaction.hpp>

#include "commands.hpp"
#include "options/protocol.hpp"
#include "terminal/input.hpp"
#include "terminal/progress.hpp"

namespace perdure::cli {

namespace {

namespace fs = boost::filesystem;

constexpr std::size_t block_size = std::size_t{256} * 1024;

constexpr std::string_view examples =
    "All that one call names becomes visible, or nothing of it does. A crash in the middle is\n"
    "finished by the next apply or recover on that root.\n"
    "\n"
    "Examples:\n"
    "  perdure apply site --from build/html             every file at the same relative path\n"
    "  perdure apply site --put index.html=new.html --remove draft.html\n"
    "  generate | perdure apply etc --put app/rules=-   one of the sources may be the input\n"
    "  perdure apply site --from new --json | jq .files\n";

/// The findings of --from: directories before what is in them.
struct Tree {
  std::vector<fs::path> found;
  std::vector<fs::path> left_out;  ///< The library's own, which no transaction may name.
};

struct ApplyCommand {
  std::string root;
  std::vector<std::string> puts;
  std::vector<std::string> removes;
  std::string from;
  ProtocolChoice protocol = ProtocolChoice::portable;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const;
  Result<void> stage(Transaction& transaction, const Tree& tree) const;
  void tell(const TransactionReceipt& receipt, const Tree& tree) const;
};

Result<void> put_input(Transaction& transaction, const std::string& path,
                       const std::string& source) {
  BOOST_OUTCOME_TRY(Input input, Input::open(source));
  return transaction.put_from(path, [&](Sink& sink) -> Result<void> {
    std::vector<std::byte> block(block_size);
    while (true) {
      BOOST_OUTCOME_TRY(const std::size_t count, input.read(block));
      if (count == 0) return success();
      BOOST_OUTCOME_TRY(sink.write(std::span(block).first(count)));
    }
  });
}

Error tree_failure(const std::string& path, std::error_code cause, std::string detail) {
  return {.kind = cause ? ErrorKind::system : ErrorKind::invalid_argument,
          .cause = cause,
          .step = "read the tree",
          .path = path,
          .detail = std::move(detail)};
}

/// Whether it is the library's own: a lock, say, or the private directory beside a root's marker. A
/// copy of a root or of tracked states has such files, and those of the target are in use.
bool is_own(const fs::path& path) {
  if (is_reserved_name(path.filename().native())) return true;
  boost::system::error_code code;
  return path.filename() == TransactionOptions().private_directory &&
         fs::symlink_status(path.parent_path() / ".perdure-root", code).type() == fs::regular_file;
}

/// Everything under `top`. Links are not followed.
Result<Tree> list_tree(const std::string& top) {
  Tree tree;
  boost::system::error_code code;
  fs::recursive_directory_iterator entry(top, code);
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    const bool own = is_own(entry->path());
    (own ? tree.left_out : tree.found).push_back(entry->path());
    if (own) entry.disable_recursion_pending();
  }
  if (code) return tree_failure(top, {code.value(), std::generic_category()}, {});
  std::sort(tree.found.begin(), tree.found.end());
  std::sort(tree.left_out.begin(), tree.left_out.end());
  return tree;
}

Result<void> put_tree(Transaction& transaction, const std::string& top, const Tree& tree) {
  for (const auto& path : tree.found) {
    boost::system::error_code code;
    const auto type = fs::symlink_status(path, code).type();
    const std::string relative = path.lexically_relative(top).native();
    if (type == fs::directory_file) {
      BOOST_OUTCOME_TRY(transaction.make_directory(relative));
    } else if (type == fs::regular_file) {
      BOOST_OUTCOME_TRY(put_input(transaction, relative, path.native()));
    } else {
      return tree_failure(path.native(), {},
                          "it is neither a file nor a directory; move it out of the tree");
    }
  }
  return success();
}

Result<void> ApplyCommand::stage(Transaction& transaction, const Tree& tree) const {
  BOOST_OUTCOME_TRY(put_tree(transaction, from, tree));
  for (const auto& put : puts) {
    const auto equals = put.find('=');
    BOOST_OUTCOME_TRY(put_input(transaction, put.substr(0, equals), put.substr(equals + 1)));
  }
  for (const auto& path : removes) {
    BOOST_OUTCOME_TRY(transaction.remove(path));
  }
  return success();
}

ExitStatus ApplyCommand::run() const {
  TransactionOptions options;
  options.protocol = protocol;
  const bool shown = !output.quiet && ::isatty(STDERR_FILENO) == 1;
  const auto begin = std::chrono::steady_clock::now();
  std::unique_ptr<Progress> progress;
  options.progress = [&](std::uint64_t, std::uint64_t total) {
    if (!progress) progress = std::make_unique<Progress>(std::cerr, shown, total, begin);
    progress->advance(1, std::chrono::steady_clock::now());
  };
  auto transaction = Transaction::begin(root, options);
  if (!transaction) return report(transaction.error(), output);
  progress.reset();  // of a recovery
  const auto tree = from.empty() ? Result<Tree>(Tree()) : list_tree(from);
  if (!tree) return report(tree.error(), output);
  const auto staged = stage(transaction.value(), tree.value());
  if (!staged) return report(staged.error(), output);
  const auto receipt = transaction.value().commit();
  progress.reset();
  if (!receipt) return report(receipt.error(), output);
  tell(receipt.value(), tree.value());
  return ExitStatus::success;
}

void ApplyCommand::tell(const TransactionReceipt& receipt, const Tree& tree) const {
  if (output.json) {
    boost::json::array left_alone;
    for (const auto& path : receipt.left_alone) left_alone.emplace_back(utf8(path));
    boost::json::array left_out;
    for (const auto& path : tree.left_out) left_out.emplace_back(utf8(path.native()));
    print(boost::json::object{{"fate", "committed"},
                              {"id", receipt.id},
                              {"files", receipt.files},
                              {"bytes", receipt.bytes},
                              {"durability", to_string(Durability::durable)},
                              {"protocol", to_string(receipt.protocol)},
                              {"left_alone", std::move(left_alone)},
                              {"left_out", std::move(left_out)},
                              {"confirmed", receipt.confirmed},
                              {"stages", stages_json(receipt.stages)}});
  } else if (!output.quiet) {
    std::string left_out;
    for (const auto& path : tree.left_out) {
      left_out += "  left out  " + printable(path.native()) + " (perdure's own)\n";
    }
    print(printable(root) + ": committed " + std::to_string(receipt.files) +
          (receipt.files == 1 ? " path, " : " paths, ") + human_size(receipt.bytes) + ", " +
          std::string(to_string(receipt.protocol)) + ", " +
          milliseconds(stages_sum(receipt.stages)) + "\n" + left_out);
  }
  for (const auto& path : receipt.left_alone) {
    std::cerr << "perdure: " << printable(path)
              << ": somebody else changed it meanwhile; it was left as it is\n";
  }
}

std::string check_put(const std::string& text) {
  const auto equals = text.find('=');
  const bool whole = equals != std::string::npos && equals > 0 && equals + 1 < text.size();
  return whole ? std::string() : "'" + text + "' is not DEST=SRC";
}

}  // namespace

void add_apply(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<ApplyCommand>();
  CLI::App* sub = app.add_subcommand("apply", "Commit many files beneath one root, all or none");
  sub->add_option("ROOT", command->root, "The directory that they lie beneath")
      ->required()
      ->type_name("");
  sub->add_option("--put", command->puts, "DEST, relative to ROOT, gets the content of SRC")
      ->type_name("DEST=SRC")
      ->allow_extra_args(false)
      ->check(CLI::Validator(check_put, ""));
  sub->add_option("--remove", command->removes, "PATH, relative to ROOT, shall be gone")
      ->type_name("PATH")
      ->allow_extra_args(false);
  sub->add_option("--from", command->from,
                  "Every file under DIR, at the same relative path; perdure's own (locks, "
                  "temps, ...) are left out")
      ->type_name("DIR");
  add_protocol_option(*sub, command->protocol);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
