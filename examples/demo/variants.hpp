// Three attention variants, fused and unfused, timed against the machine's FMA peak.
#pragma once

// Prints a line a variant; false if one is farther than 16 error units from the oracle.
bool compare_variants();
