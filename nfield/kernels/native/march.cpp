// Marching rays through nested occupancy grids to packed samples.
//
// Cascade c is a grid of resolution^3 cells over the inner box scaled by 2^c about its middle. Its bits come as one
// 64-bit word for each 4x4x4 block of cells, so that one load tells whether a whole block may be skipped.
//
// Steps lie on one lattice of a warped distance s(t): uniform steps near, steps in proportion to the distance
// (cone tracing, instant-ngp), uniform again far away. A jump over empty space lands on the same lattice.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "arrays.h"

namespace {

class Lattice {
 public:
  Lattice(float step, float cone, float longest) : step_(step), longest_(longest) {
    if (cone <= 0.f) return;
    begin_ = step / cone, end_ = std::max(begin_, longest / cone), growth_ = std::log1p(cone);
    s_begin_ = begin_ / step, s_end_ = s_begin_ + std::log(end_ / begin_) / growth_;
  }
  float index(float t) const {
    if (t <= begin_) return t / step_;
    return t <= end_ ? s_begin_ + std::log(t / begin_) / growth_ : s_end_ + (t - end_) / longest_;
  }
  float distance(float s) const {
    if (s <= s_begin_) return s * step_;
    return s <= s_end_ ? begin_ * std::exp((s - s_begin_) * growth_) : end_ + (s - s_end_) * longest_;
  }

  // How far behind the middle of a step in the lattice its midpoint in space may lie, in steps.
  float unevenness() const { return end_ > begin_ ? 0.125f * growth_ : 0.f; }

 private:
  float step_, longest_, growth_ = 1.f;
  float begin_ = INFINITY, end_ = INFINITY, s_begin_ = INFINITY, s_end_ = INFINITY;
};

struct Grids {
  const uint64_t* words;  // [cascades][blocks][blocks][blocks], x fastest; bit = x + 4 y + 16 z in the block
  int cascades, resolution;
  float center[3], inverse_half[3], half[3];
};

// Appends the occupied lattice steps of one ray.
void march_ray(const Grids& g, const Lattice& lattice, const float* o, const float* d, float near, float far, float jitter,
               std::vector<float>& t0s, std::vector<float>& t1s) {
  if (!(far > near)) return;
  const int R = g.resolution, blocks = R / 4;
  float origin[3], dir[3], inverse[3];
  for (int a = 0; a < 3; a++) {  // cascade 0 becomes [-1, 1]^3
    origin[a] = (o[a] - g.center[a]) * g.inverse_half[a], dir[a] = d[a] * g.inverse_half[a];
    inverse[a] = 1.f / (std::fabs(dir[a]) < 1e-12f ? std::copysign(1e-12f, dir[a]) : dir[a]);
  }
  const float base = lattice.index(near) + jitter, slack = 1e-3f + lattice.unevenness();
  float k = 0.f, start = lattice.distance(base);
  while (start < far) {
    const float end = lattice.distance(base + k + 1.f), t = 0.5f * (start + end);
    float p[3], reach = 0.f;
    for (int a = 0; a < 3; a++) p[a] = origin[a] + t * dir[a], reach = std::max(reach, std::fabs(p[a]));
    int cascade = 0;
    float scale = 1.f;
    while (reach > scale && cascade < g.cascades - 1) scale *= 2.f, cascade++;
    int cell[3];
    const float cells = 0.5f * R / scale;  // cells in a unit of length of cascade 0's coordinates
    for (int a = 0; a < 3; a++) cell[a] = std::clamp((int)((p[a] + scale) * cells), 0, R - 1);
    const long block = (cell[0] >> 2) + (long)blocks * ((cell[1] >> 2) + (long)blocks * (cell[2] >> 2));
    const uint64_t word = g.words[(long)cascade * blocks * blocks * blocks + block];
    if (word >> ((cell[0] & 3) + 4 * (cell[1] & 3) + 16 * (cell[2] & 3)) & 1) {
      t0s.push_back(start), t1s.push_back(std::min(end, far));
      k += 1.f, start = end;
      continue;
    }
    // Leave the cell, or the whole block where nothing of it is occupied and no finer cascade reaches into it.
    const int width = word || (cascade > 0 && R % 16 != 0) ? 1 : 4;
    float leave = INFINITY;
    for (int a = 0; a < 3; a++) {
      const int wall = cell[a] / width * width + (dir[a] > 0.f ? width : 0);
      leave = std::min(leave, (wall / cells - scale - origin[a]) * inverse[a]);
    }
    // The step whose midpoint first lies beyond the wall. Growing steps have their midpoint a little later in the
    // lattice than half a step, and numbers are rounded: a jump that falls short by `slack` only looks once more.
    k = std::max(k + 1.f, std::ceil(lattice.index(std::max(leave, 0.f)) - base - 0.5f - slack));
    start = lattice.distance(base + k);
  }
}

template <typename T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> owned(T* data, size_t count) {
  nb::capsule owner(data, [](void* p) noexcept { delete[] (T*)p; });
  return nb::ndarray<nb::numpy, T, nb::ndim<1>>(data, {count}, owner);
}

// -> t0, t1, ray of each sample, and offsets of each ray's samples.
nb::tuple march(F32<2> origins, F32<2> dirs, F32<1> near, F32<1> far, F32<1> jitter, I64<4> words, F32<1> low, F32<1> high, float step,
                float cone, float longest, int threads) {
  const long rays = (long)origins.shape(0);
  constexpr long group = 64;
  const long groups = (rays + group - 1) / group;
  Grids g;
  g.words = (const uint64_t*)words.data(), g.cascades = (int)words.shape(0), g.resolution = 4 * (int)words.shape(1);
  for (int a = 0; a < 3; a++) {
    g.center[a] = 0.5f * (low.data()[a] + high.data()[a]), g.half[a] = 0.5f * (high.data()[a] - low.data()[a]);
    g.inverse_half[a] = 1.f / g.half[a];
  }
  const Lattice lattice(step, cone, longest);
  float *t0 = nullptr, *t1 = nullptr;
  int64_t *ray = nullptr, *offsets = new int64_t[rays + 1];
  {
    nb::gil_scoped_release release;
    offsets[0] = 0;
    struct Part {
      int thread;
      size_t first;
    };
    std::vector<Part> parts(groups);
    std::vector<std::vector<float>> starts(threads), ends(threads);
    const float *o = origins.data(), *d = dirs.data(), *n = near.data(), *f = far.data(), *j = jitter.data();
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long q = 0; q < groups; q++) {
      const int me = omp_get_thread_num();
      parts[q] = {me, starts[me].size()};
      for (long r = q * group; r < std::min(rays, (q + 1) * group); r++) {
        const size_t before = starts[me].size();
        march_ray(g, lattice, o + 3 * r, d + 3 * r, n[r], f[r], j[r], starts[me], ends[me]);
        offsets[r + 1] = (int64_t)(starts[me].size() - before);
      }
    }
    for (long r = 0; r < rays; r++) offsets[r + 1] += offsets[r];
    const size_t total = (size_t)offsets[rays];
    t0 = new float[total], t1 = new float[total], ray = new int64_t[total];
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long q = 0; q < groups; q++) {
      const long last = std::min(rays, (q + 1) * group);
      const int64_t to = offsets[q * group], count = offsets[last] - to;
      std::copy_n(starts[parts[q].thread].data() + parts[q].first, count, t0 + to);
      std::copy_n(ends[parts[q].thread].data() + parts[q].first, count, t1 + to);
      for (long r = q * group; r < last; r++) std::fill(ray + offsets[r], ray + offsets[r + 1], (int64_t)r);
    }
  }
  const size_t total = (size_t)offsets[rays];
  return nb::make_tuple(owned(t0, total), owned(t1, total), owned(ray, total), owned(offsets, (size_t)rays + 1));
}

}  // namespace

void register_march(nb::module_& m) {
  m.def("march", &march, nb::arg("origins"), nb::arg("dirs"), nb::arg("near"), nb::arg("far"), nb::arg("jitter"), nb::arg("words"),
        nb::arg("low"), nb::arg("high"), nb::arg("step"), nb::arg("cone"), nb::arg("longest"), nb::arg("threads"));
}
