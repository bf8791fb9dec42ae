// SPDX-License-Identifier: BSL-1.0
// `perdure apply`: changes of several files, all or none.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <perdure/mirror.hpp>
#include <perdure/transaction.hpp>

#include "commands.hpp"
#include "common/progress.hpp"
#include "options/commit.hpp"
#include "options/owner.hpp"
#include "sources/input.hpp"
#include "terminal/byte_progress.hpp"
#include "terminal/recovery.hpp"

namespace perdure::cli {

namespace {

constexpr std::size_t block_size = std::size_t{256} * 1024;

constexpr std::string_view examples =
    "All that one call names becomes visible, or nothing of it does. A crash in the middle is\n"
    "finished by the next apply or recover on that root; an apply that does so says it on\n"
    "standard error, and in \"recovery\" of --json.\n"
    "\n"
    "Examples:\n"
    "  perdure apply site --from build/html             every file at the same relative path\n"
    "  perdure apply site --put index.html=new.html --remove draft.html\n"
    "  generate | perdure apply etc --put app/rules=-   one of the sources may be the input\n"
    "  perdure apply etc --parents --put app/rules=new  makes app, if it is missing\n"
    "  perdure apply site --from new --json | jq .files\n"
    "  perdure apply site --from new --delete           and nothing else stays there\n"
    "\n"
    "Each path is named once. A call that names it twice, names what lies beneath a file or\n"
    "beneath what it removes, or reads its input twice, ends with status 2 and changes nothing.\n";

/// The wish of one part of the command line for a path.
struct Demand {
  enum class Kind { make_directory, put, remove } kind;
  std::string words;  ///< The part, for errors.
};
using Demands = std::map<std::string, Demand>;

struct Put {
  std::string path;
  std::string source;
};

/// The parts of each DEST=SOURCE.
std::vector<Put> puts_of(const std::vector<std::string>& texts) {
  std::vector<Put> puts;
  puts.reserve(texts.size());
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    puts.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return puts;
}

/// All that is read.
struct Sources {
  std::optional<SourceTree> tree;  ///< --from
  std::vector<Input> inputs;       ///< Of each --put, in their order.
  MirrorReport mirrored;           ///< The tree's part of it.
};

struct ApplyCommand {
  std::string root;
  std::vector<std::string> put_texts;
  std::vector<std::string> symlink_texts;
  std::vector<std::string> removes;
  std::vector<std::string> removes_all;
  std::string from;
  bool mirror = false;
  bool symlinks = false;
  bool parents = false;
  ProtocolChoice protocol = ProtocolChoice::portable;
  Durability durability = Durability::durable;
  bool keep_special = false;
  bool refuse_read_only = false;
  std::string private_directory = TransactionOptions().private_directory;
  std::chrono::milliseconds lock_timeout_ms = TransactionOptions().lock_timeout_ms;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const;
  /// Fails where two parts of the command line contradict each other.
  [[nodiscard]] Result<void> check(const Sources& sources) const;
  /// Opens all that is to be read, or that can wait, before the root is locked.
  [[nodiscard]] Result<Sources> open_sources() const;
  Result<void> stage(Transaction& transaction, Sources& sources) const;
  void tell(const TransactionReceipt& receipt, const Sources& sources,
            const RecoveryReport& recovery) const;
};

/// Stages what `input` has to read.
template <class Input>
Result<void> put_all_of(Transaction& transaction, const std::string& path, Input& input,
                        const Metadata& metadata) {
  const auto source = [&](Sink& sink) -> Result<void> {
    std::vector<std::byte> block(block_size);
    while (true) {
      BOOST_OUTCOME_TRY(const std::size_t count, input.read(block));
      if (count == 0) return success();
      BOOST_OUTCOME_TRY(sink.write(std::span(block).first(count)));
    }
  };
  return transaction.put_from(path, source, {.metadata = metadata});
}

/// A new file gets `mode` less the umask.
Metadata metadata_of(std::uint32_t mode, bool keep_special) {
  Metadata metadata = Metadata::preserve(mode);
  metadata.keep_special = keep_special;
  return metadata;
}

Error contradiction(const std::string& path, std::string detail) {
  return {.kind = ErrorKind::invalid_argument,
          .cause = {},
          .step = "read the command line",
          .path = path,
          .detail = std::move(detail),
          .reading = true};
}

Result<void> demand(Demands& demands, const std::string& path, Demand wanted) {
  const auto [other, fresh] = demands.try_emplace(path, wanted);
  if (fresh) return success();
  return contradiction(
      path, other->second.words + " and " + wanted.words + " both name it; leave one of them out");
}

/// Nothing lies beneath a file, nor beneath what is removed.
Result<void> check_parents(const Demands& demands) {
  for (const auto& [path, wanted] : demands) {
    for (auto slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const auto parent = demands.find(path.substr(0, slash));
      if (parent == demands.end() || parent->second.kind == Demand::Kind::make_directory) continue;
      return contradiction(path, parent->second.words + " leaves no directory for " + wanted.words +
                                     "; leave one of them out");
    }
  }
  return success();
}

Result<void> ApplyCommand::check(const Sources& sources) const {
  Demands demands;
  const auto entries = sources.tree ? sources.tree->entries() : std::vector<SourceTree::Entry>();
  for (const auto& [path, type] : entries) {
    const auto kind =
        type == FileType::directory ? Demand::Kind::make_directory : Demand::Kind::put;
    BOOST_OUTCOME_TRY(demand(demands, path, {kind, "--from " + from}));
  }
  std::string input_of;
  for (const auto& [path, source] : puts_of(put_texts)) {
    const std::string words = std::string("--put ").append(path).append("=").append(source);
    BOOST_OUTCOME_TRY(demand(demands, path, {Demand::Kind::put, words}));
    if (source != "-") continue;
    if (!input_of.empty()) {
      return contradiction(path, input_of.append(" reads standard input to its end, and ")
                                     .append(words)
                                     .append(" would find nothing; use a file for one of them"));
    }
    input_of = words;
  }
  for (const auto& [path, text] : puts_of(symlink_texts)) {
    const std::string words = std::string("--put-symlink ").append(path).append("=").append(text);
    BOOST_OUTCOME_TRY(demand(demands, path, {Demand::Kind::put, words}));
  }
  for (const auto& path : removes) {
    BOOST_OUTCOME_TRY(demand(demands, path, {Demand::Kind::remove, "--remove " + path}));
  }
  for (const auto& path : removes_all) {
    BOOST_OUTCOME_TRY(demand(demands, path, {Demand::Kind::remove, "--remove-all " + path}));
  }
  return check_parents(demands);
}

/// Each source keeps a descriptor until it is staged.
void allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // without it the open that is one too many says so
}

Result<Sources> ApplyCommand::open_sources() const {
  Sources sources;
  if (!from.empty()) {
    BOOST_OUTCOME_TRY(sources.tree,
                      SourceTree::open(from, native_system(), {.symlinks = symlinks}));
  }
  BOOST_OUTCOME_TRY(check(sources));
  constexpr std::size_t usual_max = 512;
  if (put_texts.size() > usual_max) allow_descriptors();
  for (const auto& [path, source] : puts_of(put_texts)) {
    BOOST_OUTCOME_TRY(Input input, Input::open(source, Input::Pipes::own));
    sources.inputs.push_back(std::move(input));
  }
  return sources;
}

/// The directories that `puts` lie in, each behind the one that it lies in.
std::set<std::string> directories_of(const std::vector<Put>& puts) {
  std::set<std::string> directories;
  for (const auto& [path, source] : puts) {
    for (auto slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      directories.insert(path.substr(0, slash));
    }
  }
  return directories;
}

Result<void> ApplyCommand::stage(Transaction& transaction, Sources& sources) const {
  if (sources.tree) {
    BOOST_OUTCOME_TRY(sources.mirrored,
                      transaction.mirror(
                          *sources.tree,
                          {.removing = mirror, .comparing = mirror, .keep_special = keep_special}));
  }
  if (parents) {
    auto puts = puts_of(put_texts);
    std::ranges::copy(puts_of(symlink_texts), std::back_inserter(puts));
    for (const auto& directory : directories_of(puts)) {
      BOOST_OUTCOME_TRY(transaction.make_directory(directory));
    }
  }
  auto input = sources.inputs.begin();
  for (const auto& put : puts_of(put_texts)) {
    Input once = std::move(*input++);  // closed once it is staged
    const auto metadata = metadata_of(once.mode(), keep_special);
    BOOST_OUTCOME_TRY(put_all_of(transaction, put.path, once, metadata));
  }
  for (const auto& [path, text] : puts_of(symlink_texts)) {
    BOOST_OUTCOME_TRY(transaction.put_symlink(path, text));
  }
  for (const auto& path : removes) {  // what the tree does not have goes already
    BOOST_OUTCOME_TRY(mirror ? transaction.remove_all(path) : transaction.remove(path));
  }
  for (const auto& path : removes_all) {
    BOOST_OUTCOME_TRY(transaction.remove_all(path));
  }
  return success();
}

ExitStatus ApplyCommand::run() const {
  TransactionOptions options;
  options.protocol = protocol;
  options.durability = durability;
  options.refuse_read_only = refuse_read_only;
  options.private_directory = private_directory;
  options.lock_timeout_ms = lock_timeout_ms;
  const bool shown = !output.quiet && ::isatty(STDERR_FILENO) == 1;
  ByteProgress staging(*options.system.files, std::cerr, shown);
  options.system.files = &staging.files();
  std::unique_ptr<Progress> progress;
  options.progress = [&](std::uint64_t, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    staging.end();
    if (!progress) progress = std::make_unique<Progress>(std::cerr, shown, total, now, "paths");
    progress->advance(1, now);
  };
  // Before the root is touched, or even made.
  auto sources = open_sources();
  if (!sources) return report(sources.error(), output);
  auto transaction = Transaction::begin(root, options);
  if (!transaction) return report(transaction.error(), output);
  progress.reset();  // of a recovery
  tell_recovery(root, transaction.value().recovery());
  const auto staged = stage(transaction.value(), sources.value());
  if (!staged) {
    staging.end();
    return report(staged.error(), output);
  }
  staging.syncing();
  const auto receipt = transaction.value().commit();
  staging.end();
  progress.reset();
  if (!receipt) return report(receipt.error(), output);
  tell(receipt.value(), sources.value(), transaction.value().recovery());
  return ExitStatus::success;
}

void ApplyCommand::tell(const TransactionReceipt& receipt, const Sources& sources,
                        const RecoveryReport& recovery) const {
  const auto own = sources.tree ? sources.tree->left_out() : std::vector<std::string>();
  if (output.json) {
    boost::json::array left_alone;
    for (const auto& path : receipt.left_alone) left_alone.emplace_back(utf8(path));
    boost::json::array left_out;
    for (const auto& path : own) left_out.emplace_back(utf8(path));
    print(boost::json::object{{"fate", "done"},
                              {"id", receipt.id},
                              {"files", receipt.files},
                              {"bytes", receipt.bytes},
                              {"durability", to_string(durability)},
                              {"protocol", to_string(receipt.protocol)},
                              {"left_alone", std::move(left_alone)},
                              {"set_aside", utf8(receipt.set_aside)},
                              {"recovery", to_json(recovery)},
                              {"left_out", std::move(left_out)},
                              {"unchanged", sources.mirrored.unchanged},
                              {"confirmed", receipt.confirmed},
                              {"stages", stages_json(receipt.stages)}});
  } else if (!output.quiet) {
    const std::string unchanged =
        mirror ? ", " + std::to_string(sources.mirrored.unchanged) + " unchanged" : "";
    std::string left_out;
    for (const auto& path : own) {
      left_out += "  left out  " + printable(path) + " (perdure's own)\n";
    }
    print(printable(root) + ": committed " + std::to_string(receipt.files) +
          (receipt.files == 1 ? " path, " : " paths, ") + human_size(receipt.bytes) + ", " +
          std::string(to_string(receipt.protocol)) + ", " +
          milliseconds(stages_sum(receipt.stages)) + unchanged + "\n" + left_out);
  }
  for (const auto& path : receipt.left_alone) {
    tell_left_alone(path, receipt.set_aside);
  }
}

std::string check_put(const std::string& text, std::string_view source) {
  const auto equals = text.find('=');
  const bool complete = equals != std::string::npos && equals > 0 && equals + 1 < text.size();
  return complete ? std::string() : "'" + text + "' is not DEST=" + std::string(source);
}

std::string check_from(const std::string& text) {
  return text.empty() ? "--from '' names no directory" : std::string();
}

}  // namespace

void add_apply(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<ApplyCommand>();
  CLI::App* sub = app.add_subcommand("apply", "Commit many files beneath one root, all or none");
  sub->add_option("ROOT", command->root, "The directory that they lie beneath")
      ->required()
      ->type_name("");
  sub->add_option("--put", command->put_texts, "DEST, relative to ROOT, gets the content of SRC")
      ->type_name("DEST=SRC")
      ->allow_extra_args(false)
      ->check(CLI::Validator([](const std::string& text) { return check_put(text, "SRC"); }, ""));
  sub->add_option("--put-symlink", command->symlink_texts,
                  "DEST shall be a symbolic link that says TEXT")
      ->type_name("DEST=TEXT")
      ->allow_extra_args(false)
      ->check(CLI::Validator([](const std::string& text) { return check_put(text, "TEXT"); }, ""));
  sub->add_option("--remove", command->removes, "PATH, relative to ROOT, shall be gone")
      ->type_name("PATH")
      ->allow_extra_args(false);
  sub->add_option("--remove-all", command->removes_all,
                  "PATH shall be gone, a directory with all that is in it")
      ->type_name("PATH")
      ->allow_extra_args(false);
  CLI::Option* from = sub->add_option("--from", command->from,
                                      "Every file under DIR, at the same relative path; perdure's\n"
                                      "own (locks, temps, ...) are left out, and the holes of\n"
                                      "sparse files are filled. A link, a pipe or another mount\n"
                                      "in the tree is refused. New files and directories get the\n"
                                      "mode of the source less the umask, others keep their own")
                          ->type_name("DIR")
                          ->check(CLI::Validator(check_from, ""));
  sub->add_flag("--delete", command->mirror,
                "With --from: ROOT becomes what DIR is. What DIR does not\n"
                "have goes, except perdure's own; a file that has the\n"
                "content of its source stays as it is; a file makes room\n"
                "for a directory, and the other way round")
      ->needs(from);
  sub->add_flag("--symlinks", command->symlinks,
                "With --from: take the symbolic links of DIR as what they\n"
                "are. Each leads wherever its text says, so trust those\n"
                "who may write to DIR")
      ->needs(from);
  sub->add_flag("--parents", command->parents,
                "Make the directories that --put and --put-symlink need,\n"
                "if they are missing");
  add_keep_special_option(*sub, command->keep_special);
  sub->add_flag("--refuse-read-only", command->refuse_read_only,
                "Refuse to replace or remove a file that nobody may\n"
                "write to (mode 0444); without it such a file goes\n"
                "like any other");
  add_durability_option(*sub, command->durability,
                        "a power cut there leaves each file old or new, maybe\n"
                        "some of each");
  add_protocol_option(*sub, command->protocol);
  add_private_directory_option(*sub, command->private_directory);
  add_lock_timeout_option(*sub, command->lock_timeout_ms);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
