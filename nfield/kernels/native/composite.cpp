// Alpha compositing of packed samples, forward and backward.
//
// alpha_i = presence_i (1 - exp(-density_i length_i)), w_i = T_i alpha_i, T_{i+1} = T_i (1 - alpha_i).
#include <cmath>
#include <vector>

#include "arrays.h"

namespace {

struct Inputs {
  const float *color, *log_density, *presence, *t0, *t1;
  const int64_t* offsets;
  long rays;
};

// Optical depth of a sample.
inline float optical_depth(const Inputs& in, int64_t s) { return std::exp(in.log_density[s]) * (in.t1[s] - in.t0[s]); }

void composite(F32<2> color, F32<1> log_density, F32<1> presence, F32<1> t0, F32<1> t1, I64<1> offsets, F32Out<2> out_color,
               F32Out<1> out_opacity, F32Out<1> out_depth, F32Out<1> weights, int threads) {
  Inputs in{color.data(), log_density.data(), presence.data(), t0.data(), t1.data(), offsets.data(), (long)offsets.shape(0) - 1};
  float *oc = out_color.data(), *oo = out_opacity.data(), *od = out_depth.data(), *ow = weights.data();
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (long r = 0; r < in.rays; r++) {
    float T = 1.f, c0 = 0.f, c1 = 0.f, c2 = 0.f, depth = 0.f, opacity = 0.f;
    for (int64_t s = in.offsets[r]; s < in.offsets[r + 1]; s++) {
      const float alpha = -in.presence[s] * std::expm1(-optical_depth(in, s)), w = T * alpha;
      ow[s] = w;
      c0 += w * in.color[3 * s], c1 += w * in.color[3 * s + 1], c2 += w * in.color[3 * s + 2];
      depth += w * 0.5f * (in.t0[s] + in.t1[s]);
      opacity += w;
      T *= 1.f - alpha;
    }
    oc[3 * r] = c0, oc[3 * r + 1] = c1, oc[3 * r + 2] = c2;
    oo[r] = opacity, od[r] = depth;
  }
}

// dL/dalpha_i = T_i (v_i - R_{i+1}), where v_i is the loss's slope to w_i and R_i = alpha_i v_i + (1 - alpha_i) R_{i+1}
// is what lies behind, seen from sample i: no division by 1 - alpha, so opaque samples are exact.
void composite_backward(F32<2> color, F32<1> log_density, F32<1> presence, F32<1> t0, F32<1> t1, I64<1> offsets, F32<2> grad_color,
                        F32<1> grad_opacity, F32<1> grad_depth, F32<1> grad_weights, F32Out<2> out_color, F32Out<1> out_density,
                        F32Out<1> out_presence, int threads) {
  Inputs in{color.data(), log_density.data(), presence.data(), t0.data(), t1.data(), offsets.data(), (long)offsets.shape(0) - 1};
  const float *gc = grad_color.data(), *go = grad_opacity.data(), *gd = grad_depth.data(), *gw = grad_weights.data();
  float *oc = out_color.data(), *os = out_density.data(), *op = out_presence.data();
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> transmittance, hit;
#pragma omp for schedule(dynamic, 256)
    for (long r = 0; r < in.rays; r++) {
      const int64_t first = in.offsets[r], count = in.offsets[r + 1] - first;
      transmittance.resize(count), hit.resize(count);
      float T = 1.f;
      for (int64_t i = 0; i < count; i++) {
        transmittance[i] = T;
        hit[i] = -std::expm1(-optical_depth(in, first + i));
        T *= 1.f - in.presence[first + i] * hit[i];
      }
      float behind = 0.f;
      for (int64_t i = count - 1; i >= 0; i--) {
        const int64_t s = first + i;
        const float m = in.presence[s], alpha = m * hit[i], w = transmittance[i] * alpha;
        const float *c = in.color + 3 * s, *g = gc + 3 * r;
        const float slope =
            g[0] * c[0] + g[1] * c[1] + g[2] * c[2] + go[r] + gd[r] * 0.5f * (in.t0[s] + in.t1[s]) + gw[s];
        const float to_alpha = transmittance[i] * (slope - behind);
        for (int a = 0; a < 3; a++) oc[3 * s + a] = w * g[a];
        os[s] = to_alpha * m * (1.f - hit[i]) * optical_depth(in, s);
        op[s] = to_alpha * hit[i];
        behind = alpha * slope + (1.f - alpha) * behind;
      }
    }
  }
}

// 1 for samples that the eye still sees: transmittance before them of at least `threshold`.
void visible(F32<1> log_density, F32<1> presence, F32<1> t0, F32<1> t1, I64<1> offsets, float threshold, Out<bool, 1> out, int threads) {
  Inputs in{nullptr, log_density.data(), presence.data(), t0.data(), t1.data(), offsets.data(), (long)offsets.shape(0) - 1};
  bool* o = out.data();
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (long r = 0; r < in.rays; r++) {
    float T = 1.f;
    for (int64_t s = in.offsets[r]; s < in.offsets[r + 1]; s++) {
      o[s] = T >= threshold;
      if (o[s]) T *= 1.f + in.presence[s] * std::expm1(-optical_depth(in, s));
    }
  }
}

}  // namespace

void register_composite(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("composite", &composite, nb::arg("color"), nb::arg("log_density"), nb::arg("presence"), nb::arg("t0"), nb::arg("t1"),
        nb::arg("offsets"), nb::arg("out_color"), nb::arg("out_opacity"), nb::arg("out_depth"), nb::arg("weights"),
        nb::arg("threads"), guard);
  m.def("composite_backward", &composite_backward, nb::arg("color"), nb::arg("log_density"), nb::arg("presence"), nb::arg("t0"),
        nb::arg("t1"), nb::arg("offsets"), nb::arg("grad_color"), nb::arg("grad_opacity"), nb::arg("grad_depth"),
        nb::arg("grad_weights"), nb::arg("out_color"), nb::arg("out_density"), nb::arg("out_presence"), nb::arg("threads"), guard);
  m.def("visible", &visible, nb::arg("log_density"), nb::arg("presence"), nb::arg("t0"), nb::arg("t1"), nb::arg("offsets"),
        nb::arg("threshold"), nb::arg("out"), nb::arg("threads"), guard);
}
