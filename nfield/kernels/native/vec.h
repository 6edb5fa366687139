// Vectors of the width of this build, through gcc vector extensions: 16 floats (AVX-512), 8 (AVX2) or 4.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX2__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif

typedef float vf __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef uint32_t vu __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

INLINE vf load(const float* p) { return *(const vf*)p; }
INLINE void store(float* p, vf v) { *(vf*)p = v; }
INLINE vf splat(float x) { return x - (vf){}; }
INLINE vf select(vi mask, vf a, vf b) { return mask ? a : b; }

INLINE vi lane_numbers() {
  vi n;
  for (int i = 0; i < kWidth; i++) n[i] = i;
  return n;
}

// Each lane's neighbour on the left; the first lane gets the last one's.
INLINE vu before(vu v) {
#if defined(__AVX512F__)
  return (vu)_mm512_alignr_epi32((__m512i)v, (__m512i)v, kWidth - 1);
#elif defined(__AVX2__)
  return (vu)_mm256_permutevar8x32_epi32((__m256i)v, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6));
#else
  vu r;
  for (int i = 0; i < kWidth; i++) r[i] = v[(i + kWidth - 1) % kWidth];
  return r;
#endif
}

// A bit for each lane of a comparison's result.
INLINE uint32_t bits(vi mask) {
#if defined(__AVX512F__)
  return (uint32_t)_mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__)
  return (uint32_t)_mm256_movemask_ps((__m256)mask);
#else
  uint32_t r = 0;
  for (int i = 0; i < kWidth; i++) r |= (mask[i] != 0 ? 1u : 0u) << i;
  return r;
#endif
}

INLINE vf vfloor(vf x) {
#if defined(__AVX512F__)
  return (vf)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
  return (vf)_mm256_floor_ps((__m256)x);
#else
  vf r;
  for (int i = 0; i < kWidth; i++) r[i] = std::floor(x[i]);
  return r;
#endif
}

// a * b + c with one rounding, as tiny-cuda-nn computes grid coordinates.
INLINE vf fused(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  vf r;  // the product of two floats is exact in double
  for (int i = 0; i < kWidth; i++) r[i] = (float)((double)a[i] * (double)b[i] + (double)c[i]);
  return r;
#endif
}

// exp to about 1 ulp on [-87, 88], clamped outside (Cephes' expf).
INLINE vf vexp(vf x) {
  x = select(x > 88.f, splat(88.f), x);
  x = select(x < -87.f, splat(-87.f), x);
  vf n = vfloor(x * 1.44269504088896341f + 0.5f);
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  vi e = (__builtin_convertvector(n, vi) + 127) << 23;
  return p * (vf)e;
}

INLINE vf vsigmoid(vf x) { return 1.f / (1.f + vexp(-x)); }

// sin(x + quarter * pi / 2) for quarter 0 (sine) or 1 (cosine), to about 1e-7 for |x| up to 10^4.
INLINE vf vsine(vf x, float quarter) {
  // The nearest multiple of pi in three parts, so that its subtraction leaves no error that counts.
  vf n = vfloor(x * 0.318309886183790672f + 0.5f * quarter + 0.5f);
  vf turns = n - 0.5f * quarter;
  vf r = fused(turns, splat(-3.140625f), x);
  r = fused(turns, splat(-9.6702575683593750e-4f), r);
  r = fused(turns, splat(-6.2771141529083252e-7f), r);
  r = fused(turns, splat(-1.2154201256553420e-10f), r);
  vf s = r * r;
  vf p = splat(2.6083159809786593541503e-6f);
  p = p * s - 1.981069071916863322258e-4f;
  p = p * s + 8.33307858556509017944336e-3f;
  p = p * s - 1.66666597127914428710938e-1f;
  r = p * s * r + r;
  vi odd = __builtin_convertvector(n, vi) & 1;
  return odd ? -r : r;
}

INLINE vf vsin(vf x) { return vsine(x, 0.f); }
INLINE vf vcos(vf x) { return vsine(x, 1.f); }

INLINE float sum(vf v) {
  float s = 0;
  for (int i = 0; i < kWidth; i++) s += v[i];
  return s;
}

// Lines of memory that will be read soon.
INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }
