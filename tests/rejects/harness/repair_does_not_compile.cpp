// complaint: the repaired program must compile
// expect: heed: always
static_assert(false, "heed: always");
