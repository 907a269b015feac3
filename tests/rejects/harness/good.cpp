// expect: heed: \[half; open\) and ]closed
// expect-g++: static assertion failed: heed:
// expect-clang: static assertion failed.*: heed:
#ifndef REPAIRED
static_assert(false, "heed: [half; open) and ]closed");
#endif
