// SPDX-License-Identifier: MIT
#pragma once

#include "quantize/candidate.h"

namespace tessera::quantize {

/// Leaves layers in floating point until the outputs' ratio is at least `budget_db`: those first
/// that cost the outputs the most for each multiplication that float makes slower; in the end all.
Result<Candidate> meet_budget(Candidate candidate, const Calibration& calibration,
                              double budget_db);

}  // namespace tessera::quantize
