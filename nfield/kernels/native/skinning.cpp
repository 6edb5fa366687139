// Inverse skinning: each point is carried by the blended affine maps of the vertices nearest to it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "arrays.h"

namespace {

struct Rule {
  float spread, apart, reach, inner, outer, spacing, solid_from, solid_at;
};

struct Surface {
  const float *posed, *rest, *maps;
  const float* normals;  // Null: distances count from the nearest vertex.
  const float* sided;    // Null: everywhere.
  const float* lift;     // Null: none.
};

inline float square_between(const float* a, const float* b) {
  const float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

// 1 up to `inner`, 0 from `outer` on, a smooth cubic between.
inline float fall_off(float distance, float inner, float outer) {
  const float share = std::min(std::max((outer - distance) / (outer - inner), 0.f), 1.f);
  return share * share * (3.f - 2.f * share);
}

// The weights of a point's nearest vertices; negative for those of another limb.
inline void weigh(const Surface& s, const Rule& rule, const int32_t* nearest, const float* square, int count, float* weight) {
  const float *first = s.rest + 3 * nearest[0], scale = 1.f / (2.f * rule.spread * rule.spread);
  float sum = 0.f;
  for (int k = 0; k < count; k++) {
    const bool together = square_between(s.rest + 3 * nearest[k], first) < rule.apart * rule.apart;
    weight[k] = together ? std::exp((square[0] - square[k]) * scale) : -1.f;
    sum += std::max(weight[k], 0.f);
  }
  for (int k = 0; k < count; k++) weight[k] = weight[k] < 0.f ? -1.f : weight[k] / sum;
}

inline void carry(const Surface& s, const int32_t* nearest, const float* weight, int count, const float* p, float* moved) {
  float map[12] = {};
  for (int k = 0; k < count; k++) {
    if (weight[k] <= 0.f) continue;
    const float* own = s.maps + 12 * nearest[k];
    for (int i = 0; i < 12; i++) map[i] += weight[k] * own[i];
  }
  for (int i = 0; i < 3; i++) moved[i] = map[4 * i] * p[0] + map[4 * i + 1] * p[1] + map[4 * i + 2] * p[2] + map[4 * i + 3];
}

// Heights of a point above the tangent planes of its nearest vertices: of the first, and the least and the largest of all.
struct Heights {
  float first, least, largest;
};

inline Heights heights(const Surface& s, const int32_t* nearest, const float* weight, int count, const float* p) {
  Heights h{0.f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (int k = 0; k < count; k++) {
    if (weight[k] < 0.f) continue;
    const float *at = s.posed + 3 * nearest[k], *n = s.normals + 3 * nearest[k];
    const float height = (p[0] - at[0]) * n[0] + (p[1] - at[1]) * n[1] + (p[2] - at[2]) * n[2];
    if (k == 0) h.first = height;
    h.least = std::min(h.least, height), h.largest = std::max(h.largest, height);
  }
  return h;
}

// By how much more than it is a point counts as outside: the mean over its vertices.
inline float lifted(const Surface& s, const int32_t* nearest, const float* weight, int count) {
  float lift = 0.f;
  for (int k = 0; s.lift && k < count; k++) lift += std::max(weight[k], 0.f) * s.lift[nearest[k]];
  return lift;
}

// How far outside the surface a point lies at least: see the twin.
inline float above(const Heights& h, float distance, float lift, bool sided, const Rule& rule) {
  const float height = distance > rule.outer ? h.largest : h.least;
  return height > -rule.spacing || !sided ? std::max(height + lift, distance - rule.spacing) : height + lift;
}

inline float solid(const Heights& h, float square, const Rule& rule) {
  const float depth = fall_off(h.largest, -rule.solid_at, -rule.solid_from);
  const float aside = std::sqrt(std::max(square - h.first * h.first, 0.f));
  return depth * fall_off(aside, rule.spacing, 1.5f * rule.spacing);
}

void inverse_skinning(F32<2> points, I32<2> nearest, F32<2> square, F32<2> posed, F32<2> rest, F32<2> maps, F32<2> normals,
                      F32<1> sided, F32<1> lift, F32<1> options, bool has_core, F32Out<2> moved, F32Out<1> presence, F32Out<1> core,
                      int threads) {
  const Surface s{posed.data(), rest.data(), maps.data(), normals.shape(0) ? normals.data() : nullptr,
                  sided.shape(0) ? sided.data() : nullptr, lift.shape(0) ? lift.data() : nullptr};
  const float* o = options.data();
  const Rule rule{o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7]};
  const int count = (int)nearest.shape(1);
  const float *p = points.data(), *d = square.data();
  const int32_t* v = nearest.data();
  float *m = moved.data(), *present = presence.data(), *inside = core.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long i = 0; i < (long)points.shape(0); i++) {
    const float *place = p + 3 * i, *squares = d + count * i;
    present[i] = inside[i] = 0.f;
    if (!(squares[0] < rule.reach * rule.reach)) {
      std::copy(place, place + 3, m + 3 * i);
      continue;
    }
    float weight[8];
    const int32_t* own = v + count * i;
    weigh(s, rule, own, squares, count, weight);
    carry(s, own, weight, count, place, m + 3 * i);
    const float distance = std::sqrt(squares[0]);
    if (!s.normals) {
      present[i] = fall_off(distance, rule.inner, rule.outer);
      continue;
    }
    const Heights h = heights(s, own, weight, count, place);
    const float sided = s.sided ? s.sided[own[0]] : 1.f;
    present[i] = fall_off(above(h, distance, lifted(s, own, weight, count), sided > 0.f, rule), rule.inner, rule.outer);
    if (has_core) inside[i] = solid(h, squares[0], rule) * sided;
  }
}

}  // namespace

void register_skinning(nb::module_& m) {
  m.def("inverse_skinning", &inverse_skinning, nb::arg("points"), nb::arg("nearest"), nb::arg("square"), nb::arg("posed"),
        nb::arg("rest"), nb::arg("maps"), nb::arg("normals"), nb::arg("sided"), nb::arg("lift"), nb::arg("options"), nb::arg("has_core"),
        nb::arg("moved"), nb::arg("presence"), nb::arg("core"), nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>());
}
