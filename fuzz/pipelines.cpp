// SPDX-License-Identifier: BSL-1.0
// Pipelines of stages in an order that the compiler would take, whatever it is: the preset, stage
// by stage which of the legal ones comes next, then the crash. What is legal must hold.
#include <array>
#include <vector>

#include "crash.hpp"

namespace perdure::fuzz {

namespace {

/// A stage as a value, from the one table that there is of them.
struct Known {
  Fact needs = Fact::none;
  Fact gives = Fact::none;
  Fact drops = Fact::none;
  Protocol protocol = Protocol::portable;
  Result<void> (*run)(Commit& commit) = nullptr;
};

template <class S>
constexpr Known known() {
  return {S::needs, S::gives, dropped_by<S>(), protocol_of<S>(),
          [](Commit& commit) { return S{}.run(commit); }};
}

constexpr std::array stages{known<Serialize>(),    known<CreateTemp>(),    known<Write>(),
                            known<WriteThrough>(), known<ApplyMetadata>(), known<SyncFile>(),
                            known<Verify>(),       known<Rename>(),        known<RenameUnordered>(),
                            known<SyncParent>(),   known<SyncPublished>()};

/// All of them, as one stage that gives what they give.
template <Fact facts, Protocol by>
struct Row {
  static constexpr std::string_view name = "row";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = facts;
  static constexpr Protocol protocol = by;
  std::vector<Known> steps;

  Result<void> run(Commit& commit) const {
    for (const Known& step : steps) {
      BOOST_OUTCOME_TRY(step.run(commit));
    }
    return success();
  }
};

template <Fact facts>
AnyPipeline pipeline_of(std::vector<Known> steps, Protocol protocol) {
  if (protocol == Protocol::fast) {
    return Pipeline<Row<facts, Protocol::fast>>(Row<facts, Protocol::fast>{std::move(steps)});
  }
  return Pipeline<Row<facts, Protocol::portable>>(Row<facts, Protocol::portable>{std::move(steps)});
}

/// Two commits of a value: here Serialize has something to do.
std::function<void(testing::Session&)> serialized_commits(const AnyPipeline& pipeline,
                                                          bool strict) {
  return [=](testing::Session& session) {
    for (const char letter : {'b', 'c'}) {
      const std::string content = test::content_of(letter, 5000);
      const auto done = session.commit("d/t", content, pipeline.durability(), [&] {
        const auto writer = AtomicWriter::bind("/d", pipeline, {}, session.system());
        return writer ? writer.value().commit("t", content, Text()) : writer.error();
      });
      if (strict && !done) session.wrong(done.error().message());
    }
  };
}

void check(Feed feed) {
  const testing::Preset& preset = *feed.one_of(testing::all_presets());
  std::vector<Known> steps;
  Fact have = Fact::none;
  Protocol protocol = Protocol::portable;
  constexpr std::size_t steps_max = 16;
  for (std::size_t count = feed.below(steps_max); count > 0; --count) {
    std::vector<Known> legal;
    for (const Known& stage : stages) {
      const bool again =
          has(stage.gives, Fact::temp) && (has(have, Fact::temp) || has(have, Fact::published));
      if (has(have, stage.needs) && !again) legal.push_back(stage);
    }
    const Known& next = feed.one_of(legal);
    have = without(have, next.drops) | next.gives;
    if (next.protocol == Protocol::fast) protocol = Protocol::fast;
    steps.push_back(next);
  }
  if (!has(have, Fact::published)) return;  // does not compile
  constexpr Fact durable =
      Fact::published | Fact::ordered | Fact::durable_content | Fact::durable_name;
  const AnyPipeline pipeline =
      has(have, Fact::durable_content | Fact::durable_name)
          ? pipeline_of<durable>(std::move(steps), protocol)
      : has(have, Fact::ordered)
          ? pipeline_of<Fact::published | Fact::ordered>(std::move(steps), protocol)
          : pipeline_of<Fact::published>(std::move(steps), protocol);
  WriteOptions options;
  options.durability = pipeline.durability();
  // Stages of `fast` are refused where it is not known to hold.
  const bool allowed = protocol != Protocol::fast || preset.awaited_ordered;
  test::Proof proof = test::replace_proof("pipeline", options, pipeline, allowed);
  if (feed.flag()) proof.workload.actors = {serialized_commits(pipeline, allowed)};
  crash(proof, preset, {}, feed);
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::Feed(data, size));
  return 0;
}
