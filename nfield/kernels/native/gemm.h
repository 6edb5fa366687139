// Small matrix products on tiles that stay in cache: C[M][N] = A (M x K, any strides) * B (K x N, row stride ldb).
#pragma once
#include "vec.h"

constexpr int kTile = 128;  // samples in a tile; activations are [feature][sample]

enum class Act { kNone, kRelu, kMask };  // kMask: keep where `mask` is positive, the backward of ReLU

namespace gemm_detail {

template <int MB, int NV, bool ACC, Act ACT>
INLINE void micro(const float* A, long sam, long sak, const float* B, long ldb, float* C, long ldc, int K, const float* mask) {
  vf acc[MB][NV];
#pragma GCC unroll 16
  for (int m = 0; m < MB; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NV; v++) acc[m][v] = ACC ? load(C + m * ldc + v * kWidth) : (vf){};
  for (int k = 0; k < K; k++) {
    vf b[NV];
#pragma GCC unroll 16
    for (int v = 0; v < NV; v++) b[v] = load(B + k * ldb + v * kWidth);
#pragma GCC unroll 16
    for (int m = 0; m < MB; m++) {
      vf a = splat(A[m * sam + k * sak]);
#pragma GCC unroll 16
      for (int v = 0; v < NV; v++) acc[m][v] += a * b[v];
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < MB; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NV; v++) {
      vf r = acc[m][v];
      if (ACT == Act::kRelu) r = select(r > 0.f, r, (vf){});
      if (ACT == Act::kMask) r = select(load(mask + m * ldc + v * kWidth) > 0.f, r, (vf){});
      store(C + m * ldc + v * kWidth, r);
    }
}

// All rows of one column block of NV vectors, MB rows at a time; where M is a constant, only the remainder that it has.
template <int MB, int NV, bool ACC, Act ACT>
INLINE void column(int M, const float* A, long sam, long sak, const float* B, long ldb, float* C, long ldc, int K, const float* mask) {
  int m = 0;
  for (; m + MB <= M; m += MB)
    micro<MB, NV, ACC, ACT>(A + m * sam, sam, sak, B, ldb, C + m * ldc, ldc, K, mask ? mask + m * ldc : nullptr);
  A += m * sam, C += m * ldc, mask = mask ? mask + m * ldc : nullptr;
  static_assert(MB <= 8, "the switch below knows remainders of up to seven rows");
#define REST(rows) \
  case rows: return micro<rows, NV, ACC, ACT>(A, sam, sak, B, ldb, C, ldc, K, mask)
  switch (M - m) {
    REST(1);
    REST(2);
    REST(3);
    REST(4);
    REST(5);
    REST(6);
    REST(7);
    default: return;
  }
#undef REST
}

}  // namespace gemm_detail

// N must be a multiple of the vector width; mask has C's layout.
template <bool ACC, Act ACT>
INLINE void gemm(int M, int N, const float* A, long sam, long sak, const float* B, long ldb, float* C, long ldc, int K,
                 const float* mask = nullptr) {
  constexpr int MB = kWidth == 16 ? 6 : 4, NV = kWidth == 16 ? 4 : 2, block = NV * kWidth;
  int n = 0;
  for (; n + block <= N; n += block)
    gemm_detail::column<MB, NV, ACC, ACT>(M, A, sam, sak, B + n, ldb, C + n, ldc, K, mask ? mask + n : nullptr);
  const float *b = B + n, *k = mask ? mask + n : nullptr;
  float* c = C + n;
  switch ((N - n) / kWidth) {
    case 1: return gemm_detail::column<8, 1, ACC, ACT>(M, A, sam, sak, b, ldb, c, ldc, K, k);
    case 2: return gemm_detail::column<8, 2, ACC, ACT>(M, A, sam, sak, b, ldb, c, ldc, K, k);
    case 3: return gemm_detail::column<6, 3, ACC, ACT>(M, A, sam, sak, b, ldb, c, ldc, K, k);
    default: return;
  }
}

// [R][kTile] -> [kTile][R]; R is a multiple of the vector width.
static inline void transpose(int R, const float* __restrict in, float* __restrict out) {
#if defined(__AVX512F__)
  for (int r = 0; r < R; r += 16)
    for (int s = 0; s < kTile; s += 16) {
      __m512 a[16], b[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_ps(in + (r + i) * kTile + s);
#pragma GCC unroll 8
      for (int i = 0; i < 8; i++) {
        b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        __m512d p = (__m512d)b[4 * i], q = (__m512d)b[4 * i + 1], t = (__m512d)b[4 * i + 2], u = (__m512d)b[4 * i + 3];
        a[4 * i] = (__m512)_mm512_unpacklo_pd(p, t);
        a[4 * i + 1] = (__m512)_mm512_unpackhi_pd(p, t);
        a[4 * i + 2] = (__m512)_mm512_unpacklo_pd(q, u);
        a[4 * i + 3] = (__m512)_mm512_unpackhi_pd(q, u);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        b[i] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
        b[i + 4] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
        b[i + 8] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
        b[i + 12] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        a[i] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0x88);
        a[i + 8] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0xdd);
        a[i + 4] = _mm512_shuffle_f32x4(b[i + 4], b[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_f32x4(b[i + 4], b[i + 12], 0xdd);
      }
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) _mm512_storeu_ps(out + (s + i) * R + r, a[i]);
    }
#elif defined(__AVX2__)
  for (int r = 0; r < R; r += 8)
    for (int s = 0; s < kTile; s += 8) {
      __m256 a[8], b[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; i++) a[i] = _mm256_loadu_ps(in + (r + i) * kTile + s);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
      }
#pragma GCC unroll 2
      for (int i = 0; i < 2; i++) {
        a[4 * i] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
        a[4 * i + 1] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0xee);
        a[4 * i + 2] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
        a[4 * i + 3] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xee);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + (s + i) * R + r, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(out + (s + i + 4) * R + r, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
      }
    }
#else
  for (int s = 0; s < kTile; s++)
    for (int r = 0; r < R; r++) out[s * R + r] = in[r * kTile + s];
#endif
}
