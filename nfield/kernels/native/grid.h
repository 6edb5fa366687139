// Multiresolution hash grid with two features an entry, laid out as in tiny-cuda-nn.
//
// Level l has resolution[l] vertices an edge and entries[l] entries from offset[l] on. A vertex is found by
// x + y R + z R^2 where that fits, else by the hash, always modulo entries[l]; hashed levels have a power of two.
#pragma once
#include "arrays.h"
#include "gemm.h"

struct Grid {
  int levels;
  const float* scale;
  const int32_t* resolution;
  const int32_t* entries;
  const int32_t* hashed;
  const int64_t* offset;
};

// The arrays that Python passes for a grid, in this order.
#define GRID_PARAMETERS F32<1> scale, I32<1> resolution, I32<1> entries, I32<1> hashed, I64<1> offset
#define GRID_NAMES nb::arg("scale"), nb::arg("resolution"), nb::arg("entries"), nb::arg("hashed"), nb::arg("offset")
#define GRID_FROM_PARAMETERS \
  Grid { (int)scale.shape(0), scale.data(), resolution.data(), entries.data(), hashed.data(), offset.data() }

constexpr uint32_t kPrimeY = 2654435761u, kPrimeZ = 805459861u;

// The cells of kWidth points at one level, and the points' places in them.
struct Cells {
  vu x, y, z;
  vf wx, wy, wz;
};

INLINE Cells cells_of(float scale, vf x, vf y, vf z) {
  const vf s = splat(scale), half = splat(0.5f);
  vf px = fused(x, s, half), py = fused(y, s, half), pz = fused(z, s, half);
  vf fx = vfloor(px), fy = vfloor(py), fz = vfloor(pz);
  return {(vu)__builtin_convertvector(fx, vi), (vu)__builtin_convertvector(fy, vi), (vu)__builtin_convertvector(fz, vi),
          px - fx, py - fy, pz - fz};
}

// Entries of the eight corners of cells.
INLINE void corners(const Grid& g, int l, const Cells& at, vu index[8]) {
  const uint32_t n = (uint32_t)g.entries[l];
  if (g.hashed[l]) {
    vu y0 = at.y * kPrimeY, z0 = at.z * kPrimeZ, y1 = y0 + kPrimeY, z1 = z0 + kPrimeZ, x0 = at.x, x1 = x0 + 1;
    vu a = y0 ^ z0, b = y1 ^ z0, c = y0 ^ z1, d = y1 ^ z1;
    const uint32_t mask = n - 1;
    index[0] = (x0 ^ a) & mask, index[1] = (x1 ^ a) & mask, index[2] = (x0 ^ b) & mask, index[3] = (x1 ^ b) & mask;
    index[4] = (x0 ^ c) & mask, index[5] = (x1 ^ c) & mask, index[6] = (x0 ^ d) & mask, index[7] = (x1 ^ d) & mask;
  } else {
    const uint32_t R = (uint32_t)g.resolution[l];
    vu b = at.x + R * (at.y + R * at.z);
    const uint32_t step[8] = {0, 1, R, R + 1, R * R, R * R + 1, R * R + R, R * R + R + 1};
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {  // points lie in [0, 1], so one subtraction is the modulo
      vu i = b + step[c];
      index[c] = i >= n ? i - n : i;
    }
  }
}

// A bit for each point that lies in another cell than the one before it; the first bit is always set.
INLINE uint32_t run_starts(const Cells& at) {
  vi differs = (vi)(at.x != before(at.x)) | (vi)(at.y != before(at.y)) | (vi)(at.z != before(at.z));
  return bits(differs) | 1u;
}

INLINE void corner_weights(vf wx, vf wy, vf wz, vf w[8]) {
  vf ux = 1.f - wx, uy = 1.f - wy, uz = 1.f - wz;
  vf a = uy * uz, b = wy * uz, c = uy * wz, d = wy * wz;
  w[0] = ux * a, w[1] = wx * a, w[2] = ux * b, w[3] = wx * b, w[4] = ux * c, w[5] = wx * c, w[6] = ux * d, w[7] = wx * d;
}

INLINE float to_unit(float x) { return x > 0.f ? (x < 1.f ? x : 1.f) : 0.f; }  // NaN becomes 0

// kTile points (or fewer, padded) as three rows.
INLINE void load_points(const float* points, long first, int count, float* x, float* y, float* z) {
  for (int i = 0; i < count; i++) {
    const float* p = points + 3 * (first + i);
    x[i] = to_unit(p[0]), y[i] = to_unit(p[1]), z[i] = to_unit(p[2]);
  }
  for (int i = count; i < kTile; i++) x[i] = y[i] = z[i] = .5f;
}

// Features of points that lie in few cells, as samples along a ray do at all but the finest levels: a run of points in one
// cell shares eight entries, which are read once.
INLINE void encode_runs(const float* t, const vu index[8], const vf w[8], uint32_t starts, float* f0, float* f1) {
  alignas(64) uint32_t lanes[8][kWidth];
  for (int c = 0; c < 8; c++) *(vu*)lanes[c] = index[c];
  const vi lane = lane_numbers();
  vf a = {}, b = {};
  while (starts) {
    const int j = __builtin_ctz(starts);
    starts &= starts - 1;
    vf a0 = {}, a1 = {}, b0 = {}, b1 = {};
#pragma GCC unroll 4
    for (int c = 0; c < 8; c += 2) {
      const float *p = t + 2 * (size_t)lanes[c][j], *q = t + 2 * (size_t)lanes[c + 1][j];
      a0 += w[c] * p[0], b0 += w[c] * p[1], a1 += w[c + 1] * q[0], b1 += w[c + 1] * q[1];
    }
    const vi from_here = lane >= j;  // the next run overwrites what is not ours
    a = select(from_here, a0 + a1, a), b = select(from_here, b0 + b1, b);
  }
  store(f0, a), store(f1, b);
}

// Features of points in cells of their own.
INLINE void encode_each(const float* t, const vu index[8], const Cells& at, const vf w[8], float* f0, float* f1) {
#if defined(__AVX512F__)
  (void)w;
  const __m512i low = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512i high = _mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
  vf wl[8], wh[8];
  corner_weights((vf)_mm512_permutexvar_ps(low, (__m512)at.wx), (vf)_mm512_permutexvar_ps(low, (__m512)at.wy),
                 (vf)_mm512_permutexvar_ps(low, (__m512)at.wz), wl);
  corner_weights((vf)_mm512_permutexvar_ps(high, (__m512)at.wx), (vf)_mm512_permutexvar_ps(high, (__m512)at.wy),
                 (vf)_mm512_permutexvar_ps(high, (__m512)at.wz), wh);
  vf sl = {}, sh = {};
#pragma GCC unroll 8
  for (int c = 0; c < 8; c++) {
    __m512i i = (__m512i)index[c];
    sl += wl[c] * (vf)_mm512_i32gather_epi64(_mm512_castsi512_si256(i), t, 8);
    sh += wh[c] * (vf)_mm512_i32gather_epi64(_mm512_extracti64x4_epi64(i, 1), t, 8);
  }
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  store(f0, (vf)_mm512_permutex2var_ps((__m512)sl, even, (__m512)sh));
  store(f1, (vf)_mm512_permutex2var_ps((__m512)sl, odd, (__m512)sh));
#else
  (void)at;
  alignas(64) uint32_t ib[8][kWidth];
  alignas(64) float wb[8][kWidth];
  for (int c = 0; c < 8; c++) *(vu*)ib[c] = index[c], store(wb[c], w[c]);
#if defined(__AVX2__)
  for (int j = 0; j < kWidth; j += 2) {  // two points in one register
    __m128 a = _mm_setzero_ps();
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
      __m128 v = _mm_castpd_ps(
          _mm_loadh_pd(_mm_load_sd((const double*)(t + 2 * (size_t)ib[c][j])), (const double*)(t + 2 * (size_t)ib[c][j + 1])));
      __m128 ww = _mm_castpd_ps(_mm_load_sd((const double*)&wb[c][j]));
      a = _mm_fmadd_ps(_mm_unpacklo_ps(ww, ww), v, a);
    }
    f0[j] = a[0], f1[j] = a[1], f0[j + 1] = a[2], f1[j + 1] = a[3];
  }
#else
  for (int j = 0; j < kWidth; j++) {
    float a = 0, b = 0;
    for (int c = 0; c < 8; c++) {
      const float* q = t + 2 * (size_t)ib[c][j];
      a += wb[c][j] * q[0], b += wb[c][j] * q[1];
    }
    f0[j] = a, f1[j] = b;
  }
#endif
#endif
}

// Touches the entries that the next points will need: only AVX-512 reads so fast that this pays.
INLINE void prefetch_corners(const float* t, const vu index[8]) {
#if defined(__AVX512F__)
  alignas(64) uint32_t lanes[kWidth];
  for (int c = 0; c < 8; c++) {
    *(vu*)lanes = index[c];
#pragma GCC unroll 16
    for (int j = 0; j < kWidth; j++) prefetch(t + 2 * (size_t)lanes[j]);
  }
#else
  (void)t, (void)index;
#endif
}

// Up to so many runs in a vector of points, reading each run's entries once beats gathering for each point.
constexpr int kFewRuns = kWidth * 5 / 8;

// Features of `count` points (a multiple of kWidth) at one level; reads ahead up to `available` points to prefetch.
INLINE void encode_level(const Grid& g, const float* table, int l, const float* x, const float* y, const float* z, int count,
                         int available, float* f0, float* f1) {
  const float* t = table + 2 * g.offset[l];
  Cells at = cells_of(g.scale[l], load(x), load(y), load(z));
  vu index[8];
  corners(g, l, at, index);
  uint32_t starts = run_starts(at);
  bool few = __builtin_popcount(starts) <= kFewRuns;
  for (int s = 0; s < count; s += kWidth) {
    const int next = s + kWidth < available ? s + kWidth : s;
    const Cells then = cells_of(g.scale[l], load(x + next), load(y + next), load(z + next));
    vu ahead[8];
    corners(g, l, then, ahead);
    const uint32_t new_starts = run_starts(then);
    const bool few_ahead = __builtin_popcount(new_starts) <= kFewRuns;
    if (!few_ahead) prefetch_corners(t, ahead);
    vf w[8];
    corner_weights(at.wx, at.wy, at.wz, w);
    if (few)
      encode_runs(t, index, w, starts, f0 + s, f1 + s);
    else
      encode_each(t, index, at, w, f0 + s, f1 + s);
    at = then, starts = new_starts, few = few_ahead;
    for (int c = 0; c < 8; c++) index[c] = ahead[c];
  }
}

// Adds the gradients of all points at one level to the table. One owner a level, so no two threads meet and sums
// always run in the same order. grad0 and grad1 are the rows of tile 0; tiles lie `stride` floats apart.
static void scatter_level(const Grid& g, int l, const float* points, const float* grad0, const float* grad1, long stride, long n,
                          float* grad_table) {
  float* t = grad_table + 2 * g.offset[l];
  alignas(64) float x[kTile], y[kTile], z[kTile], wb[8][kWidth];
  alignas(64) uint32_t ib[8][kWidth];
  for (long s0 = 0; s0 < n; s0 += kTile) {
    int count = (int)std::min<long>(kTile, n - s0);
    load_points(points, s0, count, x, y, z);
    const float *d0 = grad0 + s0 / kTile * stride, *d1 = grad1 + s0 / kTile * stride;
    for (int s = 0; s < count; s += kWidth) {
      const Cells at = cells_of(g.scale[l], load(x + s), load(y + s), load(z + s));
      vu index[8];
      vf w[8];
      corners(g, l, at, index);
      corner_weights(at.wx, at.wy, at.wz, w);
      for (int c = 0; c < 8; c++) *(vu*)ib[c] = index[c], store(wb[c], w[c]);
      int m = std::min(kWidth, count - s);
      for (int j = 0; j < m; j++) {
#if defined(__SSE2__)
        __m128 ab = _mm_setr_ps(d0[s + j], d1[s + j], 0, 0);
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
          double* q = (double*)(t + 2 * (size_t)ib[c][j]);
          __m128 v = _mm_castpd_ps(_mm_load_sd(q));
          v = _mm_add_ps(v, _mm_mul_ps(_mm_set1_ps(wb[c][j]), ab));
          _mm_store_sd(q, _mm_castps_pd(v));
        }
#else
        for (int c = 0; c < 8; c++) {
          float* q = t + 2 * (size_t)ib[c][j];
          q[0] += wb[c][j] * d0[s + j], q[1] += wb[c][j] * d1[s + j];
        }
#endif
      }
    }
  }
}

// The table's gradient, levels shared out among threads; every entry is written.
static void scatter(const Grid& g, const float* points, const float* grad, long row, long tile, long n, float* grad_table, int threads) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int k = 0; k < g.levels; k++) {
    int l = g.levels - 1 - k;  // the finest, which cost most, first
    std::memset(grad_table + 2 * g.offset[l], 0, sizeof(float) * 2 * (size_t)(g.offset[l + 1] - g.offset[l]));
    scatter_level(g, l, points, grad + 2 * l * row, grad + (2 * l + 1) * row, tile, n, grad_table);
  }
}

// Gradient to the points of one tile, from gradients [2 levels][kTile]; zero where a point had to be clamped.
static void point_gradients(const Grid& g, const float* table, const float* points, long s0, int count, const float* grad, float* out) {
  alignas(64) float x[kTile], y[kTile], z[kTile], gx[kTile] = {}, gy[kTile] = {}, gz[kTile] = {};
  load_points(points, s0, count, x, y, z);
  for (int l = 0; l < g.levels; l++) {
    const float *t = table + 2 * g.offset[l], *d0 = grad + 2 * l * kTile, *d1 = d0 + kTile;
    for (int s = 0; s < kTile; s += kWidth) {
      const Cells at = cells_of(g.scale[l], load(x + s), load(y + s), load(z + s));
      const vf wx = at.wx, wy = at.wy, wz = at.wz;
      vu index[8];
      vf v[8];
      corners(g, l, at, index);
      for (int c = 0; c < 8; c++) {  // each corner's features along the gradient
        alignas(64) uint32_t ib[kWidth];
        alignas(64) float vb[kWidth];
        *(vu*)ib = index[c];
        for (int j = 0; j < kWidth; j++) {
          const float* q = t + 2 * (size_t)ib[j];
          vb[j] = d0[s + j] * q[0] + d1[s + j] * q[1];
        }
        v[c] = load(vb);
      }
      vf ux = 1.f - wx, uy = 1.f - wy, uz = 1.f - wz, k = splat(g.scale[l]);
      vf dx = uz * (uy * (v[1] - v[0]) + wy * (v[3] - v[2])) + wz * (uy * (v[5] - v[4]) + wy * (v[7] - v[6]));
      vf dy = uz * (ux * (v[2] - v[0]) + wx * (v[3] - v[1])) + wz * (ux * (v[6] - v[4]) + wx * (v[7] - v[5]));
      vf dz = uy * (ux * (v[4] - v[0]) + wx * (v[5] - v[1])) + wy * (ux * (v[6] - v[2]) + wx * (v[7] - v[3]));
      store(gx + s, load(gx + s) + k * dx), store(gy + s, load(gy + s) + k * dy), store(gz + s, load(gz + s) + k * dz);
    }
  }
  for (int i = 0; i < count; i++) {
    const float* p = points + 3 * (s0 + i);
    float* o = out + 3 * (s0 + i);
    const float to[3] = {gx[i], gy[i], gz[i]};
    for (int a = 0; a < 3; a++) o[a] = p[a] > 0.f && p[a] < 1.f ? to[a] : 0.f;
  }
}
