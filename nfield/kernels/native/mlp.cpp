// A multilayer perceptron of any widths on many points, in tiles of 128 that stay in cache.
//
// Activations are [feature][point], so that points lie along the vectors and no width has to be padded. The backward
// pass recomputes them from the inputs, which costs less than writing and reading them for all points.
#include <vector>

#include "arrays.h"
#include "gemm.h"
#include "scratch.h"

namespace {

int padded(int rows) { return (rows + kWidth - 1) / kWidth * kWidth; }

struct Layer {
  int in, out;
  const float *matrix, *bias;  // row-major [out][in]; bias may be null
  long place;                  // where its parameters begin: matrix, then bias
  long sums;                   // where a thread adds up their gradients: the matrix's rows are whole vectors there
};

struct Network {
  std::vector<Layer> layers;
  const float* frequencies;  // of the first layer's sines; null for ReLU there, too
  long parameters = 0, sums = 0;
  std::vector<float> turned;  // matrices [in][out], so that the products read them in order

  Network(const float* weights, const int32_t* widths, int count, bool biased, const float* sines) : frequencies(sines) {
    for (int l = 0; l < count; l++) {
      const int in = widths[l], out = widths[l + 1];
      const float* matrix = weights + parameters;
      layers.push_back({in, out, matrix, biased ? matrix + (long)in * out : nullptr, parameters, sums});
      parameters += (long)in * out + (biased ? out : 0);
      sums += (long)padded(in) * out + (biased ? out : 0);
    }
    turned.resize(parameters);
    for (const Layer& l : layers)
      for (int r = 0; r < l.out; r++)
        for (int c = 0; c < l.in; c++) turned[l.place + (long)c * l.out + r] = l.matrix[(long)r * l.in + c];
  }
  bool sines() const { return frequencies && layers.size() > 1; }
  int last() const { return (int)layers.size() - 1; }
  int inputs() const { return layers.front().in; }
  int outputs() const { return layers.back().out; }
  int widest() const {
    int most = inputs();
    for (const Layer& l : layers) most = std::max(most, l.out);
    return padded(most);
  }
};

// What every layer takes and gives for one tile, and the first layer's sums before its sines.
struct Tile {
  std::vector<float*> act;
  float* sums;

  static size_t floats(const Network& n) {
    size_t total = padded(n.inputs()) * kTile + (n.sines() ? padded(n.layers[0].out) * kTile : 0);
    for (const Layer& l : n.layers) total += padded(l.out) * kTile;
    return total;
  }
  Tile(const Network& n, float* memory) {
    std::memset(memory, 0, sizeof(float) * floats(n));  // rows that only fill up a vector stay zero
    act.push_back(memory), memory += padded(n.inputs()) * kTile;
    for (const Layer& l : n.layers) act.push_back(memory), memory += padded(l.out) * kTile;
    sums = n.sines() ? memory : nullptr;
  }
};

template <Act ACT>
void product(const Layer& l, const float* turned, const float* in, float* out) {
  if (!l.bias) return gemm<false, ACT>(l.out, kTile, turned, 1, l.out, in, kTile, out, kTile, l.in);
  for (int r = 0; r < l.out; r++)
    for (int s = 0; s < kTile; s += kWidth) store(out + r * kTile + s, splat(l.bias[r]));
  gemm<true, ACT>(l.out, kTile, turned, 1, l.out, in, kTile, out, kTile, l.in);
}

void forward_tile(const Network& n, const Tile& t) {
  for (int k = 0; k <= n.last(); k++) {
    const Layer& l = n.layers[k];
    const float* turned = n.turned.data() + l.place;
    if (k == n.last()) {
      product<Act::kNone>(l, turned, t.act[k], t.act[k + 1]);
    } else if (k == 0 && n.sines()) {
      product<Act::kNone>(l, turned, t.act[0], t.sums);
      for (int r = 0; r < l.out; r++)
        for (int s = r * kTile; s < (r + 1) * kTile; s += kWidth) {
          const vf h = load(t.sums + s);
          store(t.act[1] + s, h + vsin(h * n.frequencies[r]));
        }
    } else {
      product<Act::kRelu>(l, turned, t.act[k], t.act[k + 1]);
    }
  }
}

// The sines' factor on a gradient: the slope of h + sin(h f).
void through_sines(const Network& n, const Tile& t, float* d) {
  for (int r = 0; r < n.layers[0].out; r++)
    for (int s = r * kTile; s < (r + 1) * kTile; s += kWidth) {
      const float f = n.frequencies[r];
      store(d + s, load(d + s) * (1.f + f * vcos(load(t.sums + s) * f)));
    }
}

void add_bias(const Layer& l, const float* d, float* to) {
  for (int r = 0; r < l.out; r++) {
    vf total = {};
    for (int s = 0; s < kTile; s += kWidth) total += load(d + r * kTile + s);
    to[r] += sum(total);
  }
}

// Adds to the parameters' gradients; `d` holds the gradient of the outputs, `e` and `turned` are for work.
// Returns where the gradient of the inputs is; nowhere if it is not wanted.
const float* backward_tile(const Network& n, const Tile& t, float* d, float* e, float* turned, float* sums, bool to_inputs) {
  for (int k = n.last(); k >= 0; k--) {
    const Layer& l = n.layers[k];
    const int columns = padded(l.in);
    if (k == 0 && n.sines()) through_sines(n, t, d);
    transpose(columns, t.act[k], turned);
    gemm<true, Act::kNone>(l.out, columns, d, kTile, 1, turned, columns, sums + l.sums, columns, kTile);
    if (l.bias) add_bias(l, d, sums + l.sums + (long)columns * l.out);
    if (k == 0 && !to_inputs) return nullptr;
    if (k > 0 && !(k == 1 && n.sines()))
      gemm<false, Act::kMask>(l.in, kTile, l.matrix, 1, l.in, d, kTile, e, kTile, l.out, t.act[k]);
    else
      gemm<false, Act::kNone>(l.in, kTile, l.matrix, 1, l.in, d, kTile, e, kTile, l.out);
    std::swap(d, e);
  }
  return d;
}

// [point][feature] -> [feature][point]; points that only fill up the tile are zero.
void load_tile(const float* in, int rows, int count, float* out) {
  for (int s = 0; s < kTile; s++)
    for (int r = 0; r < rows; r++) out[r * kTile + s] = s < count ? in[(long)s * rows + r] : 0.f;
}

void store_tile(const float* in, int rows, int count, float* out) {
  for (int s = 0; s < count; s++)
    for (int r = 0; r < rows; r++) out[(long)s * rows + r] = in[r * kTile + s];
}

#define NETWORK_PARAMETERS F32<2> inputs, F32<1> weights, I32<1> widths, bool biased, F32<1> frequencies
#define NETWORK_NAMES nb::arg("inputs"), nb::arg("weights"), nb::arg("widths"), nb::arg("biased"), nb::arg("frequencies")
#define NETWORK_FROM_PARAMETERS \
  Network(weights.data(), widths.data(), (int)widths.shape(0) - 1, biased, frequencies.shape(0) > 0 ? frequencies.data() : nullptr)

void mlp(NETWORK_PARAMETERS, F32Out<2> out, int threads) {
  const Network n = NETWORK_FROM_PARAMETERS;
  const long points = (long)inputs.shape(0);
#pragma omp parallel num_threads(threads)
  {
    static thread_local Scratch memory;
    const Tile t(n, memory.floats(Tile::floats(n)));
#pragma omp for schedule(dynamic, 8)
    for (long s0 = 0; s0 < points; s0 += kTile) {
      const int count = (int)std::min<long>(kTile, points - s0);
      load_tile(inputs.data() + s0 * n.inputs(), n.inputs(), count, t.act[0]);
      forward_tile(n, t);
      store_tile(t.act.back(), n.outputs(), count, out.data() + s0 * n.outputs());
    }
  }
}

// grad_inputs may be empty: then it is not computed.
void mlp_backward(NETWORK_PARAMETERS, F32<2> grad, F32Out<1> grad_weights, F32Out<2> grad_inputs, int threads) {
  const Network n = NETWORK_FROM_PARAMETERS;
  const long points = (long)inputs.shape(0), block = (long)n.widest() * kTile;
  const bool to_inputs = grad_inputs.shape(0) > 0;
  float* total = grad_weights.data();
  std::memset(total, 0, sizeof(float) * n.parameters);
#pragma omp parallel num_threads(threads)
  {
    static thread_local Scratch tile_memory, work_memory, sum_memory;
    const Tile t(n, tile_memory.floats(Tile::floats(n)));
    float *d = work_memory.floats(3 * block), *e = d + block, *turned = e + block;
    float* sums = sum_memory.floats(n.sums);
    std::memset(sums, 0, sizeof(float) * n.sums);
#pragma omp for schedule(dynamic, 8)
    for (long s0 = 0; s0 < points; s0 += kTile) {
      const int count = (int)std::min<long>(kTile, points - s0);
      load_tile(inputs.data() + s0 * n.inputs(), n.inputs(), count, t.act[0]);
      forward_tile(n, t);
      load_tile(grad.data() + s0 * n.outputs(), n.outputs(), count, d);
      const float* to = backward_tile(n, t, d, e, turned, sums, to_inputs);
      if (to_inputs) store_tile(to, n.inputs(), count, grad_inputs.data() + s0 * n.inputs());
    }
#pragma omp critical
    for (const Layer& l : n.layers) {
      const int columns = padded(l.in);
      for (int r = 0; r < l.out; r++)
        for (int c = 0; c < l.in; c++) total[l.place + (long)r * l.in + c] += sums[l.sums + (long)r * columns + c];
      for (int r = 0; l.bias && r < l.out; r++)
        total[l.place + (long)l.in * l.out + r] += sums[l.sums + (long)columns * l.out + r];
    }
  }
}

}  // namespace

void register_mlp(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("mlp", &mlp, NETWORK_NAMES, nb::arg("out"), nb::arg("threads"), guard);
  m.def("mlp_backward", &mlp_backward, NETWORK_NAMES, nb::arg("grad"), nb::arg("grad_weights"), nb::arg("grad_inputs"),
        nb::arg("threads"), guard);
}
