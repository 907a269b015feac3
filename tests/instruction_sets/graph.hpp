// What the two compilations of graph.cpp offer: an element each of attention, of a row region, and of the latter's
// reference.
#pragma once
#include <array>
#include <heed/memory/tensor.hpp>

std::array<double, 3> lower(const heed::tensor<float>& input);
std::array<double, 3> higher(const heed::tensor<float>& input);
