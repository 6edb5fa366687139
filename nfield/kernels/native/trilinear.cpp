// Trilinear interpolation in a dense grid [z][y][x][channel], and both gradients.
#include <cmath>

#include "arrays.h"
#include "nodes.h"
#include "scratch.h"

namespace {

struct Grid {
  int size[3], channels;  // nodes along x, y, z
  long step[3];           // floats from a node to the next along each
  Grid(const int64_t* shape) : size{(int)shape[2], (int)shape[1], (int)shape[0]}, channels((int)shape[3]) {
    step[0] = channels, step[1] = step[0] * size[0], step[2] = step[1] * size[1];
  }
};

// Where the eight rows around a point lie, and their weights; x runs fastest.
struct Cell {
  long row[8];
  float weight[8];
  Place at[3];

  Cell(const Grid& g, const float* point) {
    for (int axis = 0; axis < 3; axis++) at[axis] = place(point[axis], g.size[axis]);
    const long first = at[0].cell * g.step[0] + at[1].cell * g.step[1] + at[2].cell * g.step[2];
    const float x = at[0].part, y = at[1].part, z = at[2].part;
    for (int c = 0; c < 8; c++) {
      row[c] = first + (c & 1) * g.step[0] + (c >> 1 & 1) * g.step[1] + (c >> 2) * g.step[2];
      weight[c] = (c & 1 ? x : 1.f - x) * (c & 2 ? y : 1.f - y) * (c & 4 ? z : 1.f - z);
    }
  }
};

template <int N>
INLINE void mix(const float* grid, const Cell& cell, int k, float* out) {
  Lanes<N> sum = cell.weight[0] * take<N>(grid + cell.row[0] + k);
#pragma GCC unroll 8
  for (int c = 1; c < 8; c++) sum += cell.weight[c] * take<N>(grid + cell.row[c] + k);
  put<N>(out + k, sum);
}

void trilinear(F32<2> unit, F32<4> grid, F32Out<2> out, int threads) {
  const Grid g(grid.shape_ptr());
  const long n = unit.shape(0);
  const int C = g.channels;
  const float *u = unit.data(), *t = grid.data();
  float* o = out.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < n; s++) {
    const Cell cell(g, u + 3 * s);
    float* row = o + s * C;
    int k = 0;
    for (; k + kWidth <= C; k += kWidth) mix<kWidth>(t, cell, k, row);
    if (k < C && C >= kWidth) mix<kWidth>(t, cell, C - kWidth, row);  // the last vector covers some channels again
    else
      for (; k < C; k++) mix<1>(t, cell, k, row);
  }
}

// q += weight * slope for a row of channels. The last vector covers some channels again: it is read before they change.
INLINE void add_row(float* q, const float* slope, float weight, int channels) {
  if (channels < kWidth) {
    for (int k = 0; k < channels; k++) q[k] += weight * slope[k];
    return;
  }
  const int last = channels - kWidth;
  const vf tail = load(q + last) + weight * load(slope + last);
  for (int k = 0; k < last; k += kWidth) store(q + k, load(q + k) + weight * load(slope + k));
  store(q + last, tail);
}

// Adds what belongs to the layers of nodes [low, high).
static void scatter(const Grid& g, const float* unit, const int* layer, const float* slopes, long n, int low, int high, float* grad) {
  for (long s = 0; s < n; s++) {
    const bool below = layer[s] >= low && layer[s] < high, above = layer[s] + 1 >= low && layer[s] + 1 < high;
    if (!below && !above) continue;
    const Cell cell(g, unit + 3 * s);
    for (int c = below ? 0 : 4; c < (above ? 8 : 4); c++) add_row(grad + cell.row[c], slopes + s * g.channels, cell.weight[c], g.channels);
  }
}

// Gradient to points; zero along an axis where the point had to be clamped.
static void point_gradients(const Grid& g, const float* unit, const float* grid, const float* slopes, long n, float* out, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < n; s++) {
    const Cell cell(g, unit + 3 * s);
    float v[8];  // each corner's channels along the slope
    for (int c = 0; c < 8; c++) {
      vf sums = {};
      int k = 0;
      for (; k + kWidth <= g.channels; k += kWidth) sums += load(slopes + s * g.channels + k) * load(grid + cell.row[c] + k);
      v[c] = sum(sums);
      for (; k < g.channels; k++) v[c] += slopes[s * g.channels + k] * grid[cell.row[c] + k];
    }
    for (int axis = 0; axis < 3; axis++) {
      const int step = 1 << axis, one = axis == 0 ? 1 : 0, two = axis == 2 ? 1 : 2;  // the two other axes
      const float p = cell.at[one].part, q = cell.at[two].part;
      float to = 0.f;
      for (int c = 0; c < 8; c++)
        if (!(c & step)) to += (c >> one & 1 ? p : 1.f - p) * (c >> two & 1 ? q : 1.f - q) * (v[c + step] - v[c]);
      const float x = unit[3 * s + axis];
      out[3 * s + axis] = x > 0.f && x < 1.f ? to * (float)(g.size[axis] - 1) : 0.f;
    }
  }
}

// grad_grid is all zeros when it comes. grad_points may be empty: then it is not computed.
void trilinear_backward(F32<2> unit, F32<4> grid, F32<2> grad, F32Out<4> grad_grid, F32Out<2> grad_points, int threads) {
  const Grid g(grid.shape_ptr());
  const long n = unit.shape(0);
  static thread_local Scratch kept;
  int* layer = (int*)kept.floats(n + 1);
  for (long s = 0; s < n; s++) layer[s] = place(unit.data()[3 * s + 2], g.size[2]).cell;
  const std::vector<int> borders = shares(layer, n, g.size[2], std::min(2 * threads, g.size[2]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (size_t part = 0; part < borders.size() - 1; part++)
    scatter(g, unit.data(), layer, grad.data(), n, borders[part], borders[part + 1], grad_grid.data());
  if (grad_points.shape(0) > 0) point_gradients(g, unit.data(), grid.data(), grad.data(), n, grad_points.data(), threads);
}

}  // namespace

void register_trilinear(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("trilinear", &trilinear, nb::arg("unit"), nb::arg("grid"), nb::arg("out"), nb::arg("threads"), guard);
  m.def("trilinear_backward", &trilinear_backward, nb::arg("unit"), nb::arg("grid"), nb::arg("grad"), nb::arg("grad_grid"),
        nb::arg("grad_points"), nb::arg("threads"), guard);
}
