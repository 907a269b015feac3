// A program of somebody else's, with nothing but heed.
#include <heed/heed.hpp>

int main() { return 0; }
