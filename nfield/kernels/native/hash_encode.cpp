// Hash-grid encoding on its own: points -> features, and both gradients.
#include "grid.h"

namespace {

constexpr int kMaxRows = 64;  // two features of up to 32 levels

void encode(F32<2> points, F32<2> table, GRID_PARAMETERS, F32Out<2> out, int threads) {
  Grid g = GRID_FROM_PARAMETERS;
  const long n = points.shape(0), rows = 2 * g.levels;
  const float *p = points.data(), *t = table.data();
  float* o = out.data();
#pragma omp parallel num_threads(threads)
  {
    alignas(64) float x[kTile], y[kTile], z[kTile], f[kMaxRows * kTile];
#pragma omp for schedule(dynamic, 8)
    for (long b = 0; b < (n + kTile - 1) / kTile; b++) {
      const long s0 = b * kTile;
      const int count = (int)std::min<long>(kTile, n - s0);
      load_points(p, s0, count, x, y, z);
      for (int l = 0; l < g.levels; l++) encode_level(g, t, l, x, y, z, kTile, kTile, f + 2 * l * kTile, f + (2 * l + 1) * kTile);
      for (int s = 0; s < count; s++)
        for (int r = 0; r < rows; r++) o[(s0 + s) * rows + r] = f[r * kTile + s];
    }
  }
}

// grad_points may be empty: then it is not computed.
void encode_backward(F32<2> points, F32<2> table, F32<2> grad, GRID_PARAMETERS, F32Out<2> grad_table, F32Out<2> grad_points,
                     int threads) {
  Grid g = GRID_FROM_PARAMETERS;
  const long n = points.shape(0), rows = 2 * g.levels, tiles = (n + kTile - 1) / kTile;
  float* d = new (std::align_val_t(64)) float[std::max<long>(1, tiles) * rows * kTile];
  const bool wants_points = grad_points.shape(0) > 0;
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads)
  for (long b = 0; b < tiles; b++) {  // [point][feature] -> [tile][feature][point]
    const int count = (int)std::min<long>(kTile, n - b * kTile);
    float* block = d + b * rows * kTile;
    for (int r = 0; r < rows; r++)
      for (int s = 0; s < kTile; s++) block[r * kTile + s] = s < count ? grad.data()[(b * kTile + s) * rows + r] : 0.f;
    if (wants_points) point_gradients(g, table.data(), points.data(), b * kTile, count, block, grad_points.data());
  }
  scatter(g, points.data(), d, kTile, rows * kTile, n, grad_table.data(), threads);
  ::operator delete[](d, std::align_val_t(64));
}

}  // namespace

void register_hash_encode(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("hash_encode", &encode, nb::arg("points"), nb::arg("table"), GRID_NAMES, nb::arg("out"), nb::arg("threads"), guard);
  m.def("hash_encode_backward", &encode_backward, nb::arg("points"), nb::arg("table"), nb::arg("grad"), GRID_NAMES,
        nb::arg("grad_table"), nb::arg("grad_points"), nb::arg("threads"), guard);
}
