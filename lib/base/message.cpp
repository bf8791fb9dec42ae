// SPDX-License-Identifier: BSL-1.0
// Turns an error into a sentence: path, step, cause, fate, advice.
#include <perdure/error.hpp>

#include "base/advice.hpp"

namespace perdure {
namespace {

std::string_view sentence(const Error& error) {
  switch (error.fate) {
    case Fate::unchanged:
      return "the target is unchanged";
    case Fate::visible:
      return "the new state is in place, but a power cut may still undo it";
    case Fate::durable:
      return "the new state is in place and durable, and only a step behind that failed";
    case Fate::committed:
      // A recovery that was refused waits for a person.
      return error.kind == ErrorKind::recovery_required
                 ? "the transaction is durable, but maybe not all of it is in place"
                 : "the transaction is durable, but maybe not all of it is in place: recovery "
                   "finishes it";
    case Fate::unknown:
      return "whether the target is old or new is not known: read it again";
  }
  return "";
}

}  // namespace

std::string Error::message() const {
  const Advice* const row = advice_for(*this);
  std::string text;
  if (!path.empty()) text.append("'").append(path).append("': ");
  text += "could not " + (step.empty() ? std::string("do it") : step) + ": ";
  const bool better = row != nullptr && !row->instead.empty();
  if (cause) text += better ? std::string(row->instead) : cause.message();
  if (cause && !detail.empty()) text += " (" + detail + ")";
  if (!cause) text += detail.empty() ? std::string(to_string(kind)) : detail;
  if (!reading || fate != Fate::unchanged) text.append("; ").append(sentence(*this));
  if (row != nullptr) text.append("; ").append(row->words);
  return text;
}

}  // namespace perdure
