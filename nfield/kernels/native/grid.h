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

// Entries of the eight corners of the cells of kWidth points at one level, and the points' place in their cells.
INLINE void corners(const Grid& g, int l, vf x, vf y, vf z, vu index[8], vf& wx, vf& wy, vf& wz) {
  const vf s = splat(g.scale[l]), half = splat(0.5f);
  vf px = fused(x, s, half), py = fused(y, s, half), pz = fused(z, s, half);
  vf fx = vfloor(px), fy = vfloor(py), fz = vfloor(pz);
  wx = px - fx, wy = py - fy, wz = pz - fz;
  vu ix = (vu)__builtin_convertvector(fx, vi), iy = (vu)__builtin_convertvector(fy, vi), iz = (vu)__builtin_convertvector(fz, vi);
  const uint32_t n = (uint32_t)g.entries[l];
  if (g.hashed[l]) {
    vu y0 = iy * kPrimeY, z0 = iz * kPrimeZ, y1 = y0 + kPrimeY, z1 = z0 + kPrimeZ, x1 = ix + 1;
    vu a = y0 ^ z0, b = y1 ^ z0, c = y0 ^ z1, d = y1 ^ z1;
    const uint32_t mask = n - 1;
    index[0] = (ix ^ a) & mask, index[1] = (x1 ^ a) & mask, index[2] = (ix ^ b) & mask, index[3] = (x1 ^ b) & mask;
    index[4] = (ix ^ c) & mask, index[5] = (x1 ^ c) & mask, index[6] = (ix ^ d) & mask, index[7] = (x1 ^ d) & mask;
  } else {
    const uint32_t R = (uint32_t)g.resolution[l];
    vu b = ix + R * (iy + R * iz);
    const uint32_t step[8] = {0, 1, R, R + 1, R * R, R * R + 1, R * R + R, R * R + R + 1};
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {  // points lie in [0, 1], so one subtraction is the modulo
      vu i = b + step[c];
      index[c] = i >= n ? i - n : i;
    }
  }
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

// Features of `count` points (a multiple of kWidth) at one level; reads ahead up to `available` points to prefetch.
INLINE void encode_level(const Grid& g, const float* table, int l, const float* x, const float* y, const float* z, int count,
                         int available, float* f0, float* f1) {
  const float* t = table + 2 * g.offset[l];
  for (int s = 0; s < count; s += kWidth) {
    vu index[8];
    vf wx, wy, wz;
    corners(g, l, load(x + s), load(y + s), load(z + s), index, wx, wy, wz);
#if defined(__AVX512F__)
    {  // touch the lines of the next vector of points
      int next = s + kWidth < available ? s + kWidth : s;
      vu ahead[8];
      vf q0, q1, q2;
      corners(g, l, load(x + next), load(y + next), load(z + next), ahead, q0, q1, q2);
      alignas(64) uint32_t lanes[kWidth];
      for (int c = 0; c < 8; c++) {
        *(vu*)lanes = ahead[c];
#pragma GCC unroll 16
        for (int j = 0; j < kWidth; j++) prefetch(t + 2 * (size_t)lanes[j]);
      }
    }
    const __m512i low = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m512i high = _mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
    vf wl[8], wh[8];
    corner_weights((vf)_mm512_permutexvar_ps(low, (__m512)wx), (vf)_mm512_permutexvar_ps(low, (__m512)wy),
                   (vf)_mm512_permutexvar_ps(low, (__m512)wz), wl);
    corner_weights((vf)_mm512_permutexvar_ps(high, (__m512)wx), (vf)_mm512_permutexvar_ps(high, (__m512)wy),
                   (vf)_mm512_permutexvar_ps(high, (__m512)wz), wh);
    vf sl = {}, sh = {};
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
      __m512i i = (__m512i)index[c];
      sl += wl[c] * (vf)_mm512_i32gather_epi64(_mm512_castsi512_si256(i), t, 8);
      sh += wh[c] * (vf)_mm512_i32gather_epi64(_mm512_extracti64x4_epi64(i, 1), t, 8);
    }
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    store(f0 + s, (vf)_mm512_permutex2var_ps((__m512)sl, even, (__m512)sh));
    store(f1 + s, (vf)_mm512_permutex2var_ps((__m512)sl, odd, (__m512)sh));
#else
    (void)available;
    vf w[8];
    corner_weights(wx, wy, wz, w);
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
      f0[s + j] = a[0], f1[s + j] = a[1], f0[s + j + 1] = a[2], f1[s + j + 1] = a[3];
    }
#else
    for (int j = 0; j < kWidth; j++) {
      float a = 0, b = 0;
      for (int c = 0; c < 8; c++) {
        const float* q = t + 2 * (size_t)ib[c][j];
        a += wb[c][j] * q[0], b += wb[c][j] * q[1];
      }
      f0[s + j] = a, f1[s + j] = b;
    }
#endif
#endif
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
      vu index[8];
      vf wx, wy, wz, w[8];
      corners(g, l, load(x + s), load(y + s), load(z + s), index, wx, wy, wz);
      corner_weights(wx, wy, wz, w);
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
      vu index[8];
      vf wx, wy, wz, v[8];
      corners(g, l, load(x + s), load(y + s), load(z + s), index, wx, wy, wz);
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
