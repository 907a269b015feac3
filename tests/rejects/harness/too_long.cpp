// complaint-g++: lines of diagnostic are more than 15
// expect: heed: deep
template <class T>
struct level_0 {
  static_assert(sizeof(T) != 1, "heed: deep");
  static constexpr int value = 0;
};
#define LEVEL(above, below) \
  template <class T>        \
  struct level_##above {    \
    static constexpr int value = level_##below<T>::value; \
  };
LEVEL(1, 0) LEVEL(2, 1) LEVEL(3, 2) LEVEL(4, 3) LEVEL(5, 4) LEVEL(6, 5)
LEVEL(7, 6) LEVEL(8, 7) LEVEL(9, 8) LEVEL(10, 9) LEVEL(11, 10)
#ifndef REPAIRED
static_assert(level_11<char>::value == 0);
#endif
