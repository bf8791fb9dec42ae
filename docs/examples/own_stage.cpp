// SPDX-License-Identifier: BSL-1.0
// A pipeline with two stages of one's own: one refuses content before it is visible, the other
// tells who waits for it once it is durable.
#include <iostream>
#include <string>
#include <string_view>

#include <perdure/perdure.hpp>

namespace pd = perdure;

namespace {

/// Refuses a configuration without an end, whatever made it.
struct CheckEnd {
  static constexpr std::string_view name = "check the end";
  static constexpr pd::Fact needs = pd::Fact::image;  // behind Serialize
  static constexpr pd::Fact gives = pd::Fact::none;

  pd::Result<void> run(pd::Commit& commit) const {
    if (pd::as_text(commit.image).ends_with("# end\n")) return pd::success();
    return commit.failure(name, pd::ErrorKind::serializer, "it does not end with '# end'");
  }
};

/// Runs when no power cut can undo the commit any more: the compiler sees to that.
struct Tell {
  static constexpr std::string_view name = "tell";
  static constexpr pd::Fact needs =
      pd::Fact::published | pd::Fact::durable_content | pd::Fact::durable_name;
  static constexpr pd::Fact gives = pd::Fact::none;

  pd::Result<void> run(pd::Commit& commit) const {
    std::cout << commit.path << ": " << commit.written << " bytes are durable\n";
    return pd::success();
  }
};

pd::Result<void> run() {
  const pd::Pipeline stages(pd::Serialize{}, CheckEnd{}, pd::CreateTemp{}, pd::Write{},
                            pd::ApplyMetadata{}, pd::SyncFile{}, pd::Rename{}, pd::SyncParent{},
                            Tell{});
  BOOST_OUTCOME_TRY(auto writer, pd::AtomicWriter::bind("etc", stages, {.make_parents = true}));
  BOOST_OUTCOME_TRY(writer.commit("a.conf", "limit = 8\n# end\n"));
  const auto refused = writer.commit("a.conf", "limit = ");
  if (refused) return pd::Error::serializer("half a file went through");
  std::cout << refused.error() << '\n';
  BOOST_OUTCOME_TRY(const auto content, pd::read_file("etc/a.conf"));
  if (pd::as_text(content.bytes) == "limit = 8\n# end\n") return pd::success();
  return pd::Error::corrupt("the refused content is there");
}

}  // namespace

int main() {
  const auto done = run();
  if (!done) std::cerr << done.error() << '\n';
  return done ? 0 : 1;
}
