// The face of a mesh that each pixel sees: a z-buffer over bands of rows, one band a thread at a time.
#include <algorithm>
#include <cmath>
#include <vector>

#include "arrays.h"

namespace {

constexpr long BAND = 32;  // Rows: few enough to share the work out, many enough to pay for visiting every face.

struct Mesh {
  const double* screen;  // Column, row, inverse depth of each vertex.
  const int64_t* faces;
  long count;
};

// Draws what falls into rows [top, bottom); `nearest` holds inverse depths of those rows.
void draw(const Mesh& mesh, long top, long bottom, long width, double* nearest, int64_t* seen) {
  for (long f = 0; f < mesh.count; f++) {
    const int64_t* corner = mesh.faces + 3 * f;
    if (corner[0] < 0 || corner[1] < 0 || corner[2] < 0) continue;
    const double *a = mesh.screen + 3 * corner[0], *b = mesh.screen + 3 * corner[1], *c = mesh.screen + 3 * corner[2];
    const double y_low = std::min({a[1], b[1], c[1]}), y_high = std::max({a[1], b[1], c[1]});
    if (!(y_high - 0.5 >= (double)top && y_low - 0.5 <= (double)(bottom - 1))) continue;
    const double x_low = std::min({a[0], b[0], c[0]}), x_high = std::max({a[0], b[0], c[0]});
    if (!(x_high >= 0.5 && x_low <= (double)width - 0.5)) continue;
    const double ux = b[0] - a[0], uy = b[1] - a[1], vx = c[0] - a[0], vy = c[1] - a[1], area = ux * vy - vx * uy;
    if (area == 0) continue;
    const long row0 = (long)std::max(std::ceil(y_low - 0.5), (double)top);
    const long row1 = (long)std::min(std::floor(y_high - 0.5), (double)(bottom - 1));
    const long column0 = (long)std::max(std::ceil(x_low - 0.5), 0.0);
    const long column1 = (long)std::min(std::floor(x_high - 0.5), (double)(width - 1));
    for (long row = row0; row <= row1; row++) {
      const double py = (double)row + 0.5 - a[1];
      for (long column = column0; column <= column1; column++) {
        const double px = (double)column + 0.5 - a[0];
        const double second = (px * vy - vx * py) / area, third = (ux * py - px * uy) / area, first = 1.0 - second - third;
        if (first < 0 || second < 0 || third < 0) continue;
        const double inverse_depth = first * a[2] + second * b[2] + third * c[2];
        const long pixel = (row - top) * width + column;
        if (inverse_depth > nearest[pixel]) nearest[pixel] = inverse_depth, seen[row * width + column] = f;
      }
    }
  }
}

void rasterize(In<double, 2> screen, I64<2> faces, I64Out<2> seen, int threads) {
  const Mesh mesh{screen.data(), faces.data(), (long)faces.shape(0)};
  const long height = seen.shape(0), width = seen.shape(1);
  int64_t* out = seen.data();
#pragma omp parallel num_threads(threads)
  {
    std::vector<double> nearest;
#pragma omp for schedule(dynamic, 1)
    for (long top = 0; top < height; top += BAND) {
      const long bottom = std::min(top + BAND, height);
      nearest.assign((bottom - top) * width, 0.0);
      std::fill(out + top * width, out + bottom * width, (int64_t)-1);
      draw(mesh, top, bottom, width, nearest.data(), out);
    }
  }
}

}  // namespace

void register_rasterize(nb::module_& m) {
  m.def("rasterize", &rasterize, nb::arg("screen"), nb::arg("faces"), nb::arg("seen"), nb::arg("threads"),
        nb::call_guard<nb::gil_scoped_release>());
}
