// The distortion of packed weights and its slope to each of them, in two passes over a ray.
#include "arrays.h"

namespace {

// L = sum_ij w_i w_j |m_i - m_j| + 1/3 sum_i w_i^2 d_i. Double precision: the sums cancel where weights lie together.
void distortion(F32<1> weights, F32<1> s0, F32<1> s1, I64<1> offsets, F32Out<1> loss, F32Out<1> slopes, int threads) {
  const float *w = weights.data(), *a = s0.data(), *b = s1.data();
  const int64_t* first = offsets.data();
  float *out = loss.data(), *slope = slopes.data();
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (long r = 0; r < (long)offsets.shape(0) - 1; r++) {
    double all = 0, moment = 0, total = 0;  // sums of w and w m
    for (int64_t s = first[r]; s < first[r + 1]; s++) all += w[s], moment += w[s] * 0.5 * ((double)a[s] + b[s]);
    double before = 0, moment_before = 0;
    for (int64_t s = first[r]; s < first[r + 1]; s++) {
      const double m = 0.5 * ((double)a[s] + b[s]), d = (double)b[s] - a[s];
      const double behind = all - before - w[s], moment_behind = moment - moment_before - w[s] * m;
      const double near = m * before - moment_before;
      total += w[s] * (2.0 * near + w[s] * d / 3.0);
      slope[s] = (float)(2.0 * (near + moment_behind - m * behind + w[s] * d / 3.0));
      before += w[s], moment_before += w[s] * m;
    }
    out[r] = (float)total;
  }
}

}  // namespace

void register_distortion(nb::module_& m) {
  m.def("distortion", &distortion, nb::arg("weights"), nb::arg("s0"), nb::arg("s1"), nb::arg("offsets"), nb::arg("loss"), nb::arg("slopes"),
        nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>());
}
