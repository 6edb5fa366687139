// Hash-grid encoding of points of the plane: the rules of grid.h with four corners, for images.
//
// Images ask the same points at every step, in rows, so cells are found by plain loops that the compiler vectorises;
// the time goes into the lookups.
#include "arrays.h"
#include "vec.h"

namespace {

constexpr uint32_t kPrimeY = 2654435761u;

struct Level {
  float scale;
  uint32_t resolution, entries;
  bool hashed;
  long offset;

  uint32_t entry(uint32_t x, uint32_t y) const {
    if (hashed) return (x ^ (y * kPrimeY)) & (entries - 1);  // hashed levels have a power of two
    const uint32_t i = x + y * resolution;
    return i >= entries ? i - entries : i;  // points lie in [0, 1], so one subtraction is the modulo
  }
};

struct Corners {
  uint32_t entry[4];
  float x, y;  // the point's place in its cell
};

float to_unit(float v) { return v > 0.f ? (v < 1.f ? v : 1.f) : 0.f; }  // NaN becomes 0

// x * scale + 0.5 with one rounding, as tiny-cuda-nn computes grid coordinates; the product is exact in double.
float coordinate(float x, float scale) { return (float)((double)to_unit(x) * (double)scale + 0.5); }

Corners corners(const Level& l, const float* point) {
  const float px = coordinate(point[0], l.scale), py = coordinate(point[1], l.scale);
  const float fx = std::floor(px), fy = std::floor(py);
  const uint32_t x = (uint32_t)fx, y = (uint32_t)fy;
  return {{l.entry(x, y), l.entry(x + 1, y), l.entry(x, y + 1), l.entry(x + 1, y + 1)}, px - fx, py - fy};
}

void weights(const Corners& c, float w[4]) {
  w[0] = (1.f - c.x) * (1.f - c.y), w[1] = c.x * (1.f - c.y), w[2] = (1.f - c.x) * c.y, w[3] = c.x * c.y;
}

#define GRID_PARAMETERS F32<1> scale, I32<1> resolution, I32<1> entries, I32<1> hashed, I64<1> offset
#define GRID_NAMES nb::arg("scale"), nb::arg("resolution"), nb::arg("entries"), nb::arg("hashed"), nb::arg("offset")
#define LEVEL(l)                                                                                                   \
  Level {                                                                                                          \
    scale.data()[l], (uint32_t)resolution.data()[l], (uint32_t)entries.data()[l], hashed.data()[l] != 0, offset.data()[l] \
  }

void encode(F32<2> points, F32<2> table, GRID_PARAMETERS, F32Out<2> out, int threads) {
  const long n = points.shape(0), chunk = 4096;
  const int levels = (int)scale.shape(0);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (long from = 0; from < n; from += chunk)
    for (int k = 0; k < levels; k++) {  // one level of the table stays in cache
      const Level l = LEVEL(k);
      const float* t = table.data() + 2 * l.offset;
      for (long p = from; p < std::min(from + chunk, n); p++) {
        const Corners c = corners(l, points.data() + 2 * p);
        float w[4], a = 0.f, b = 0.f;
        weights(c, w);
        for (int i = 0; i < 4; i++) a += w[i] * t[2 * c.entry[i]], b += w[i] * t[2 * c.entry[i] + 1];
        float* o = out.data() + (p * levels + k) * 2;
        o[0] = a, o[1] = b;
      }
    }
}

// One owner a level, so no two threads meet. grad_points may be empty: then it is not computed.
void encode_backward(F32<2> points, F32<2> table, F32<2> grad, GRID_PARAMETERS, F32Out<2> grad_table, F32Out<2> grad_points,
                     int threads) {
  const long n = points.shape(0);
  const int levels = (int)scale.shape(0);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int turn = 0; turn < levels; turn++) {
    const int k = levels - 1 - turn;  // the finest, which cost most, first
    const Level l = LEVEL(k);
    float* t = grad_table.data() + 2 * l.offset;
    std::memset(t, 0, sizeof(float) * 2 * (size_t)(offset.data()[k + 1] - l.offset));
    for (long p = 0; p < n; p++) {
      const Corners c = corners(l, points.data() + 2 * p);
      const float* g = grad.data() + (p * levels + k) * 2;
      float w[4];
      weights(c, w);
      for (int i = 0; i < 4; i++) t[2 * c.entry[i]] += w[i] * g[0], t[2 * c.entry[i] + 1] += w[i] * g[1];
    }
  }
  if (grad_points.shape(0) == 0) return;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long p = 0; p < n; p++) {
    const float* x = points.data() + 2 * p;
    float dx = 0.f, dy = 0.f;
    for (int k = 0; k < levels; k++) {
      const Level l = LEVEL(k);
      const Corners c = corners(l, x);
      const float *t = table.data() + 2 * l.offset, *g = grad.data() + (p * levels + k) * 2;
      float v[4];
      for (int i = 0; i < 4; i++) v[i] = g[0] * t[2 * c.entry[i]] + g[1] * t[2 * c.entry[i] + 1];
      dx += l.scale * ((1.f - c.y) * (v[1] - v[0]) + c.y * (v[3] - v[2]));
      dy += l.scale * ((1.f - c.x) * (v[2] - v[0]) + c.x * (v[3] - v[1]));
    }
    float* o = grad_points.data() + 2 * p;
    o[0] = x[0] > 0.f && x[0] < 1.f ? dx : 0.f, o[1] = x[1] > 0.f && x[1] < 1.f ? dy : 0.f;
  }
}

}  // namespace

void register_hash_encode_2d(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("hash_encode_2d", &encode, nb::arg("points"), nb::arg("table"), GRID_NAMES, nb::arg("out"), nb::arg("threads"), guard);
  m.def("hash_encode_2d_backward", &encode_backward, nb::arg("points"), nb::arg("table"), nb::arg("grad"), GRID_NAMES,
        nb::arg("grad_table"), nb::arg("grad_points"), nb::arg("threads"), guard);
}
