// complaint: the error must be a rule of heed
// expect: unknown
#ifndef REPAIRED
unknown heed;
#endif
