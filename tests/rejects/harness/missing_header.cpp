// complaint: the error must be a rule of heed
// expect: missing
#ifndef REPAIRED
#include "missing.hpp"
#endif
