// SPDX-License-Identifier: BSL-1.0
// The accessors of receipts, contents and reports of the C interface.
#include "c/results.hpp"

#include "c/numbers.hpp"

namespace {

const char* text_at(const std::vector<std::string>& texts, std::size_t index) {
  return index < texts.size() ? texts[index].c_str() : "";
}

/// The path of that number; null if there is none.
const perdure::RecoveredPath* path_at(const perdure_report* report, std::size_t index) {
  if (report == nullptr || index >= report->report.paths.size()) return nullptr;
  return &report->report.paths[index];
}

}  // namespace

uint64_t perdure_receipt_bytes(const perdure_receipt* receipt) {
  return receipt == nullptr ? 0 : receipt->bytes;
}

int perdure_receipt_durability(const perdure_receipt* receipt) {
  return receipt == nullptr ? 0 : receipt->durability;
}

int perdure_receipt_protocol(const perdure_receipt* receipt) {
  return receipt == nullptr ? 0 : receipt->protocol;
}

const char* perdure_receipt_version(const perdure_receipt* receipt) {
  return receipt == nullptr ? "" : receipt->version.c_str();
}

uint64_t perdure_receipt_generation(const perdure_receipt* receipt) {
  return receipt == nullptr ? 0 : receipt->generation;
}

size_t perdure_receipt_left_alone_count(const perdure_receipt* receipt) {
  return receipt == nullptr ? 0 : receipt->left_alone.size();
}

const char* perdure_receipt_left_alone(const perdure_receipt* receipt, size_t index) {
  return receipt == nullptr ? "" : text_at(receipt->left_alone, index);
}

const char* perdure_receipt_set_aside(const perdure_receipt* receipt) {
  return receipt == nullptr ? "" : receipt->set_aside.c_str();
}

void perdure_receipt_free(perdure_receipt* receipt) {
  delete receipt;
}

const void* perdure_content_bytes(const perdure_content* content) {
  return content == nullptr || content->bytes.empty() ? static_cast<const void*>("")
                                                      : content->bytes.data();
}

size_t perdure_content_size(const perdure_content* content) {
  return content == nullptr ? 0 : content->bytes.size();
}

const char* perdure_content_version(const perdure_content* content) {
  return content == nullptr ? "" : content->version.c_str();
}

uint64_t perdure_content_generation(const perdure_content* content) {
  return content == nullptr ? 0 : content->generation;
}

int perdure_content_origin(const perdure_content* content) {
  return content == nullptr ? PERDURE_ORIGIN_NOTHING : content->origin;
}

void perdure_content_free(perdure_content* content) {
  delete content;
}

int perdure_report_recovered(const perdure_report* report) {
  return report != nullptr && report->report.journal ? 1 : 0;
}

int perdure_report_restored(const perdure_report* report) {
  return report != nullptr && report->report.restored ? 1 : 0;
}

int perdure_report_unreadable(const perdure_report* report) {
  return report != nullptr && report->report.unreadable ? 1 : 0;
}

size_t perdure_report_count(const perdure_report* report) {
  return report == nullptr ? 0 : report->report.paths.size();
}

const char* perdure_report_path(const perdure_report* report, size_t index) {
  const auto* const found = path_at(report, index);
  return found == nullptr ? "" : found->path.c_str();
}

int perdure_report_step(const perdure_report* report, size_t index) {
  const auto* const found = path_at(report, index);
  return found == nullptr ? PERDURE_STEP_NONE : perdure::c::number_of(found->step);
}

const char* perdure_report_kept(const perdure_report* report, size_t index) {
  const auto* const found = path_at(report, index);
  return found == nullptr ? "" : found->kept.c_str();
}

void perdure_report_free(perdure_report* report) {
  delete report;
}
