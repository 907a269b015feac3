// complaint: one mistake must give one error, not 2
// expect: heed: first
#ifndef REPAIRED
static_assert(false, "heed: first");
static_assert(false, "heed: second");
#endif
