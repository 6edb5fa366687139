// Adam that visits only entries whose gradient is not zero; the others keep their value and moments (instant-ngp).
// Gradients are cleared where they were read: they are in cache then, and their memory can be used for the next step.
#include <cmath>

#include "vec.h"
#include "arrays.h"

namespace {

struct Step {
  float rate, beta1, beta2, epsilon, scale2;  // rate is divided by its bias correction; scale2 multiplies the root
};

inline void update(const Step& k, float g, float& p, float& m, float& v) {
  m = k.beta1 * m + (1.f - k.beta1) * g;
  v = k.beta2 * v + (1.f - k.beta2) * g * g;
  p -= k.rate * m / (std::sqrt(v) * k.scale2 + k.epsilon);
}

void sparse_adam(F32Out<1> parameter, F32Out<1> grad, F32Out<1> first, F32Out<1> second, float rate, float beta1, float beta2,
                 float epsilon, int64_t step, int threads) {
  const long n = (long)parameter.shape(0), blocks = n / kWidth;
  const double correction1 = 1.0 - std::pow((double)beta1, (double)step), correction2 = 1.0 - std::pow((double)beta2, (double)step);
  const Step k{(float)(rate / correction1), beta1, beta2, epsilon, (float)(1.0 / std::sqrt(correction2))};
  float *p = parameter.data(), *m = first.data(), *v = second.data();
  float* g = grad.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long b = 0; b < blocks; b++) {
    const long i = b * kWidth;
    const vf gi = load(g + i);
    const vi untouched = gi == 0.f;
    int all = -1;
    for (int j = 0; j < kWidth; j++) all &= untouched[j];
    if (all) continue;
    const vf m0 = load(m + i), v0 = load(v + i), p0 = load(p + i);
    const vf m1 = k.beta1 * m0 + (1.f - k.beta1) * gi, v1 = k.beta2 * v0 + (1.f - k.beta2) * gi * gi;
    vf root;
    for (int j = 0; j < kWidth; j++) root[j] = std::sqrt(v1[j]);
    const vf p1 = p0 - k.rate * m1 / (root * k.scale2 + k.epsilon);
    store(m + i, select(untouched, m0, m1)), store(v + i, select(untouched, v0, v1)), store(p + i, select(untouched, p0, p1));
    store(g + i, vf{});
  }
  for (long i = blocks * kWidth; i < n; i++)
    if (g[i] != 0.f) update(k, g[i], p[i], m[i], v[i]), g[i] = 0.f;
}

}  // namespace

void register_sparse_adam(nb::module_& m) {
  m.def("sparse_adam", &sparse_adam, nb::arg("parameter"), nb::arg("grad"), nb::arg("first"), nb::arg("second"), nb::arg("rate"),
        nb::arg("beta1"), nb::arg("beta2"), nb::arg("epsilon"), nb::arg("step"), nb::arg("threads"),
        nb::call_guard<nb::gil_scoped_release>());
}
