// Gaussian splats of one pinhole camera, forward and backward (Kerbl et al. 2023; Zwicker et al. 2001).
//
// Gaussians are projected, sorted by depth and listed for each tile that they touch; a tile is composited front to back,
// a row of its pixels in vectors at a time. The backward pass goes the same way once more: what lies behind a Gaussian is
// the rest of the sum that the forward pass found.
#include <algorithm>
#include <cmath>
#include <vector>

#include "arrays.h"
#include "vec.h"

namespace {

constexpr int kTile = 16, kHarmonics = 16, kSums = 9, kCheckEvery = 16;
constexpr float kDilation = 0.3f, kLeastAlpha = 1.f / 255.f, kMostAlpha = 0.99f, kOpaque = 1e-4f, kMargin = 0.3f;

struct Camera {
  float turn[9], shift[3], fx, fy, cx, cy, near;  // camera = turn * world + shift
  int height, width;
  float low[2], high[2];  // of x/z and y/z in the Jacobian

  Camera(const float* c, int h, int w) : fx(c[12]), fy(c[13]), cx(c[14]), cy(c[15]), near(c[16]), height(h), width(w) {
    std::copy(c, c + 9, turn), std::copy(c + 9, c + 12, shift);
    const float u = kMargin * 0.5f * w / fx, v = kMargin * 0.5f * h / fy;
    low[0] = -cx / fx - u, high[0] = (w - cx) / fx + u, low[1] = -cy / fy - v, high[1] = (h - cy) / fy + v;
  }
};

struct Cloud {
  const float *means, *quaternions, *log_scales, *logits, *harmonics;
  long count;
  int terms;  // spherical harmonics of each
};

// What one Gaussian is in the image.
struct Spot {
  float x, y, a, b, c, opacity, limit, color[3], depth;  // conic (a b; b c); exponents beyond `limit` are not drawn
  int left, right, top, bottom;                          // pixels, the ends excluded; nothing is drawn where left == right
};

// How a Gaussian came to be its spot.
struct Projection {
  float place[3], u, v, uc, vc, length, unit[4], turn[9], scale[3], spread[9], across[6], seen[6];
};

INLINE float total(vf v) {
  float t[kWidth];
  store(t, v);
  for (int w = kWidth / 2; w; w /= 2)
    for (int i = 0; i < w; i++) t[i] += t[i + w];
  return t[0];
}

void rotation(const float* q, float* r) {
  const float w = q[0], x = q[1], y = q[2], z = q[3];
  r[0] = 1 - 2 * (y * y + z * z), r[1] = 2 * (x * y - w * z), r[2] = 2 * (x * z + w * y);
  r[3] = 2 * (x * y + w * z), r[4] = 1 - 2 * (x * x + z * z), r[5] = 2 * (y * z - w * x);
  r[6] = 2 * (x * z - w * y), r[7] = 2 * (y * z + w * x), r[8] = 1 - 2 * (x * x + y * y);
}

// False where a Gaussian is not before the camera.
bool project(const Cloud& g, const Camera& cam, long i, Projection& p) {
  const float *m = g.means + 3 * i, *q = g.quaternions + 4 * i;
  for (int r = 0; r < 3; r++)
    p.place[r] = cam.turn[3 * r] * m[0] + cam.turn[3 * r + 1] * m[1] + cam.turn[3 * r + 2] * m[2] + cam.shift[r];
  const float z = p.place[2];
  if (!(z > cam.near)) return false;
  p.u = p.place[0] / z, p.v = p.place[1] / z;
  p.uc = std::min(std::max(p.u, cam.low[0]), cam.high[0]), p.vc = std::min(std::max(p.v, cam.low[1]), cam.high[1]);
  p.length = std::max(std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]), 1e-12f);
  for (int k = 0; k < 4; k++) p.unit[k] = q[k] / p.length;
  rotation(p.unit, p.turn);
  for (int k = 0; k < 3; k++) p.scale[k] = std::exp(g.log_scales[3 * i + k]);
  for (int k = 0; k < 9; k++) p.spread[k] = p.turn[k] * p.scale[k % 3];
  for (int k = 0; k < 3; k++) {  // across = Jacobian * turn of the camera
    p.across[k] = (cam.turn[k] - p.uc * cam.turn[6 + k]) * cam.fx / z;
    p.across[3 + k] = (cam.turn[3 + k] - p.vc * cam.turn[6 + k]) * cam.fy / z;
  }
  for (int r = 0; r < 2; r++)
    for (int k = 0; k < 3; k++)
      p.seen[3 * r + k] = p.across[3 * r] * p.spread[k] + p.across[3 * r + 1] * p.spread[3 + k] + p.across[3 * r + 2] * p.spread[6 + k];
  return true;
}

INLINE float dot3(const float* a, const float* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// From where a Gaussian is seen: the unit direction, and the distance.
float direction(const Cloud& g, const Camera& cam, long i, float* d) {
  for (int k = 0; k < 3; k++)
    d[k] = g.means[3 * i + k] + cam.turn[k] * cam.shift[0] + cam.turn[3 + k] * cam.shift[1] + cam.turn[6 + k] * cam.shift[2];
  const float length = std::max(std::sqrt(dot3(d, d)), 1e-12f);
  for (int k = 0; k < 3; k++) d[k] /= length;
  return length;
}

// Spherical harmonics as in harmonics.py.
void harmonics(const float* d, float* h) {
  const float x = d[0], y = d[1], z = d[2], xx = x * x, yy = y * y, zz = z * z;
  h[0] = 0.28209479177387814f;
  h[1] = -0.48860251190291987f * y, h[2] = 0.48860251190291987f * z, h[3] = -0.48860251190291987f * x;
  h[4] = 1.0925484305920792f * x * y, h[5] = -1.0925484305920792f * y * z;
  h[6] = 0.94617469575755997f * zz - 0.31539156525251999f, h[7] = -1.0925484305920792f * x * z;
  h[8] = 0.54627421529603959f * (xx - yy), h[9] = 0.59004358992664352f * y * (yy - 3.f * xx);
  h[10] = 2.8906114426405538f * x * y * z, h[11] = 0.45704579946446572f * y * (1.f - 5.f * zz);
  h[12] = 0.3731763325901154f * z * (5.f * zz - 3.f), h[13] = 0.45704579946446572f * x * (1.f - 5.f * zz);
  h[14] = 1.4453057213202769f * z * (xx - yy), h[15] = 0.59004358992664352f * x * (3.f * yy - xx);
}

// Their slopes along x, y and z, weighted.
void harmonics_slope(const float* d, const float* w, int terms, float* slope) {
  const float x = d[0], y = d[1], z = d[2], xx = x * x, yy = y * y, zz = z * z;
  float X = 0, Y = 0, Z = 0;
  if (terms > 1) {
    const float n = 0.48860251190291987f;
    X -= n * w[3], Y -= n * w[1], Z += n * w[2];
  }
  if (terms > 4) {
    const float n = 1.0925484305920792f, m = 2.f * 0.54627421529603959f;
    X += n * (w[4] * y - w[7] * z) + m * w[8] * x;
    Y += n * (w[4] * x - w[5] * z) - m * w[8] * y;
    Z += -n * (w[5] * y + w[7] * x) + 2.f * 0.94617469575755997f * w[6] * z;
  }
  if (terms > 9) {
    const float n = 0.59004358992664352f, m = 2.8906114426405538f, k = 0.45704579946446572f, l = 1.4453057213202769f;
    X += -6.f * n * w[9] * x * y + m * w[10] * y * z + k * w[13] * (1.f - 5.f * zz) + 2.f * l * w[14] * x * z +
         3.f * n * w[15] * (yy - xx);
    Y += 3.f * n * w[9] * (yy - xx) + m * w[10] * x * z + k * w[11] * (1.f - 5.f * zz) - 2.f * l * w[14] * y * z +
         6.f * n * w[15] * x * y;
    Z += m * w[10] * x * y - 10.f * k * z * (w[11] * y + w[13] * x) + 0.3731763325901154f * w[12] * (15.f * zz - 3.f) +
         l * w[14] * (xx - yy);
  }
  slope[0] = X, slope[1] = Y, slope[2] = Z;
}

// The first pixel whose centre is not before `at`, within the image.
INLINE int pixel_from(float at, int size) { return (int)std::min(std::max(std::ceil(at - 0.5f), 0.f), (float)size); }

void place_spot(const Cloud& g, const Camera& cam, long i, Spot& s) {
  s.left = s.right = s.top = s.bottom = 0;
  Projection p;
  s.opacity = 1.f / (1.f + std::exp(-g.logits[i]));
  if (!(s.opacity > kLeastAlpha) || !project(g, cam, i, p)) return;
  s.x = cam.fx * p.u + cam.cx, s.y = cam.fy * p.v + cam.cy, s.depth = p.place[2];
  const float *b0 = p.seen, *b1 = p.seen + 3;
  const float xx = dot3(b0, b0) + kDilation, xy = dot3(b0, b1), yy = dot3(b1, b1) + kDilation, det = xx * yy - xy * xy;
  if (!(det > 0.f) || !std::isfinite(det) || !std::isfinite(s.x) || !std::isfinite(s.y)) return;
  s.a = yy / det, s.b = -xy / det, s.c = xx / det;
  s.limit = std::log(s.opacity / kLeastAlpha);
  const float wide = std::sqrt(2.f * s.limit * xx), high = std::sqrt(2.f * s.limit * yy);
  s.left = pixel_from(s.x - wide, cam.width), s.right = pixel_from(s.x + wide + 1e-3f, cam.width);
  s.top = pixel_from(s.y - high, cam.height), s.bottom = pixel_from(s.y + high + 1e-3f, cam.height);
  if (s.top >= s.bottom || s.left >= s.right) s.left = s.right = s.top = s.bottom = 0;
  if (s.left == s.right) return;
  float d[3], h[kHarmonics];
  direction(g, cam, i, d), harmonics(d, h);
  const float* sh = g.harmonics + 3 * g.terms * i;
  for (int c = 0; c < 3; c++) {
    float sum = 0.5f;
    for (int k = 0; k < g.terms; k++) sum += sh[3 * k + c] * h[k];
    s.color[c] = std::max(sum, 0.f);
  }
}

// Indices of what is drawn, the nearest first; by their order where they are as near (a radix sort of positive floats).
std::vector<int32_t> by_depth(const std::vector<Spot>& spots) {
  std::vector<std::pair<uint32_t, int32_t>> now, next;
  for (size_t i = 0; i < spots.size(); i++) {
    if (spots[i].left == spots[i].right) continue;
    uint32_t key;
    std::memcpy(&key, &spots[i].depth, 4);
    now.emplace_back(key, (int32_t)i);
  }
  next.resize(now.size());
  for (int shift = 0; shift < 32; shift += 11) {
    uint32_t starts[2049] = {};
    for (auto& item : now) starts[((item.first >> shift) & 2047) + 1]++;
    for (int b = 0; b < 2048; b++) starts[b + 1] += starts[b];
    for (auto& item : now) next[starts[(item.first >> shift) & 2047]++] = item;
    now.swap(next);
  }
  std::vector<int32_t> order(now.size());
  for (size_t i = 0; i < now.size(); i++) order[i] = now[i].second;
  return order;
}

// For each tile the Gaussians that touch it, the nearest first.
struct Lists {
  int across, down;
  std::vector<Spot> spots;
  std::vector<int64_t> starts;     // of each tile's part of `gaussians`
  std::vector<int32_t> gaussians;
  std::vector<int64_t> entries;    // of each Gaussian's part of `places`
  std::vector<int64_t> places;     // where in `gaussians` it is
};

Lists list_tiles(const Cloud& g, const Camera& cam, int threads) {
  Lists t;
  t.across = (cam.width + kTile - 1) / kTile, t.down = (cam.height + kTile - 1) / kTile;
  t.spots.resize(g.count), t.starts.assign(t.across * t.down + 1, 0), t.entries.assign(g.count + 1, 0);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long i = 0; i < g.count; i++) place_spot(g, cam, i, t.spots[i]);
  const std::vector<int32_t> order = by_depth(t.spots);
  const auto each_tile = [&](const Spot& s, auto&& visit) {
    for (int row = s.top / kTile; row <= (s.bottom - 1) / kTile; row++)
      for (int column = s.left / kTile; column <= (s.right - 1) / kTile; column++) visit(row * t.across + column);
  };
  for (int32_t i : order) each_tile(t.spots[i], [&](int tile) { t.starts[tile + 1]++, t.entries[i + 1]++; });
  for (size_t k = 1; k < t.starts.size(); k++) t.starts[k] += t.starts[k - 1];
  for (size_t k = 1; k < t.entries.size(); k++) t.entries[k] += t.entries[k - 1];
  t.gaussians.resize(t.starts.back()), t.places.resize(t.starts.back());
  std::vector<int64_t> next(t.starts);
  for (int32_t i : order) {
    int64_t entry = t.entries[i];
    each_tile(t.spots[i], [&](int tile) { t.gaussians[next[tile]] = i, t.places[entry++] = next[tile]++; });
  }
  return t;
}

// The pixels of a tile, row by row.
struct Patch {
  int left, top, right, bottom;
  Patch(const Lists& t, const Camera& cam, int tile)
      : left(tile % t.across * kTile), top(tile / t.across * kTile),
        right(std::min(left + kTile, cam.width)), bottom(std::min(top + kTile, cam.height)) {}

  // All light passes to begin with; none where the image has no pixel.
  void open(float* T) const {
    for (int at = 0; at < kTile * kTile; at++) T[at] = top + at / kTile < bottom && left + at % kTile < right ? 1.f : 0.f;
  }
};

bool all_opaque(const float* T) {
  vi some = load(T) >= kOpaque;
  for (int i = kWidth; i < kTile * kTile; i += kWidth) some |= load(T + i) >= kOpaque;
  return bits(some) == 0;
}

INLINE vf columns(float x) { return __builtin_convertvector(lane_numbers(), vf) + (0.5f - x); }

// Calls `visit(place in the patch, dx, dy, exponent, drawn)` for each vector of pixels that a Gaussian reaches.
template <typename Visit>
INLINE void each_vector(const Spot& s, const Patch& patch, const float* T, Visit&& visit) {
  const int first = std::max(s.left - patch.left, 0) / kWidth * kWidth, last = std::min(s.right - patch.left, kTile);
  const vf lanes = columns(s.x - patch.left);
  for (int row = std::max(s.top, patch.top); row < std::min(s.bottom, patch.bottom); row++) {
    const float dy = row + 0.5f - s.y;
    for (int column = first; column < last; column += kWidth) {
      const vf dx = lanes + (float)column, q = dx * (0.5f * s.a * dx + s.b * dy) + 0.5f * s.c * dy * dy;
      const int at = (row - patch.top) * kTile + column;
      const vi drawn = (q <= s.limit) & (load(T + at) >= kOpaque);
      if (bits(drawn)) visit(at, dx, dy, q, drawn);
    }
  }
}

void draw_tile(const Lists& t, const Camera& cam, int tile, float* color, float* alpha) {
  const Patch patch(t, cam, tile);
  alignas(64) float T[kTile * kTile], C[3][kTile * kTile] = {};
  patch.open(T);
  for (int64_t k = t.starts[tile]; k < t.starts[tile + 1]; k++) {
    const Spot& s = t.spots[t.gaussians[k]];
    each_vector(s, patch, T, [&](int at, vf, float, vf q, vi drawn) {
      vf hit = s.opacity * vexp(-q);
      hit = select(drawn, select(hit > kMostAlpha, splat(kMostAlpha), hit), splat(0.f));
      const vf through = load(T + at), w = through * hit;
      for (int c = 0; c < 3; c++) store(C[c] + at, load(C[c] + at) + w * s.color[c]);
      store(T + at, through - w);
    });
    if (k % kCheckEvery == 0 && all_opaque(T)) break;
  }
  for (int y = patch.top; y < patch.bottom; y++)
    for (int x = patch.left; x < patch.right; x++) {
      const int at = (y - patch.top) * kTile + x - patch.left;
      const long pixel = (long)y * cam.width + x;
      for (int c = 0; c < 3; c++) color[3 * pixel + c] = C[c][at];
      alpha[pixel] = 1.f - T[at];
    }
}

// Slopes of the loss at a tile's pixels, and the sum that lies behind what is composited so far.
struct Slopes {
  alignas(64) float color[3][kTile * kTile] = {}, alpha[kTile * kTile] = {}, behind[kTile * kTile] = {};

  Slopes(const Patch& patch, int width, const float* out_color, const float* out_alpha, const float* to_color, const float* to_alpha) {
    for (int y = patch.top; y < patch.bottom; y++)
      for (int x = patch.left; x < patch.right; x++) {
        const int at = (y - patch.top) * kTile + x - patch.left;
        const long pixel = (long)y * width + x;
        for (int c = 0; c < 3; c++) color[c][at] = to_color[3 * pixel + c];
        alpha[at] = to_alpha[pixel];
        behind[at] = dot3(out_color + 3 * pixel, to_color + 3 * pixel) + out_alpha[pixel] * to_alpha[pixel];
      }
  }
};

// dL/dalpha_i = T_i v_i - behind_i / (1 - alpha_i), where v_i is the loss's slope to the weight T_i alpha_i.
// `sums` gets of each Gaussian in the tile: slopes of its colour, and the moments of -dL/dq over dx^j dy^k.
void draw_tile_backward(const Lists& t, const Patch& patch, int tile, Slopes& slopes, float* sums) {
  alignas(64) float T[kTile * kTile];
  patch.open(T);
  for (int64_t k = t.starts[tile]; k < t.starts[tile + 1]; k++) {
    const Spot& s = t.spots[t.gaussians[k]];
    vf sum[kSums] = {};
    bool touched = false;
    each_vector(s, patch, T, [&](int at, vf dx, float dy, vf q, vi drawn) {
      touched = true;
      const vf free = s.opacity * vexp(-q);
      const vi held = free > kMostAlpha;
      const vf hit = select(drawn, select(held, splat(kMostAlpha), free), splat(0.f)), through = load(T + at), w = through * hit;
      vf slope = load(slopes.alpha + at);
      for (int c = 0; c < 3; c++) {
        const vf g = load(slopes.color[c] + at);
        slope += g * s.color[c], sum[c] += w * g;
      }
      const vf behind = load(slopes.behind + at) - w * slope;
      store(slopes.behind + at, behind), store(T + at, through - w);
      const vf m = select(held, splat(0.f), hit * (through * slope - behind / (1.f - hit))), mx = m * dx;
      sum[3] += m, sum[4] += mx, sum[5] += m * dy, sum[6] += mx * dx, sum[7] += mx * dy, sum[8] += m * (dy * dy);
    });
    if (touched)
      for (int j = 0; j < kSums; j++) sums[kSums * k + j] = total(sum[j]);
    if (k % kCheckEvery == 0 && all_opaque(T)) break;
  }
}

struct Gradients {
  float *means, *quaternions, *log_scales, *logits, *harmonics;
};

void rotation_backward(const float* q, const float* g, float* to_q) {
  const float w = q[0], x = q[1], y = q[2], z = q[3];
  to_q[0] = 2 * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1]));
  to_q[1] = 2 * (y * (g[1] + g[3]) + z * (g[2] + g[6]) + w * (g[7] - g[5]) - 2 * x * (g[4] + g[8]));
  to_q[2] = 2 * (x * (g[1] + g[3]) + z * (g[5] + g[7]) + w * (g[2] - g[6]) - 2 * y * (g[0] + g[8]));
  to_q[3] = 2 * (x * (g[2] + g[6]) + y * (g[5] + g[7]) + w * (g[3] - g[1]) - 2 * z * (g[0] + g[4]));
}

// From the slope to the covariance in the image to scales, rotation and place; H = dL/d(xx xy; xy yy).
void shape_backward(const Projection& p, const Camera& cam, const float* H, long i, const Gradients& out, float* to_u, float* to_z) {
  float to_seen[6], to_across[6] = {}, to_turn[9], to_scale[3] = {};
  for (int k = 0; k < 3; k++) {
    to_seen[k] = 2.f * (H[0] * p.seen[k] + H[1] * p.seen[3 + k]);
    to_seen[3 + k] = 2.f * (H[1] * p.seen[k] + H[2] * p.seen[3 + k]);
  }
  for (int r = 0; r < 3; r++)
    for (int k = 0; k < 3; k++) {
      to_across[r] += to_seen[k] * p.spread[3 * r + k], to_across[3 + r] += to_seen[3 + k] * p.spread[3 * r + k];
      const float to_spread = p.across[r] * to_seen[k] + p.across[3 + r] * to_seen[3 + k];
      to_turn[3 * r + k] = to_spread * p.scale[k], to_scale[k] += to_spread * p.turn[3 * r + k];
    }
  for (int k = 0; k < 3; k++) out.log_scales[3 * i + k] = to_scale[k] * p.scale[k];
  float to_q[4];
  rotation_backward(p.unit, to_turn, to_q);
  const float along = p.unit[0] * to_q[0] + p.unit[1] * to_q[1] + p.unit[2] * to_q[2] + p.unit[3] * to_q[3];
  for (int k = 0; k < 4; k++) out.quaternions[4 * i + k] = (to_q[k] - p.unit[k] * along) / p.length;
  const float z = p.place[2], fx = cam.fx / z, fy = cam.fy / z;
  const float j00 = dot3(to_across, cam.turn), j02 = dot3(to_across, cam.turn + 6);
  const float j11 = dot3(to_across + 3, cam.turn + 3), j12 = dot3(to_across + 3, cam.turn + 6);
  *to_z = -(fx * (j00 - p.uc * j02) + fy * (j11 - p.vc * j12)) / z;
  to_u[0] = p.u == p.uc ? -fx * j02 : 0.f, to_u[1] = p.v == p.vc ? -fy * j12 : 0.f;
}

void color_backward(const Cloud& g, const Camera& cam, const Spot& s, const float* to_color, long i, const Gradients& out, float* to_mean) {
  float d[3], h[kHarmonics], w[kHarmonics], slope[3], masked[3];
  const float length = direction(g, cam, i, d);
  harmonics(d, h);
  for (int c = 0; c < 3; c++) masked[c] = s.color[c] > 0.f ? to_color[c] : 0.f;
  const float* sh = g.harmonics + 3 * g.terms * i;
  float* to_sh = out.harmonics + 3 * g.terms * i;
  for (int k = 0; k < g.terms; k++) {
    w[k] = dot3(sh + 3 * k, masked);
    for (int c = 0; c < 3; c++) to_sh[3 * k + c] = h[k] * masked[c];
  }
  harmonics_slope(d, w, g.terms, slope);
  const float along = dot3(d, slope);
  for (int k = 0; k < 3; k++) to_mean[k] += (slope[k] - along * d[k]) / length;
}

void clear(const Cloud& g, long i, const Gradients& out) {
  std::fill_n(out.means + 3 * i, 3, 0.f), std::fill_n(out.quaternions + 4 * i, 4, 0.f);
  std::fill_n(out.log_scales + 3 * i, 3, 0.f), std::fill_n(out.harmonics + 3 * g.terms * i, 3 * g.terms, 0.f);
  out.logits[i] = 0.f;
}

void spot_backward(const Cloud& g, const Camera& cam, const Spot& s, const float* m, long i, const Gradients& out) {
  Projection p;
  project(g, cam, i, p);
  out.logits[i] = m[3] * (1.f - s.opacity);
  // H = -K G K with the conic K and its slope G = (-m6/2, -m7/2; -m7/2, -m8/2).
  const float xx = s.a * m[6] + s.b * m[7], xy = s.a * m[7] + s.b * m[8], yx = s.b * m[6] + s.c * m[7], yy = s.b * m[7] + s.c * m[8];
  const float H[3] = {0.5f * (xx * s.a + xy * s.b), 0.5f * (xx * s.b + xy * s.c), 0.5f * (yx * s.b + yy * s.c)};
  float to_u[2], to_z, to_mean[3] = {};
  shape_backward(p, cam, H, i, out, to_u, &to_z);
  to_u[0] += cam.fx * (s.a * m[4] + s.b * m[5]), to_u[1] += cam.fy * (s.b * m[4] + s.c * m[5]);
  const float z = p.place[2];
  const float to_place[3] = {to_u[0] / z, to_u[1] / z, to_z - (to_u[0] * p.u + to_u[1] * p.v) / z};
  color_backward(g, cam, s, m, i, out, to_mean);
  for (int k = 0; k < 3; k++)
    out.means[3 * i + k] = to_mean[k] + cam.turn[k] * to_place[0] + cam.turn[3 + k] * to_place[1] + cam.turn[6 + k] * to_place[2];
}

void gaussians(F32<2> means, F32<2> quaternions, F32<2> log_scales, F32<1> logits, F32<3> coefficients, F32<1> camera,
               F32Out<3> color, F32Out<2> alpha, int threads) {
  const Cloud g{means.data(), quaternions.data(), log_scales.data(), logits.data(), coefficients.data(), (long)means.shape(0),
                (int)coefficients.shape(1)};
  const Camera cam(camera.data(), (int)alpha.shape(0), (int)alpha.shape(1));
  const Lists t = list_tiles(g, cam, threads);
  float *c = color.data(), *a = alpha.data();
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads)
  for (int tile = 0; tile < t.across * t.down; tile++) draw_tile(t, cam, tile, c, a);
}

void gaussians_backward(F32<2> means, F32<2> quaternions, F32<2> log_scales, F32<1> logits, F32<3> coefficients, F32<1> camera,
                        F32<3> color, F32<2> alpha, F32<3> to_color, F32<2> to_alpha, F32Out<2> to_means,
                        F32Out<2> to_quaternions, F32Out<2> to_log_scales, F32Out<1> to_logits, F32Out<3> to_coefficients,
                        int threads) {
  const Cloud g{means.data(), quaternions.data(), log_scales.data(), logits.data(), coefficients.data(), (long)means.shape(0),
                (int)coefficients.shape(1)};
  const Camera cam(camera.data(), (int)alpha.shape(0), (int)alpha.shape(1));
  const Gradients out{to_means.data(), to_quaternions.data(), to_log_scales.data(), to_logits.data(), to_coefficients.data()};
  const Lists t = list_tiles(g, cam, threads);
  std::vector<float> sums(kSums * t.gaussians.size(), 0.f);
  const float *c = color.data(), *a = alpha.data(), *gc = to_color.data(), *ga = to_alpha.data();
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads)
  for (int tile = 0; tile < t.across * t.down; tile++) {
    const Patch patch(t, cam, tile);
    Slopes slopes(patch, cam.width, c, a, gc, ga);
    draw_tile_backward(t, patch, tile, slopes, sums.data());
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (long i = 0; i < g.count; i++) {
    if (t.entries[i] == t.entries[i + 1]) {
      clear(g, i, out);
      continue;
    }
    float all[kSums] = {};
    for (int64_t e = t.entries[i]; e < t.entries[i + 1]; e++)
      for (int j = 0; j < kSums; j++) all[j] += sums[kSums * t.places[e] + j];
    spot_backward(g, cam, t.spots[i], all, i, out);
  }
}

}  // namespace

void register_gaussians(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("gaussians", &gaussians, nb::arg("means"), nb::arg("quaternions"), nb::arg("log_scales"), nb::arg("logits"),
        nb::arg("coefficients"), nb::arg("camera"), nb::arg("color"), nb::arg("alpha"), nb::arg("threads"), guard);
  m.def("gaussians_backward", &gaussians_backward, nb::arg("means"), nb::arg("quaternions"), nb::arg("log_scales"),
        nb::arg("logits"), nb::arg("coefficients"), nb::arg("camera"), nb::arg("color"), nb::arg("alpha"), nb::arg("to_color"),
        nb::arg("to_alpha"), nb::arg("to_means"), nb::arg("to_quaternions"), nb::arg("to_log_scales"), nb::arg("to_logits"),
        nb::arg("to_coefficients"), nb::arg("threads"), guard);
}
