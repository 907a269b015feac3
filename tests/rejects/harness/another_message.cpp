// complaint: no match for: heed: one
// expect: heed: two
// expect: heed: one
#ifndef REPAIRED
static_assert(false, "heed: two");  // a quoted line is no message; this one is quoted and says heed: one
#endif
