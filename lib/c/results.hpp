// SPDX-License-Identifier: BSL-1.0
// The handles of the C interface that never change: receipts, contents, reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/perdure.h>
#include <perdure/recovery_report.hpp>

struct perdure_receipt {
  std::uint64_t bytes = 0;
  int durability = PERDURE_DURABILITY_DURABLE;
  int protocol = PERDURE_PROTOCOL_PORTABLE;
  std::string version;
  std::uint64_t generation = 0;
  std::vector<std::string> left_alone;
  std::string set_aside;
};

struct perdure_content {
  perdure::Buffer bytes;
  std::string version;
  std::uint64_t generation = 0;
  int origin = PERDURE_ORIGIN_NOTHING;
};

struct perdure_report {
  perdure::RecoveryReport report;
};
