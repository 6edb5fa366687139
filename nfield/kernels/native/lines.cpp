// Canonical polyadic lookup (TensoRF CP): the product of three lines for each component, and its gradients.
//
// Channels are contiguous, so that a node is one row and vectors run along it. Backward, a chunk of channels is one task
// that adds up its own lines in the order of the points: no race, and the same sums for any number of threads.
#include <cstring>

#include "arrays.h"
#include "nodes.h"
#include "scratch.h"

namespace {

struct Lines {
  const float* data;  // [axis][node][channel]
  int nodes, channels;
  const float* row(int axis, int node) const { return data + ((long)axis * nodes + node) * channels; }
};

template <int N>
INLINE Lanes<N> between(const Lines& l, int axis, const Place& at, int k) {
  const float* q = l.row(axis, at.cell) + k;
  return (1.f - at.part) * take<N>(q) + at.part * take<N>(q + l.channels);
}

void line_products(F32<2> unit, F32<3> lines, F32Out<2> out, int threads) {
  const Lines l{lines.data(), (int)lines.shape(1), (int)lines.shape(2)};
  const long n = unit.shape(0);
  const float* u = unit.data();
  float* o = out.data();
  const std::vector<Chunk> parts = chunks(l.channels);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < n; s++) {
    const Place x = place(u[3 * s], l.nodes), y = place(u[3 * s + 1], l.nodes), z = place(u[3 * s + 2], l.nodes);
    for (const Chunk& c : parts)
      with_width(c.width, [&](auto width) {
        constexpr int N = decltype(width)::value;
        put<N>(o + s * l.channels + c.offset,
               between<N>(l, 0, x, c.offset) * between<N>(l, 1, y, c.offset) * between<N>(l, 2, z, c.offset));
      });
  }
}

// Adds a chunk's gradients to its lines [axis][node][N].
template <int N>
static void add_up(const Lines& l, const Place* places, const float* slopes, long n, int k, float* sums) {
  for (long s = 0; s < n; s++) {
    const Place* at = places + 3 * s;
    const Lanes<N> slope = take<N>(slopes + s * l.channels + k);
    const Lanes<N> a = between<N>(l, 0, at[0], k), b = between<N>(l, 1, at[1], k), c = between<N>(l, 2, at[2], k);
    const Lanes<N> to[3] = {slope * b * c, slope * a * c, slope * a * b};
    for (int axis = 0; axis < 3; axis++) {
      float* q = sums + ((long)axis * l.nodes + at[axis].cell) * N;
      put<N>(q, take<N>(q) + (1.f - at[axis].part) * to[axis]);
      put<N>(q + N, take<N>(q + N) + at[axis].part * to[axis]);
    }
  }
}

// Gradient to points; zero along an axis where the point had to be clamped.
static void point_gradients(const Lines& l, const float* unit, const Place* places, const float* slopes, long n, float* out,
                            int threads) {
  const std::vector<Chunk> parts = chunks(l.channels);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < n; s++) {
    const Place* at = places + 3 * s;
    float to[3] = {0.f, 0.f, 0.f};
    for (const Chunk& chunk : parts)
      with_width(chunk.width, [&](auto width) {
        constexpr int N = decltype(width)::value;
        const int k = chunk.offset;
        const Lanes<N> slope = take<N>(slopes + s * l.channels + k);
        Lanes<N> value[3], step[3];
        for (int axis = 0; axis < 3; axis++) {
          const float* q = l.row(axis, at[axis].cell) + k;
          value[axis] = between<N>(l, axis, at[axis], k), step[axis] = take<N>(q + l.channels) - take<N>(q);
        }
        to[0] += total<N>(slope * step[0] * value[1] * value[2]);
        to[1] += total<N>(slope * value[0] * step[1] * value[2]);
        to[2] += total<N>(slope * value[0] * value[1] * step[2]);
      });
    for (int axis = 0; axis < 3; axis++) {
      const float u = unit[3 * s + axis];
      out[3 * s + axis] = u > 0.f && u < 1.f ? to[axis] * (float)(l.nodes - 1) : 0.f;
    }
  }
}

// grad_points may be empty: then it is not computed.
void line_products_backward(F32<2> unit, F32<3> lines, F32<2> grad, F32Out<3> grad_lines, F32Out<2> grad_points, int threads) {
  const Lines l{lines.data(), (int)lines.shape(1), (int)lines.shape(2)};
  const long n = unit.shape(0), size = 3L * l.nodes * kWidth;
  std::vector<Place> places(3 * n);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long i = 0; i < 3 * n; i++) places[i] = place(unit.data()[i], l.nodes);
  const std::vector<Chunk> parts = chunks(l.channels);
  static thread_local Scratch kept;
  float* all = kept.floats(parts.size() * size + 1);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (size_t t = 0; t < parts.size(); t++) {
    const Chunk& c = parts[t];
    float* sums = all + t * size;
    std::memset(sums, 0, sizeof(float) * 3 * l.nodes * c.width);
    with_width(c.width, [&](auto width) { add_up<decltype(width)::value>(l, places.data(), grad.data(), n, c.offset, sums); });
    for (long row = 0; row < 3L * l.nodes; row++)
      std::memcpy(grad_lines.data() + row * l.channels + c.offset, sums + row * c.width, sizeof(float) * c.width);
  }
  if (grad_points.shape(0) > 0)
    point_gradients(l, unit.data(), places.data(), grad.data(), n, grad_points.data(), threads);
}

}  // namespace

void register_lines(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("line_products", &line_products, nb::arg("unit"), nb::arg("lines"), nb::arg("out"), nb::arg("threads"), guard);
  m.def("line_products_backward", &line_products_backward, nb::arg("unit"), nb::arg("lines"), nb::arg("grad"),
        nb::arg("grad_lines"), nb::arg("grad_points"), nb::arg("threads"), guard);
}
