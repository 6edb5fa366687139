// What grids with nodes at both ends of [0, 1] share: places between nodes, rows of channels, and shares of the nodes.
#pragma once
#include <cstdint>
#include <vector>

#include "vec.h"

// N floats side by side.
template <int N>
struct LaneType {
  typedef float type __attribute__((vector_size(N * 4), aligned(4), may_alias));
};
template <int N>
using Lanes = typename LaneType<N>::type;
template <int N>
INLINE Lanes<N> take(const float* p) {
  return *(const Lanes<N>*)p;
}
template <int N>
INLINE void put(float* p, Lanes<N> v) {
  *(Lanes<N>*)p = v;
}
template <int N>
INLINE float total(Lanes<N> v) {
  float s = 0.f;
  for (int i = 0; i < N; i++) s += v[i];
  return s;
}

// The node at or before a coordinate and how far beyond it the coordinate lies; what is no number counts as 0.
struct Place {
  int cell;
  float part;
};
INLINE Place place(float unit, int nodes) {
  const float inside = unit > 0.f ? (unit < 1.f ? unit : 1.f) : 0.f, x = inside * (float)(nodes - 1);
  const int cell = std::min((int)x, nodes - 2);
  return {cell, x - (float)cell};
}

// A part of a row of channels that is held in one vector.
struct Chunk {
  int offset, width;
};

// A row as vectors of this build, then of 4, then single floats.
static inline std::vector<Chunk> chunks(int channels) {
  std::vector<Chunk> out;
  for (int c = 0; c < channels;) {
    const int left = channels - c, width = left >= kWidth ? kWidth : left >= 4 ? 4 : 1;
    out.push_back({c, width}), c += width;
  }
  return out;
}

// Calls f with the chunk's width as a type: f(std::integral_constant<int, width>).
template <typename F>
INLINE void with_width(int width, F f) {
  if (width == kWidth) f(std::integral_constant<int, kWidth>());
  else if (width == 4) f(std::integral_constant<int, 4>());
  else f(std::integral_constant<int, 1>());
}

// Borders that share out nodes 0 .. nodes - 1 among `parts` owners with about as many samples each. A sample in cell c
// touches nodes c and c + 1. Every node has one owner, who adds up its samples in their order: no race, and the same
// sum for any number of owners.
static inline std::vector<int> shares(const int* cell, long n, int nodes, int parts) {
  std::vector<int> borders(parts + 1, nodes);
  borders[0] = 0;
  if (parts == 1) return borders;
  std::vector<long> count(nodes + 1, 0);
  for (long s = 0; s < n; s++) count[cell[s]]++;
  long before = 0;
  int part = 1;
  for (int node = 0; node < nodes && part < parts; node++) {
    while (part < parts && before >= n * part / parts && node > 0) borders[part++] = node;
    before += count[node];
  }
  return borders;
}
