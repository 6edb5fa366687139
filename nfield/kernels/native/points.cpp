// Points along rays, and points as coordinates of a box: passes over memory that torch would make in many pieces.
#include "arrays.h"

namespace {

// Midpoint and direction of every packed sample.
void sample_points(F32<2> origins, F32<2> dirs, F32<1> t0, F32<1> t1, I64<1> ray, F32Out<2> points, F32Out<2> directions, int threads) {
  const float *o = origins.data(), *d = dirs.data(), *a = t0.data(), *b = t1.data();
  const int64_t* r = ray.data();
  float *p = points.data(), *q = directions.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < (long)t0.shape(0); s++) {
    const float t = 0.5f * (a[s] + b[s]);
    const float *from = o + 3 * r[s], *along = d + 3 * r[s];
    for (int k = 0; k < 3; k++) p[3 * s + k] = from[k] + t * along[k], q[3 * s + k] = along[k];
  }
}

// Gradients of rays from those of their samples' midpoints and directions; offsets: where each ray's samples begin.
void sample_points_backward(F32<1> t0, F32<1> t1, I64<1> offsets, F32<2> grad_points, F32<2> grad_directions, F32Out<2> grad_origins,
                            F32Out<2> grad_dirs, int threads) {
  const float *a = t0.data(), *b = t1.data(), *gp = grad_points.data(), *gd = grad_directions.data();
  const int64_t* first = offsets.data();
  float *o = grad_origins.data(), *d = grad_dirs.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long r = 0; r < (long)offsets.shape(0) - 1; r++) {
    float to_origin[3] = {}, to_dir[3] = {};
    for (int64_t s = first[r]; s < first[r + 1]; s++) {
      const float t = 0.5f * (a[s] + b[s]);
      for (int k = 0; k < 3; k++) to_origin[k] += gp[3 * s + k], to_dir[k] += t * gp[3 * s + k] + gd[3 * s + k];
    }
    for (int k = 0; k < 3; k++) o[3 * r + k] = to_origin[k], d[3 * r + k] = to_dir[k];
  }
}

// Coordinates in [0, 1]^3 of a box, and 1 for points inside it.
void place_in_box(F32<2> points, F32<1> low, F32<1> size, F32Out<2> unit, F32Out<1> presence, int threads) {
  const float *p = points.data(), *l = low.data();
  const float scale[3] = {1.f / size.data()[0], 1.f / size.data()[1], 1.f / size.data()[2]};
  float *u = unit.data(), *m = presence.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < (long)points.shape(0); s++) {
    bool inside = true;
    for (int k = 0; k < 3; k++) {
      const float x = (p[3 * s + k] - l[k]) * scale[k];
      u[3 * s + k] = x, inside = inside && x >= 0.f && x <= 1.f;
    }
    m[s] = inside ? 1.f : 0.f;
  }
}

}  // namespace

void register_points(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("sample_points", &sample_points, nb::arg("origins"), nb::arg("dirs"), nb::arg("t0"), nb::arg("t1"), nb::arg("ray"),
        nb::arg("points"), nb::arg("directions"), nb::arg("threads"), guard);
  m.def("sample_points_backward", &sample_points_backward, nb::arg("t0"), nb::arg("t1"), nb::arg("offsets"), nb::arg("grad_points"),
        nb::arg("grad_directions"), nb::arg("grad_origins"), nb::arg("grad_dirs"), nb::arg("threads"), guard);
  m.def("place_in_box", &place_in_box, nb::arg("points"), nb::arg("low"), nb::arg("size"), nb::arg("unit"), nb::arg("presence"),
        nb::arg("threads"), guard);
}
