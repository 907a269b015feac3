// complaint: must be refused, and it compiled
// expect: heed: never
static_assert(true, "heed: never");
