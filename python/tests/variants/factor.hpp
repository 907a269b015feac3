#pragma once
constexpr int factor = 2;
