// The fused radiance field: hash grid -> density MLP -> (spherical harmonics, feature) -> colour MLP.
//
// Tiles of 128 samples stay in cache from the encoding to the outputs. Activations are [feature][sample], so each
// layer is a small matrix product with samples along the vectors. The backward pass recomputes the activations
// from the saved encoding, which costs no more than reading them back.
#include "grid.h"
#include "scratch.h"

namespace {

constexpr int kEncoded = 32;    // rows of an encoded tile; rows that the grid does not fill are zero
constexpr int kFeature = 16;    // the density network's output; its first entry is the log-density
constexpr int kHarmonics = 16;  // degree 4
constexpr int kAppearance = kFeature - 1;
constexpr int kColorIn = kFeature + kHarmonics;
constexpr long kChunk = 1 << 14;  // samples that go through one level of the grid before the next level

struct Weights {
  const float *density1, *density2, *color1, *color2, *color3;  // row-major [out][in]
};

// The weights of hidden width H, transposed once a call so that the products read them in order.
template <int H>
struct alignas(64) Network {
  Weights w;
  float density1[kEncoded * H], density2[H * kFeature], color1[kColorIn * H], color2[H * H], color3[H * 3];

  Network(const Weights& weights, bool with_color) : w(weights) {
    turn(w.density1, density1, H, kEncoded);
    turn(w.density2, density2, kFeature, H);
    if (!with_color) return;
    turn(w.color1, color1, H, kColorIn);
    turn(w.color2, color2, H, H);
    turn(w.color3, color3, 3, H);
  }
  static void turn(const float* in, float* out, int rows, int columns) {
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c++) out[c * rows + r] = in[r * columns + c];
  }
};

template <int H>
struct alignas(64) Activations {
  float density_hidden[H * kTile], color_in[kColorIn * kTile], color_hidden1[H * kTile], color_hidden2[H * kTile], color[3 * kTile];
};

template <int H>
struct alignas(64) Gradients {
  float color[3 * kTile], a[H * kTile], b[H * kTile], color_in[kColorIn * kTile], turned[H * kTile > kColorIn * kTile ? H * kTile : kColorIn * kTile];
};

// Where each weight's gradient begins in a thread's accumulator.
template <int H>
struct Offsets {
  static constexpr int density1 = 0, density2 = density1 + H * kEncoded, color1 = density2 + kFeature * H,
                       color2 = color1 + H * kColorIn, color3 = color2 + H * H, end = color3 + 3 * H;
};

// Real spherical harmonics of degree 4 (16 rows) of unit directions, signs as in tiny-cuda-nn.
static void harmonics(const float* dirs, long s0, int count, float* out) {
  alignas(64) float d[3][kTile] = {};
  for (int i = 0; i < count; i++)
    for (int a = 0; a < 3; a++) d[a][i] = dirs[3 * (s0 + i) + a];
  for (int s = 0; s < kTile; s += kWidth) {
    vf x = load(d[0] + s), y = load(d[1] + s), z = load(d[2] + s);
    vf xy = x * y, xz = x * z, yz = y * z, x2 = x * x, y2 = y * y, z2 = z * z;
    const vf rows[kHarmonics] = {
        splat(0.28209479177387814f),
        -0.48860251190291987f * y,
        0.48860251190291987f * z,
        -0.48860251190291987f * x,
        1.0925484305920792f * xy,
        -1.0925484305920792f * yz,
        0.94617469575755997f * z2 - 0.31539156525251999f,
        -1.0925484305920792f * xz,
        0.54627421529603959f * (x2 - y2),
        0.59004358992664352f * y * (y2 - 3.f * x2),
        2.8906114426405538f * xy * z,
        0.45704579946446572f * y * (1.f - 5.f * z2),
        0.3731763325901154f * z * (5.f * z2 - 3.f),
        0.45704579946446572f * x * (1.f - 5.f * z2),
        1.4453057213202769f * z * (x2 - y2),
        0.59004358992664352f * x * (3.f * y2 - x2),
    };
    for (int r = 0; r < kHarmonics; r++) store(out + r * kTile + s, rows[r]);
  }
}

// The gradient of unit directions from that of their harmonics, `grad` [kHarmonics][kTile].
static void harmonics_backward(const float* dirs, const float* grad, long s0, int count, float* out) {
  for (int i = 0; i < count; i++) {
    const float x = dirs[3 * (s0 + i)], y = dirs[3 * (s0 + i) + 1], z = dirs[3 * (s0 + i) + 2];
    const float x2 = x * x, y2 = y * y, z2 = z * z;
    float g[kHarmonics];
    for (int r = 0; r < kHarmonics; r++) g[r] = grad[r * kTile + i];
    const float a = 0.48860251190291987f, b = 1.0925484305920792f, c = 3.5402615395598609f, d = 2.8906114426405538f,
                e = 0.45704579946446572f, f = 1.4453057213202769f;
    float* o = out + 3 * (s0 + i);
    o[0] = -a * g[3] + b * (y * g[4] - z * g[7] + x * g[8]) - c * x * y * g[9] + d * y * z * g[10] + e * (1.f - 5.f * z2) * g[13] +
           2.f * f * x * z * g[14] + 0.5f * c * (y2 - x2) * g[15];
    o[1] = -a * g[1] + b * (x * g[4] - z * g[5] - y * g[8]) + 0.5f * c * (y2 - x2) * g[9] + d * x * z * g[10] +
           e * (1.f - 5.f * z2) * g[11] - 2.f * f * y * z * g[14] + c * x * y * g[15];
    o[2] = a * g[2] - b * (y * g[5] + x * g[7]) + 1.8923493915151199f * z * g[6] + d * x * y * g[10] -
           10.f * e * z * (y * g[11] + x * g[13]) + 0.3731763325901154f * (15.f * z2 - 3.f) * g[12] + f * (x2 - y2) * g[14];
  }
}

template <int H>
static void density_forward(const Network<H>& n, const float* encoded, Activations<H>& a) {
  gemm<false, Act::kRelu>(H, kTile, n.density1, 1, H, encoded, kTile, a.density_hidden, kTile, kEncoded);
  gemm<false, Act::kNone>(kFeature, kTile, n.density2, 1, kFeature, a.density_hidden, kTile, a.color_in, kTile, H);
}

// Adds what comes from elsewhere to the feature's rows of appearance; null: nothing does.
static void add_appearance(const float* added, long s0, int count, float* color_in) {
  for (int s = 0; added && s < count; s++)
    for (int r = 0; r < kAppearance; r++) color_in[(1 + r) * kTile + s] += added[kAppearance * (s0 + s) + r];
}

// Needs the harmonics in the last rows of color_in.
template <int H>
static void network_forward(const Network<H>& n, const float* encoded, const float* added, long s0, int count, Activations<H>& a) {
  density_forward(n, encoded, a);
  add_appearance(added, s0, count, a.color_in);
  gemm<false, Act::kRelu>(H, kTile, n.color1, 1, H, a.color_in, kTile, a.color_hidden1, kTile, kColorIn);
  gemm<false, Act::kRelu>(H, kTile, n.color2, 1, H, a.color_hidden1, kTile, a.color_hidden2, kTile, H);
  gemm<false, Act::kNone>(3, kTile, n.color3, 1, 3, a.color_hidden2, kTile, a.color, kTile, H);
  for (int s = 0; s < 3 * kTile; s += kWidth) store(a.color + s, vsigmoid(load(a.color + s)));
}

// One tile backward: adds to the weights' gradients, writes the gradient of the encoding and, if they are wanted, those
// of what was added to the appearance and of the harmonics (the last rows of g.color_in).
template <int H>
static void network_backward(const Network<H>& n, const float* encoded, const Activations<H>& a, Gradients<H>& g,
                             const float* grad_color, const float* grad_density, float low, float high, long s0, int count,
                             float* weights, float* grad_encoded, float* grad_added, bool to_harmonics) {
  using O = Offsets<H>;
  for (int s = 0; s < kTile; s++)
    for (int c = 0; c < 3; c++) {
      float o = a.color[c * kTile + s];
      g.color[c * kTile + s] = s < count ? grad_color[3 * (s0 + s) + c] * o * (1.f - o) : 0.f;
    }
  transpose(H, a.color_hidden2, g.turned);
  gemm<true, Act::kNone>(3, H, g.color, kTile, 1, g.turned, H, weights + O::color3, H, kTile);
  gemm<false, Act::kMask>(H, kTile, n.w.color3, 1, H, g.color, kTile, g.a, kTile, 3, a.color_hidden2);
  transpose(H, a.color_hidden1, g.turned);
  gemm<true, Act::kNone>(H, H, g.a, kTile, 1, g.turned, H, weights + O::color2, H, kTile);
  gemm<false, Act::kMask>(H, kTile, n.w.color2, 1, H, g.a, kTile, g.b, kTile, H, a.color_hidden1);
  transpose(kColorIn, a.color_in, g.turned);
  gemm<true, Act::kNone>(H, kColorIn, g.b, kTile, 1, g.turned, kColorIn, weights + O::color1, kColorIn, kTile);
  static_assert(kFeature == kHarmonics, "the loop takes feature and harmonics as two halves of the colour network's input");
  for (int half = 0; half < (to_harmonics ? 2 : 1); half++)
    gemm<false, Act::kNone>(kFeature, kTile, n.w.color1 + half * kFeature, 1, kColorIn, g.b, kTile, g.color_in + half * kFeature * kTile, kTile,
                            H);
  for (int s = 0; grad_added && s < count; s++)
    for (int r = 0; r < kAppearance; r++) grad_added[kAppearance * (s0 + s) + r] = g.color_in[(1 + r) * kTile + s];
  for (int s = 0; s < count; s++) {
    const float z = a.color_in[s];
    if (z >= low && z <= high) g.color_in[s] += grad_density[s0 + s];
  }
  transpose(H, a.density_hidden, g.turned);
  gemm<true, Act::kNone>(kFeature, H, g.color_in, kTile, 1, g.turned, H, weights + O::density2, H, kTile);
  gemm<false, Act::kMask>(H, kTile, n.w.density2, 1, H, g.color_in, kTile, g.a, kTile, kFeature, a.density_hidden);
  transpose(kEncoded, encoded, g.turned);
  gemm<true, Act::kNone>(H, kEncoded, g.a, kTile, 1, g.turned, kEncoded, weights + O::density1, kEncoded, kTile);
  gemm<false, Act::kNone>(kEncoded, kTile, n.w.density1, 1, kEncoded, g.a, kTile, grad_encoded, kTile, H);
}

long chunk_size(long n, int threads) {
  long fair = (n / (4L * threads) + kTile - 1) / kTile * kTile;
  return std::clamp<long>(fair, 4 * kTile, kChunk);
}

// `count` samples from s0 on through the grid, one level after the other; `xyz` holds 3 * chunk floats.
void encode_chunk(const Grid& g, const float* table, const float* points, long s0, long count, long chunk, float* xyz, float* encoded) {
  const long padded = (count + kTile - 1) / kTile * kTile;
  float *x = xyz, *y = xyz + chunk, *z = xyz + 2 * chunk;
  for (long b = 0; b < padded; b += kTile)
    load_points(points, s0 + b, (int)std::min<long>(kTile, count - b), x + b, y + b, z + b);
  for (int l = 0; l < g.levels; l++)
    for (long b = 0; b < padded; b += kTile) {
      float* rows = encoded + b * kEncoded + 2 * l * kTile;
      encode_level(g, table, l, x + b, y + b, z + b, kTile, (int)(padded - b), rows, rows + kTile);
    }
  for (long b = 0; b < padded && 2 * g.levels < kEncoded; b += kTile)
    std::memset(encoded + b * kEncoded + 2 * g.levels * kTile, 0, sizeof(float) * (kEncoded - 2 * g.levels) * kTile);
}

struct Problem {
  Grid grid;
  const float *points, *dirs, *added, *table;
  Weights weights;
  float low, high;  // the range of log-densities
  long n;
  int threads;
};

// dirs == nullptr: only the log-density. saved == nullptr: the encoding is not kept.
template <int H>
void forward(const Problem& p, float* color, float* log_density, float* saved) {
  const bool with_color = p.dirs != nullptr;
  const Network<H>* net = new (std::align_val_t(64)) Network<H>(p.weights, with_color);
  const long chunk = chunk_size(p.n, p.threads);
#pragma omp parallel num_threads(p.threads)
  {
    static thread_local Scratch xyz_memory, encoded_memory, activation_memory;
    float* xyz = xyz_memory.floats(3 * chunk);
    float* own = saved ? nullptr : encoded_memory.floats(kEncoded * chunk);
    auto& a = *(Activations<H>*)activation_memory.floats(sizeof(Activations<H>) / sizeof(float));
#pragma omp for schedule(dynamic, 1)
    for (long c0 = 0; c0 < p.n; c0 += chunk) {
      const long in_chunk = std::min(chunk, p.n - c0);
      float* encoded = saved ? saved + c0 * kEncoded : own;
      encode_chunk(p.grid, p.table, p.points, c0, in_chunk, chunk, xyz, encoded);
      for (long b = 0; b < in_chunk; b += kTile) {
        const long s0 = c0 + b;
        const int count = (int)std::min<long>(kTile, in_chunk - b);
        if (with_color) {
          harmonics(p.dirs, s0, count, a.color_in + kFeature * kTile);
          network_forward(*net, encoded + b * kEncoded, p.added, s0, count, a);
          for (int s = 0; s < count; s++)
            for (int c = 0; c < 3; c++) color[3 * (s0 + s) + c] = a.color[c * kTile + s];
        } else {
          density_forward(*net, encoded + b * kEncoded, a);
        }
        for (int s = 0; s < count; s++) log_density[s0 + s] = std::min(std::max(a.color_in[s], p.low), p.high);
      }
    }
  }
  net->~Network<H>();
  ::operator delete((void*)net, std::align_val_t(64));
}

template <int H>
void backward(const Problem& p, const float* saved, const float* grad_color, const float* grad_density, float* grad_table,
              float* grad_weights, float* grad_points, float* grad_dirs, float* grad_added) {
  const Network<H>* net = new (std::align_val_t(64)) Network<H>(p.weights, true);
  static thread_local Scratch grad_memory;
  float* grad_encoded = grad_memory.floats((p.n + kTile - 1) / kTile * kTile * kEncoded);
  constexpr int weight_count = Offsets<H>::end;
  std::memset(grad_weights, 0, sizeof(float) * weight_count);
#pragma omp parallel num_threads(p.threads)
  {
    static thread_local Scratch activation_memory, gradient_memory, weight_memory;
    auto& a = *(Activations<H>*)activation_memory.floats(sizeof(Activations<H>) / sizeof(float));
    auto& g = *(Gradients<H>*)gradient_memory.floats(sizeof(Gradients<H>) / sizeof(float));
    float* own = weight_memory.floats(weight_count);
    std::memset(own, 0, sizeof(float) * weight_count);
#pragma omp for schedule(dynamic, 16)
    for (long s0 = 0; s0 < p.n; s0 += kTile) {
      const int count = (int)std::min<long>(kTile, p.n - s0);
      const float* encoded = saved + s0 * kEncoded;
      float* to_encoding = grad_encoded + s0 * kEncoded;
      harmonics(p.dirs, s0, count, a.color_in + kFeature * kTile);
      network_forward(*net, encoded, p.added, s0, count, a);
      network_backward(*net, encoded, a, g, grad_color, grad_density, p.low, p.high, s0, count, own, to_encoding, grad_added,
                       grad_dirs != nullptr);
      if (grad_dirs) harmonics_backward(p.dirs, g.color_in + kFeature * kTile, s0, count, grad_dirs);
      if (grad_points) point_gradients(p.grid, p.table, p.points, s0, count, to_encoding, grad_points);
    }
#pragma omp critical
    for (int i = 0; i < weight_count; i++) grad_weights[i] += own[i];
  }
  scatter(p.grid, p.points, grad_encoded, kTile, kEncoded * kTile, p.n, grad_table, p.threads);
  net->~Network<H>();
  ::operator delete((void*)net, std::align_val_t(64));
}

// The hidden widths that are compiled.
template <typename F>
void with_width(long hidden, F&& call) {
  if (hidden == 64) return call(std::integral_constant<int, 64>());
  if (hidden == 32) return call(std::integral_constant<int, 32>());
  throw nb::value_error("the native radiance field has hidden width 32 or 64");
}

#define WEIGHT_PARAMETERS F32<2> density1, F32<2> density2, F32<2> color1, F32<2> color2, F32<2> color3
#define WEIGHT_NAMES nb::arg("density1"), nb::arg("density2"), nb::arg("color1"), nb::arg("color2"), nb::arg("color3")

Problem problem(const Grid& grid, const F32<2>& points, const F32<2>* dirs, const F32<2>* added, const F32<2>& table,
                const Weights& weights, float low, float high, int threads) {
  const float* extra = added && added->shape(0) > 0 ? added->data() : nullptr;
  return {grid, points.data(), dirs ? dirs->data() : nullptr, extra, table.data(), weights, low, high, (long)points.shape(0), threads};
}

#define WEIGHTS_FROM_PARAMETERS \
  Weights { density1.data(), density2.data(), color1.data(), color2.data(), color3.data() }

// added may be empty: then nothing is added to the appearance.
void radiance(F32<2> points, F32<2> dirs, F32<2> added, F32<2> table, GRID_PARAMETERS, WEIGHT_PARAMETERS, float low, float high,
              F32Out<2> color, F32Out<1> log_density, F32Out<3> saved, int threads) {
  const Problem p = problem(GRID_FROM_PARAMETERS, points, &dirs, &added, table, WEIGHTS_FROM_PARAMETERS, low, high, threads);
  float* keep = saved.shape(0) > 0 ? saved.data() : nullptr;
  with_width((long)density1.shape(0), [&](auto h) { forward<h.value>(p, color.data(), log_density.data(), keep); });
}

void radiance_backward(F32<2> points, F32<2> dirs, F32<2> added, F32<2> table, GRID_PARAMETERS, WEIGHT_PARAMETERS, float low,
                       float high, F32<3> saved, F32<2> grad_color, F32<1> grad_density, F32Out<2> grad_table, F32Out<1> grad_weights,
                       F32Out<2> grad_points, F32Out<2> grad_dirs, F32Out<2> grad_added, int threads) {
  const Problem p = problem(GRID_FROM_PARAMETERS, points, &dirs, &added, table, WEIGHTS_FROM_PARAMETERS, low, high, threads);
  float* to_points = grad_points.shape(0) > 0 ? grad_points.data() : nullptr;
  float* to_dirs = grad_dirs.shape(0) > 0 ? grad_dirs.data() : nullptr;
  float* to_added = grad_added.shape(0) > 0 ? grad_added.data() : nullptr;
  with_width((long)density1.shape(0), [&](auto h) {
    backward<h.value>(p, saved.data(), grad_color.data(), grad_density.data(), grad_table.data(), grad_weights.data(), to_points,
                      to_dirs, to_added);
  });
}

void density(F32<2> points, F32<2> table, GRID_PARAMETERS, F32<2> density1, F32<2> density2, float low, float high,
             F32Out<1> log_density, int threads) {
  const Weights weights{density1.data(), density2.data(), nullptr, nullptr, nullptr};
  const Problem p = problem(GRID_FROM_PARAMETERS, points, nullptr, nullptr, table, weights, low, high, threads);
  with_width((long)density1.shape(0), [&](auto h) { forward<h.value>(p, nullptr, log_density.data(), nullptr); });
}

}  // namespace

void register_radiance(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("radiance", &radiance, nb::arg("points"), nb::arg("dirs"), nb::arg("added"), nb::arg("table"), GRID_NAMES, WEIGHT_NAMES, nb::arg("low"),
        nb::arg("high"), nb::arg("color"), nb::arg("log_density"), nb::arg("saved"), nb::arg("threads"), guard);
  m.def("radiance_backward", &radiance_backward, nb::arg("points"), nb::arg("dirs"), nb::arg("added"), nb::arg("table"), GRID_NAMES, WEIGHT_NAMES,
        nb::arg("low"), nb::arg("high"), nb::arg("saved"), nb::arg("grad_color"), nb::arg("grad_density"), nb::arg("grad_table"),
        nb::arg("grad_weights"), nb::arg("grad_points"), nb::arg("grad_dirs"), nb::arg("grad_added"), nb::arg("threads"), guard);
  m.def("density", &density, nb::arg("points"), nb::arg("table"), GRID_NAMES, nb::arg("density1"), nb::arg("density2"),
        nb::arg("low"), nb::arg("high"), nb::arg("log_density"), nb::arg("threads"), guard);
}
