// SPDX-License-Identifier: BSL-1.0
// Commits 4 KiB to DIRECTORY/target COUNT times through one bound writer, the way that VARIANT
// says. For those who count its system calls from outside.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

#include <perdure/perdure.hpp>

namespace {

perdure::WriteOptions options_for(std::string_view variant) {
  perdure::WriteOptions options;
  if (variant == "fixed") options.metadata = perdure::Metadata::fixed(0644);
  if (variant == "keep") options.existing = perdure::ExistingPolicy::keep;
  if (variant == "backup") options.existing = perdure::ExistingPolicy::backup;
  if (variant == "coordinate") options.coordinate = true;
  if (variant == "version") options.report_version = true;
  if (variant == "verify") options.verify = true;
  if (variant == "ordered") options.durability = perdure::Durability::ordered;
  if (variant == "none") options.durability = perdure::Durability::none;
  return options;
}

perdure::Result<void> commit_all(std::string_view variant, const std::string& directory,
                                 int count) {
  const perdure::WriteOptions options = options_for(variant);
  BOOST_OUTCOME_TRY(const auto writer, perdure::AtomicWriter::bind(directory, options));
  const std::string image(4096, 'x');
  perdure::Version version;
  if (variant == "expect") {
    BOOST_OUTCOME_TRY(version, perdure::read_version(directory + "/target"));
  }
  for (int i = 0; i < count; ++i) {
    if (variant == "keep") ::unlink((directory + "/target").c_str());
    if (variant == "stream") {
      BOOST_OUTCOME_TRY(auto file, perdure::AtomicFile::create(directory + "/target", options));
      BOOST_OUTCOME_TRY(file.write(perdure::as_bytes(image)));
      BOOST_OUTCOME_TRY(file.commit());
    } else if (variant == "expect") {
      BOOST_OUTCOME_TRY(const auto receipt, writer.commit("target", image, {.expected = version}));
      version = receipt.version;
    } else {
      BOOST_OUTCOME_TRY(writer.commit("target", image));
    }
  }
  return perdure::success();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto done = commit_all(argv[1], argv[2], std::atoi(argv[3]));
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
