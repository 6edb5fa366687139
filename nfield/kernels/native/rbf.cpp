// Radial bases: values of the K kernels near each point, and the features that they mix, forward and backward.
//
// out[p][c] = sum over k of s(phi[p][k], c) * w[index[p][k]][c], where s is the value itself or the sine of it times
// the channel's frequency. Sines are recomputed in the backward pass. The features' gradient is summed kernel by
// kernel from the transposed neighbour lists: one owner a kernel, no atomics, the same sum every time.
#include <omp.h>

#include <vector>

#include "arrays.h"
#include "vec.h"

namespace {

enum Kind { kInverseQuadratic, kTent, kRotatedTent, kInverseMultiquadric, kGaussian };  // as in nfield/kernels/rbf.py

constexpr float kSmallest = 1e-8f;

template <int D>
INLINE float quadratic(const float* d, const float* a) {  // d^T A d from A's upper triangle, row by row
  if (D == 2) return a[0] * d[0] * d[0] + 2.f * a[1] * d[0] * d[1] + a[2] * d[1] * d[1];
  return a[0] * d[0] * d[0] + a[3] * d[1] * d[1] + a[5] * d[2] * d[2] +
         2.f * (a[1] * d[0] * d[1] + a[2] * d[0] * d[2] + a[4] * d[1] * d[2]);
}

INLINE float tent(float x) { return std::max(0.f, 1.f - std::fabs(x)); }

template <int D>
INLINE float value(int kind, const float* d, const float* shape) {
  switch (kind) {
    case kInverseQuadratic:
      return 1.f / (1.f + quadratic<D>(d, shape));
    case kInverseMultiquadric:
      return 1.f / std::sqrt(1.f + quadratic<D>(d, shape));
    case kGaussian:
      return std::exp(-0.5f * quadratic<D>(d, shape));
    case kTent: {
      float v = 1.f;
      for (int a = 0; a < D; a++) v *= tent(shape[0] * d[a]);
      return v;
    }
    default: {
      float v = 1.f;
      for (int r = 0; r < D; r++) {
        float along = 0.f;
        for (int a = 0; a < D; a++) along += shape[r * D + a] * d[a];
        v *= tent(along);
      }
      return v;
    }
  }
}

template <int D>
void values(const float* points, const float* centers, const float* shapes, long numbers, const int32_t* index, int count, int kind,
            bool normalize, long n, float* out, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long p = 0; p < n; p++) {
    const float* x = points + D * p;
    float *o = out + p * count, total = kSmallest;
    for (int k = 0; k < count; k++) {
      const long i = index[p * count + k];
      float d[D];
      for (int a = 0; a < D; a++) d[a] = x[a] - centers[D * i + a];
      o[k] = value<D>(kind, d, shapes + numbers * i);
      total += o[k];
    }
    if (normalize)
      for (int k = 0; k < count; k++) o[k] /= total;
  }
}

void rbf_values(F32<2> points, F32<2> centers, F32<2> shapes, I32<2> index, int kind, bool normalize, F32Out<2> out, int threads) {
  const auto run = points.shape(1) == 3 ? values<3> : values<2>;
  run(points.data(), centers.data(), shapes.data(), (long)shapes.shape(1), index.data(), (int)index.shape(1), kind, normalize,
      (long)points.shape(0), out.data(), threads);
}

template <bool SINES>
INLINE vf basis(float phi, const float* frequency) {
  return SINES ? vsin(load(frequency) * phi) : splat(phi);
}

// NV vectors of channels from c on.
template <int NV, bool SINES>
INLINE void mix_channels(const float* phi, const int32_t* index, int count, const float* features, long channels, const float* frequencies,
                         float* out) {
  vf total[NV] = {};
  for (int k = 0; k < count; k++) {
    const float* w = features + channels * index[k];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) total[v] += basis<SINES>(phi[k], frequencies + v * kWidth) * load(w + v * kWidth);
  }
  for (int v = 0; v < NV; v++) store(out + v * kWidth, total[v]);
}

template <int NV, bool SINES>
INLINE void gather_channels(const int32_t* pairs, long from, long to, int count, const float* phi, const float* grad, long channels,
                            const float* frequencies, float* out) {
  vf total[NV] = {};
  for (long j = from; j < to; j++) {
    const int32_t pair = pairs[j];
    const float* g = grad + channels * (pair / count);
    if (j + 8 < to) prefetch(grad + channels * (pairs[j + 8] / count));
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) total[v] += basis<SINES>(phi[pair], frequencies + v * kWidth) * load(g + v * kWidth);
  }
  for (int v = 0; v < NV; v++) store(out + v * kWidth, total[v]);
}

// Calls with the number of vectors to take at once, and the channel to begin at.
template <typename F>
INLINE void by_blocks(long channels, F&& call) {
  long c = 0;
  for (; c + 2 * kWidth <= channels; c += 2 * kWidth) call(std::integral_constant<int, 2>(), c);
  for (; c < channels; c += kWidth) call(std::integral_constant<int, 1>(), c);
}

template <typename F>
INLINE void with_sines(bool sines, F&& call) {
  return sines ? call(std::true_type()) : call(std::false_type());
}

void rbf_mix(F32<2> features, F32<2> phi, I32<2> index, F32<1> frequencies, F32Out<2> out, int threads) {
  const long n = phi.shape(0), channels = features.shape(1);
  const int count = (int)phi.shape(1);
  const float *w = features.data(), *f = frequencies.data(), *values = phi.data();
  const int32_t* i = index.data();
  float* o = out.data();
  with_sines(frequencies.shape(0) > 0, [&](auto sines) {
#pragma omp parallel for schedule(dynamic, 512) num_threads(threads)
    for (long p = 0; p < n; p++)
      by_blocks(channels, [&](auto vectors, long c) {
        mix_channels<vectors.value, sines.value>(values + p * count, i + p * count, count, w + c, channels, f + (sines.value ? c : 0),
                                                 o + p * channels + c);
      });
  });
}

// start and pairs are the transposed lists: the places in `phi` where each kernel is a neighbour.
void rbf_mix_backward(F32<2> phi, F32<1> frequencies, I64<1> start, I32<1> pairs, F32<2> grad, F32Out<2> grad_features, int threads) {
  const long kernels = grad_features.shape(0), channels = grad_features.shape(1);
  const int count = (int)phi.shape(1);
  const float *f = frequencies.data(), *values = phi.data(), *g = grad.data();
  const int64_t* s = start.data();
  const int32_t* j = pairs.data();
  float* o = grad_features.data();
  with_sines(frequencies.shape(0) > 0, [&](auto sines) {
#pragma omp parallel for schedule(dynamic, 32) num_threads(threads)
    for (long i = 0; i < kernels; i++)
      by_blocks(channels, [&](auto vectors, long c) {
        gather_channels<vectors.value, sines.value>(j, s[i], s[i + 1], count, values, g + c, channels, f + (sines.value ? c : 0),
                                                    o + i * channels + c);
      });
  });
}

// Sorts the places of `index` by the kernel that they name, in their order; start has one entry more than kernels.
void rbf_transpose(I32<2> index, I64Out<1> start, I32Out<1> pairs, int threads) {
  const long places = (long)index.shape(0) * index.shape(1), kernels = (long)start.shape(0) - 1;
  const int32_t* i = index.data();
  const long parts = std::max<long>(1, std::min<long>(threads, places / 4096));
  std::vector<std::vector<int64_t>> counts(parts, std::vector<int64_t>(kernels, 0));
  const auto from = [&](long part) { return places * part / parts; };
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (long t = 0; t < parts; t++)
    for (long j = from(t); j < from(t + 1); j++) counts[t][i[j]]++;
  int64_t total = 0, *s = start.data();
  for (long k = 0; k < kernels; k++) {
    s[k] = total;
    for (long t = 0; t < parts; t++) {
      const int64_t here = counts[t][k];
      counts[t][k] = total, total += here;
    }
  }
  s[kernels] = total;
  int32_t* out = pairs.data();
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (long t = 0; t < parts; t++)
    for (long j = from(t); j < from(t + 1); j++) out[counts[t][i[j]]++] = (int32_t)j;
}

}  // namespace

void register_rbf(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("rbf_values", &rbf_values, nb::arg("points"), nb::arg("centers"), nb::arg("shapes"), nb::arg("index"), nb::arg("kind"),
        nb::arg("normalize"), nb::arg("out"), nb::arg("threads"), guard);
  m.def("rbf_mix", &rbf_mix, nb::arg("features"), nb::arg("phi"), nb::arg("index"), nb::arg("frequencies"), nb::arg("out"),
        nb::arg("threads"), guard);
  m.def("rbf_mix_backward", &rbf_mix_backward, nb::arg("phi"), nb::arg("frequencies"), nb::arg("start"), nb::arg("pairs"),
        nb::arg("grad"), nb::arg("grad_features"), nb::arg("threads"), guard);
  m.def("rbf_transpose", &rbf_transpose, nb::arg("index"), nb::arg("start"), nb::arg("pairs"), nb::arg("threads"), guard);
}
