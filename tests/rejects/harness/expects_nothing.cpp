// complaint: the program expects nothing
#ifndef REPAIRED
static_assert(false, "heed: something");
#endif
