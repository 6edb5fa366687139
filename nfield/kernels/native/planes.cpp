// Vector-matrix lookup (TensoRF): planes times lines, times a basis; both gradients of it.
//
// A point's products stay in the first cache from the planes to the basis and are never written out: they are nine times
// as long as the feature. Channels are contiguous, so that a corner of a cell is one row and vectors run along it.
#include <cmath>

#include "arrays.h"
#include "nodes.h"
#include "scratch.h"

namespace {

constexpr int kFirst[3] = {0, 0, 1}, kSecond[3] = {1, 2, 2}, kAcross[3] = {2, 1, 0};  // axes of planes and lines
constexpr int kBlock = 8;                                                             // points that share a pass over the basis
constexpr int kAhead = 8;  // points between asking for memory and using it
constexpr int kRun = 64;  // points whose products are kept for the gradient of the basis

// Planes [3][nodes][nodes][channels] and lines [3][nodes][channels], and a basis [outputs][3 channels].
struct Factors {
  const float *planes, *lines, *basis;
  int nodes, channels, outputs;
  long plane_size() const { return (long)nodes * nodes * channels; }
  long line_size() const { return (long)nodes * channels; }
};

// Places of all points on the three axes, [axis][point].
struct Places {
  int* cell;
  float* part;
  long n;
};

static Places find_places(const float* unit, long n, int nodes, int threads) {
  static thread_local Scratch cells, parts;
  Places p{(int*)cells.floats(3 * n + 1), parts.floats(3 * n + 1), n};
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < n; s++)
    for (int axis = 0; axis < 3; axis++) {
      const Place at = place(unit[3 * s + axis], nodes);
      p.cell[axis * n + s] = at.cell, p.part[axis * n + s] = at.part;
    }
  return p;
}

// Asks for what a point some way ahead will need of a chunk: its corners, and their gradients where `grad` is given.
INLINE void prefetch_corners(const Factors& f, const Places& p, int i, long s, int k, const float* grad) {
  if (s >= p.n) return;
  const long step = f.channels, down = step * f.nodes;
  const long at = p.cell[kFirst[i] * p.n + s] * down + p.cell[kSecond[i] * p.n + s] * step + k;
  const float* plane = f.planes + i * f.plane_size() + at;
  prefetch(plane), prefetch(plane + step), prefetch(plane + down), prefetch(plane + down + step);
  if (!grad) return;
  prefetch(grad + at - k), prefetch(grad + at - k + step), prefetch(grad + at - k + down), prefetch(grad + at - k + down + step);
}

// The four rows of a plane and the two of a line around a point, and their weights.
struct Corners {
  const float *plane, *line;  // the rows at the lower node
  long down, right;           // from there to the next node along the first and the second axis; also along the line
  float a, b, c;              // how far beyond the lower node

  Corners(const Factors& f, const Places& p, int i, long s) {
    const int first = p.cell[kFirst[i] * p.n + s], second = p.cell[kSecond[i] * p.n + s], across = p.cell[kAcross[i] * p.n + s];
    right = f.channels, down = (long)f.nodes * f.channels;
    plane = f.planes + i * f.plane_size() + first * down + second * right;
    line = f.lines + i * f.line_size() + across * right;
    a = p.part[kFirst[i] * p.n + s], b = p.part[kSecond[i] * p.n + s], c = p.part[kAcross[i] * p.n + s];
  }
  template <int N>
  Lanes<N> matrix(int k) const {
    const float* q = plane + k;
    return (1.f - a) * ((1.f - b) * take<N>(q) + b * take<N>(q + right)) +
           a * ((1.f - b) * take<N>(q + down) + b * take<N>(q + down + right));
  }
  template <int N>
  Lanes<N> vector(int k) const {
    return (1.f - c) * take<N>(line + k) + c * take<N>(line + right + k);
  }
};

// out[m][outputs] = products[m][3 channels] times `turned` [3 channels][columns], columns a multiple of the vectors' width.
static void apply_basis(const Factors& f, const float* products, const float* turned, int columns, int m, float* out) {
  const int rows = 3 * f.channels;
  for (int j = 0; j < f.outputs; j += kWidth) {
    vf sum[kBlock] = {};
    for (int k = 0; k < rows; k++) {
      const vf row = load(turned + k * columns + j);
#pragma GCC unroll 8
      for (int s = 0; s < kBlock; s++) sum[s] += products[s * rows + k] * row;
    }
    const int width = std::min(kWidth, f.outputs - j);
    for (int s = 0; s < m; s++) {
      alignas(64) float values[kWidth];
      store(values, sum[s]);
      for (int i = 0; i < width; i++) out[(long)s * f.outputs + j + i] = values[i];
    }
  }
}

// As apply_basis for one output, whose basis is a row.
static void apply_row(const Factors& f, const float* products, int m, float* out) {
  const int rows = 3 * f.channels;
  for (int s = 0; s < m; s++) {
    const float* p = products + s * rows;
    vf sums = {};
    int k = 0;
    for (; k + kWidth <= rows; k += kWidth) sums += load(p + k) * load(f.basis + k);
    float value = sum(sums);
    for (; k < rows; k++) value += p[k] * f.basis[k];
    out[s] = value;
  }
}

static std::vector<float> turned_basis(const Factors& f, int columns) {
  std::vector<float> out((size_t)3 * f.channels * columns, 0.f);
  for (int j = 0; j < f.outputs; j++)
    for (int k = 0; k < 3 * f.channels; k++) out[(size_t)k * columns + j] = f.basis[(size_t)j * 3 * f.channels + k];
  return out;
}

void vector_matrix(F32<2> unit, F32<4> planes, F32<3> lines, F32<2> basis, F32Out<2> out, int threads) {
  const Factors f{planes.data(), lines.data(), basis.data(), (int)planes.shape(1), (int)planes.shape(3), (int)basis.shape(0)};
  const long n = unit.shape(0), rows = 3 * f.channels;
  const int columns = (f.outputs + kWidth - 1) / kWidth * kWidth;
  const std::vector<float> turned = turned_basis(f, columns);
  const std::vector<Chunk> parts = chunks(f.channels);
  const Places p = find_places(unit.data(), n, f.nodes, threads);
  float* o = out.data();
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> products(kBlock * rows, 0.f);
#pragma omp for schedule(dynamic, 64)
    for (long block = 0; block < (n + kBlock - 1) / kBlock; block++) {
      const long s0 = block * kBlock;
      const int m = (int)std::min<long>(kBlock, n - s0);
      for (int s = 0; s < m; s++)
        for (int i = 0; i < 3; i++) {
          for (int k = 0; k < f.channels; k += 16) prefetch_corners(f, p, i, s0 + s + kAhead, k, nullptr);
          const Corners at(f, p, i, s0 + s);
          float* row = products.data() + s * rows + i * f.channels;
          for (const Chunk& c : parts)
            with_width(c.width, [&](auto width) {
              constexpr int N = decltype(width)::value;
              put<N>(row + c.offset, at.matrix<N>(c.offset) * at.vector<N>(c.offset));
            });
        }
      if (f.outputs == 1) apply_row(f, products.data(), m, o + s0);
      else apply_basis(f, products.data(), turned.data(), columns, m, o + s0 * f.outputs);
    }
  }
}

// Adds slopes[s][j] * products[s] to sums[j] for M of the outputs; slopes have `stride` columns.
template <int N, int M>
INLINE void add_outer(const float* slopes, int stride, const float* products, int count, float* sums) {
  Lanes<N> sum[M];
#pragma GCC unroll 8
  for (int j = 0; j < M; j++) sum[j] = take<N>(sums + j * N);
  for (int s = 0; s < count; s++) {
    const Lanes<N> product = take<N>(products + s * N);
#pragma GCC unroll 8
    for (int j = 0; j < M; j++) sum[j] += slopes[s * stride + j] * product;
  }
#pragma GCC unroll 8
  for (int j = 0; j < M; j++) put<N>(sums + j * N, sum[j]);
}

// One task of the backward pass: a chunk of one plane's channels, and the rows of nodes [low, high) of it.
struct Task {
  int plane, low, high;
  Chunk chunk;
};

// What the tasks read, and where each adds up its line [nodes][width] and its part of the basis [outputs][width].
struct Backward {
  Factors f;
  Places p;
  const float* slopes;  // [point][outputs]
  float* grad_planes;
  bool to_basis;
  long sums_size() const { return (long)(f.nodes + f.outputs) * kWidth; }
};

template <int N>
static void scatter(const Backward& w, const Task& t, float* sums) {
  const Factors& f = w.f;
  const int rows = 3 * f.channels, k = t.chunk.offset, outputs = f.outputs;
  float *line = sums, *basis_sums = sums + (long)f.nodes * N;
  std::memset(sums, 0, sizeof(float) * (size_t)(f.nodes + outputs) * N);
  std::vector<float> basis((size_t)outputs * N);
  for (int j = 0; j < outputs; j++) std::memcpy(&basis[(size_t)j * N], f.basis + (size_t)j * rows + t.plane * f.channels + k, sizeof(float) * N);
  float* grad = w.grad_planes + t.plane * f.plane_size() + k;
  alignas(64) float products[kRun * N];
  for (long s0 = 0; s0 < w.p.n; s0 += kRun) {
    const int count = (int)std::min<long>(kRun, w.p.n - s0);
    for (int s = 0; s < count; s++) {
      prefetch_corners(f, w.p, t.plane, s0 + s + kAhead, k, grad);
      const int first = w.p.cell[kFirst[t.plane] * w.p.n + s0 + s];
      const bool upper = first >= t.low && first < t.high, lower = first + 1 >= t.low && first + 1 < t.high;
      if (!upper) put<N>(products + s * N, Lanes<N>{});
      if (!upper && !lower) continue;
      const Corners at(f, w.p, t.plane, s0 + s);
      const float* slope = w.slopes + (s0 + s) * outputs;
      Lanes<N> parts[4] = {};  // independent of each other, so that they overlap
      int j = 0;
      for (; j + 4 <= outputs; j += 4)
        for (int i = 0; i < 4; i++) parts[i] += slope[j + i] * take<N>(basis.data() + (size_t)(j + i) * N);
      for (; j < outputs; j++) parts[0] += slope[j] * take<N>(basis.data() + (size_t)j * N);
      const Lanes<N> to_product = (parts[0] + parts[1]) + (parts[2] + parts[3]);
      const Lanes<N> vector = at.vector<N>(k), to_matrix = to_product * vector;
      float* q = grad + (at.plane - (f.planes + t.plane * f.plane_size()));
      if (upper) {
        const Lanes<N> matrix = at.matrix<N>(k), to_vector = to_product * matrix, part = (1.f - at.a) * to_matrix;
        put<N>(q, take<N>(q) + (1.f - at.b) * part);
        put<N>(q + at.right, take<N>(q + at.right) + at.b * part);
        float* l = line + (long)w.p.cell[kAcross[t.plane] * w.p.n + s0 + s] * N;
        put<N>(l, take<N>(l) + (1.f - at.c) * to_vector);
        put<N>(l + N, take<N>(l + N) + at.c * to_vector);
        put<N>(products + s * N, matrix * vector);
      }
      if (lower) {
        const Lanes<N> part = at.a * to_matrix;
        put<N>(q + at.down, take<N>(q + at.down) + (1.f - at.b) * part);
        put<N>(q + at.down + at.right, take<N>(q + at.down + at.right) + at.b * part);
      }
    }
    if (!w.to_basis) continue;
    const float* slopes = w.slopes + s0 * outputs;
    int j = 0;
    for (; j + 8 <= outputs; j += 8) add_outer<N, 8>(slopes + j, outputs, products, count, basis_sums + j * N);
    for (; j + 4 <= outputs; j += 4) add_outer<N, 4>(slopes + j, outputs, products, count, basis_sums + j * N);
    for (; j < outputs; j++) add_outer<N, 1>(slopes + j, outputs, products, count, basis_sums + j * N);
  }
}

// Gradient to points; zero along an axis where the point had to be clamped.
static void point_gradients(const Factors& f, const Places& p, const float* unit, const float* slopes, float* out, int threads) {
  const int rows = 3 * f.channels;
  const std::vector<Chunk> parts = chunks(f.channels);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long s = 0; s < p.n; s++) {
    float to[3] = {0.f, 0.f, 0.f};
    const float* slope = slopes + s * f.outputs;
    for (int i = 0; i < 3; i++) {
      const Corners at(f, p, i, s);
      for (const Chunk& c : parts)
        with_width(c.width, [&](auto width) {
          constexpr int N = decltype(width)::value;
          const float *basis = f.basis + i * f.channels + c.offset, *q = at.plane + c.offset, *l = at.line + c.offset;
          Lanes<N> to_product = {};
          for (int j = 0; j < f.outputs; j++) to_product += slope[j] * take<N>(basis + (long)j * rows);
          const Lanes<N> to_matrix = to_product * at.vector<N>(c.offset);
          const Lanes<N> p00 = take<N>(q), p01 = take<N>(q + at.right), p10 = take<N>(q + at.down), p11 = take<N>(q + at.down + at.right);
          to[kFirst[i]] += total<N>(to_matrix * ((1.f - at.b) * (p10 - p00) + at.b * (p11 - p01)));
          to[kSecond[i]] += total<N>(to_matrix * ((1.f - at.a) * (p01 - p00) + at.a * (p11 - p10)));
          to[kAcross[i]] += total<N>(to_product * at.matrix<N>(c.offset) * (take<N>(l + at.right) - take<N>(l)));
        });
    }
    for (int axis = 0; axis < 3; axis++) {
      const float u = unit[3 * s + axis];
      out[3 * s + axis] = u > 0.f && u < 1.f ? to[axis] * (float)(f.nodes - 1) : 0.f;
    }
  }
}

// grad_planes is all zeros when it comes. grad_basis and grad_points may be empty: then they are not computed.
void vector_matrix_backward(F32<2> unit, F32<4> planes, F32<3> lines, F32<2> basis, F32<2> grad, F32Out<4> grad_planes,
                            F32Out<3> grad_lines, F32Out<2> grad_basis, F32Out<2> grad_points, int threads) {
  const Factors f{planes.data(), lines.data(), basis.data(), (int)planes.shape(1), (int)planes.shape(3), (int)basis.shape(0)};
  const long n = unit.shape(0);
  const Places p = find_places(unit.data(), n, f.nodes, threads);
  const Backward w{f, p, grad.data(), grad_planes.data(), grad_basis.shape(0) > 0};
  const std::vector<Chunk> parts = chunks(f.channels);
  // A plane's chunk of channels is one task where that makes enough of them for all threads; else its rows are shared out.
  const int whole = 3 * (int)parts.size(), slabs = std::min((2 * threads + whole - 1) / whole, f.nodes / 2);
  std::vector<Task> tasks;
  for (int i = 0; i < 3; i++) {
    const std::vector<int> borders = shares(p.cell + kFirst[i] * n, n, f.nodes, std::max(1, slabs));
    for (const Chunk& c : parts)
      for (size_t slab = 0; slab + 1 < borders.size(); slab++) tasks.push_back({i, borders[slab], borders[slab + 1], c});
  }
  static thread_local Scratch kept;
  float* sums = kept.floats(tasks.size() * w.sums_size());
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (size_t t = 0; t < tasks.size(); t++)
    with_width(tasks[t].chunk.width, [&](auto width) { scatter<decltype(width)::value>(w, tasks[t], sums + t * w.sums_size()); });
  std::memset(grad_lines.data(), 0, sizeof(float) * 3 * f.line_size());
  if (w.to_basis) std::memset(grad_basis.data(), 0, sizeof(float) * (size_t)f.outputs * 3 * f.channels);
  for (size_t t = 0; t < tasks.size(); t++) {
    const Task& task = tasks[t];
    const int N = task.chunk.width;
    const float* from = sums + t * w.sums_size();
    float* line = grad_lines.data() + task.plane * f.line_size() + task.chunk.offset;
    for (int node = 0; node < f.nodes; node++, from += N)
      for (int k = 0; k < N; k++) line[(long)node * f.channels + k] += from[k];
    for (int j = 0; w.to_basis && j < f.outputs; j++, from += N)
      for (int k = 0; k < N; k++) grad_basis.data()[((long)j * 3 + task.plane) * f.channels + task.chunk.offset + k] += from[k];
  }
  if (grad_points.shape(0) > 0) point_gradients(f, p, unit.data(), grad.data(), grad_points.data(), threads);
}

}  // namespace

void register_planes(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("vector_matrix", &vector_matrix, nb::arg("unit"), nb::arg("planes"), nb::arg("lines"), nb::arg("basis"), nb::arg("out"),
        nb::arg("threads"), guard);
  m.def("vector_matrix_backward", &vector_matrix_backward, nb::arg("unit"), nb::arg("planes"), nb::arg("lines"), nb::arg("basis"),
        nb::arg("grad"), nb::arg("grad_planes"), nb::arg("grad_lines"), nb::arg("grad_basis"), nb::arg("grad_points"),
        nb::arg("threads"), guard);
}
