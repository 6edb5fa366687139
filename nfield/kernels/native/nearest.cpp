// The K nearest centres of points, exactly, on a uniform grid of buckets.
//
// Centres are sorted by bucket, x fastest, so that the buckets of one row are one run of memory and a row's candidates
// are compared a vector at a time. A query first finds a distance within which K centres surely lie: from the
// neighbours of the query before, which on a ray are nearly its own, else from the smallest block of buckets around
// it that holds enough, which often is the answer. Then it visits the rows that meet the ball of that radius; the radius shrinks on the way.
#include <limits>
#include <vector>

#include "arrays.h"
#include "vec.h"

namespace {

constexpr int kMost = 8;  // neighbours of a query

struct Buckets {
  int dims, shape[3];       // buckets along each axis; 1 along axes that are not there
  float low[3], edge, inverse;
  float slack;              // more than rounding can move a coordinate
  const int32_t* start;     // first centre of each bucket, and the end
  const int32_t* order;     // each sorted centre's place among the given ones
  const float* sorted[3];   // coordinates of the sorted centres, a row an axis, with a vector to spare

  // Never falls when x grows, so centres between two coordinates lie in buckets between theirs.
  int bucket(int axis, float x) const {
    const float place = (x - low[axis]) * inverse;
    return place > 0.f ? (place < (float)shape[axis] ? (int)place : shape[axis] - 1) : 0;  // NaN goes to 0
  }
  long bucket_of(const float* x) const {
    long at = 0;
    for (int a = dims - 1; a >= 0; a--) at = at * shape[a] + bucket(a, x[a]);
    return at;
  }
  float radius(float square) const { return std::sqrt(square) * 1.000001f + slack; }
  // From a query to a slice of buckets, rounded down. Slices at the rim hold what was clamped into them: 0.
  float gap(int axis, int at, const float* q) const {
    if (at == 0 || at == shape[axis] - 1) return 0.f;
    const float near = low[axis] + (float)at * edge;
    return std::max(0.f, std::max(near - q[axis], q[axis] - near - edge) - slack);
  }
};

#define BUCKET_PARAMETERS F32<1> low, float edge, float slack, I32<1> shape, I32<1> start, I32<1> order, F32<2> sorted
#define BUCKET_NAMES \
  nb::arg("low"), nb::arg("edge"), nb::arg("slack"), nb::arg("shape"), nb::arg("start"), nb::arg("order"), nb::arg("sorted")

Buckets make_buckets(int dims, const float* low, float edge, float slack, const int32_t* shape) {
  Buckets b{};
  b.dims = dims, b.edge = edge, b.inverse = 1.f / edge, b.slack = slack;
  for (int a = 0; a < 3; a++) b.shape[a] = a < dims ? shape[a] : 1, b.low[a] = a < dims ? low[a] : 0.f;
  return b;
}

// The nearest so far, the nearest first; equal distances go by the centre's number, so that results do not depend on
// the order of the search.
struct Best {
  int wanted = 0, found = 0;
  float limit;  // candidates beyond it are not wanted
  float square[kMost];
  int32_t center[kMost];

  void reset(int count, float first_limit) { wanted = count, found = 0, limit = first_limit; }

  void offer(float d, int32_t c) {
    if (found == wanted) {
      const float worst = square[found - 1];
      if (d > worst || (d == worst && c > center[found - 1])) return;
    } else {
      found++;
    }
    int i = found - 1;
    for (; i > 0 && (square[i - 1] > d || (square[i - 1] == d && center[i - 1] > c)); i--)
      square[i] = square[i - 1], center[i] = center[i - 1];
    square[i] = d, center[i] = c;
    if (found == wanted) limit = std::min(limit, square[found - 1]);
  }
};

INLINE uint32_t lanes_within(vf d, float limit) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)d, _mm512_set1_ps(limit), _CMP_LE_OQ);
#elif defined(__AVX2__)
  return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)d, _mm256_set1_ps(limit), _CMP_LE_OQ));
#else
  uint32_t bits = 0;
  for (int i = 0; i < kWidth; i++) bits |= (uint32_t)(d[i] <= limit) << i;
  return bits;
#endif
}

template <int D>
INLINE float square_distance(const float* a, const float* b) {
  float d = 0.f;
  for (int i = 0; i < D; i++) d += (a[i] - b[i]) * (a[i] - b[i]);
  return d;
}

// Offers the sorted centres of [from, to).
template <int D>
INLINE void scan(const Buckets& b, const float* q, int32_t from, int32_t to, Best& best) {
  for (int32_t i = from; i < to; i += kWidth) {
    vf d = load(b.sorted[0] + i) - q[0];
    d = d * d;
    for (int a = 1; a < D; a++) {
      const vf e = load(b.sorted[a] + i) - q[a];
      d += e * e;
    }
    uint32_t inside = lanes_within(d, best.limit);
    if (to - i < kWidth) inside &= (1u << (to - i)) - 1u;
    if (!inside) continue;
    alignas(64) float square[kWidth];
    store(square, d);
    for (; inside; inside &= inside - 1) {
      const int lane = __builtin_ctz(inside);
      best.offer(square[lane], b.order[i + lane]);
    }
  }
}

// Offers the centres of the buckets from x0 to x1 in one row, without those that cannot be near enough.
template <int D>
INLINE void visit_row(const Buckets& b, const float* q, int x0, int x1, int y, int z, Best& best) {
  const float dy = b.gap(1, y, q), dz = D == 3 ? b.gap(2, z, q) : 0.f, beside = dy * dy + dz * dz;
  if (beside > best.limit) return;
  const float half = b.radius(best.limit - beside);
  x0 = std::max(x0, b.bucket(0, q[0] - half)), x1 = std::min(x1, b.bucket(0, q[0] + half));
  const long row = ((long)z * b.shape[1] + y) * b.shape[0];
  if (x0 <= x1) scan<D>(b, q, b.start[row + x0], b.start[row + x1 + 1], best);
}

// Rows of the smallest block, those beside the query first, because they make the others needless.
constexpr int kRows[9][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};

// The nearest centres in the block of buckets around the query, which grows until it holds enough. Returns whether
// no centre outside the block can be nearer.
template <int D>
bool search_block(const Buckets& b, const float* q, Best& best) {
  int at[3] = {0, 0, 0};
  for (int a = 0; a < D; a++) at[a] = b.bucket(a, q[a]);
  for (int radius = 1;; radius *= 2) {
    int from[3], to[3];
    float depth = std::numeric_limits<float>::infinity();  // of the query in the block, where the block can grow
    for (int a = 0; a < 3; a++) {
      from[a] = std::max(at[a] - radius, 0), to[a] = std::min(at[a] + radius, b.shape[a] - 1);
      if (from[a] > 0) depth = std::min(depth, q[a] - (b.low[a] + (float)from[a] * b.edge));
      if (to[a] < b.shape[a] - 1) depth = std::min(depth, b.low[a] + (float)(to[a] + 1) * b.edge - q[a]);
    }
    best.reset(best.wanted, std::numeric_limits<float>::infinity());
    if (radius == 1) {
      for (const auto& step : kRows) {
        const int y = at[1] + step[0], z = at[2] + step[1];
        if (y >= from[1] && y <= to[1] && z >= from[2] && z <= to[2]) visit_row<D>(b, q, from[0], to[0], y, z, best);
      }
    } else {
      for (int z = from[2]; z <= to[2]; z++)
        for (int y = from[1]; y <= to[1]; y++) visit_row<D>(b, q, from[0], to[0], y, z, best);
    }
    if (depth == std::numeric_limits<float>::infinity()) return true;
    depth -= b.slack;
    if (best.found == best.wanted) return depth > 0.f && best.limit < depth * depth;
  }
}

// Visits every bucket that meets the ball of squared radius `reach` around the query.
template <int D>
void search_ball(const Buckets& b, const float* q, float reach, Best& best) {
  const float radius = b.radius(reach);
  int z0 = 0, z1 = 0;
  if (D == 3) z0 = b.bucket(2, q[2] - radius), z1 = b.bucket(2, q[2] + radius);
  const int y0 = b.bucket(1, q[1] - radius), y1 = b.bucket(1, q[1] + radius);
  for (int z = z0; z <= z1; z++)
    for (int y = y0; y <= y1; y++) visit_row<D>(b, q, 0, b.shape[0] - 1, y, z, best);
}

// Queries from..to of those in `turns`; in the given order where there are none.
template <int D>
void query_range(const Buckets& b, const float* points, const float* centers, const int32_t* turns, long from, long to, int count,
                 int32_t* index, float* square) {
  const float useful = 2.25f * b.edge * b.edge;
  const int32_t* before = nullptr;
  for (long turn = from; turn < to; turn++) {
    const long i = turns ? turns[turn] : turn;
    const float* q = points + D * i;
    float reach = std::numeric_limits<float>::infinity();
    if (before) {  // as far as the farthest neighbour of the query before
      reach = 0.f;
      for (int k = 0; k < count; k++) reach = std::max(reach, square_distance<D>(q, centers + (long)D * before[k]));
    }
    Best best;
    best.reset(count, reach);
    const bool done = !(reach <= useful) && search_block<D>(b, q, best);
    if (!done) {
      reach = std::min(reach, best.limit) * 1.000002f;  // sums may be rounded differently here and there
      best.reset(count, reach);
      search_ball<D>(b, q, reach, best);
    }
    for (int k = 0; k < count; k++) {
      const bool known = k < best.found;  // a query that is no number has no neighbours
      index[i * count + k] = known ? best.center[k] : k;
      square[i * count + k] = known ? best.square[k] : std::numeric_limits<float>::quiet_NaN();
    }
    before = best.found == count ? index + i * count : nullptr;
  }
}

// The numbers of n points, bucket by bucket; start gets one entry more than there are buckets.
void sort_by_bucket(const Buckets& b, const float* points, long n, long buckets, int32_t* start, int32_t* order) {
  std::memset(start, 0, sizeof(int32_t) * (buckets + 1));
  for (long i = 0; i < n; i++) start[b.bucket_of(points + b.dims * i) + 1]++;
  for (long k = 0; k < buckets; k++) start[k + 1] += start[k];
  for (long i = n - 1; i >= 0; i--)  // leaves each bucket's first in start[k + 1]
    order[--start[b.bucket_of(points + b.dims * i) + 1]] = (int32_t)i;
  for (long k = 0; k < buckets; k++) start[k] = start[k + 1];
  start[buckets] = (int32_t)n;
}

// Whether most queries are far from the one before: then it pays to ask them bucket by bucket.
bool scattered(const Buckets& b, const float* points, long n) {
  const float far = 4.f * b.edge * b.edge;
  long jumps = 0;
  for (long i = 1; i < n; i++) {
    float d = 0.f;
    for (int a = 0; a < b.dims; a++) {
      const float step = points[b.dims * i + a] - points[b.dims * (i - 1) + a];
      d += step * step;
    }
    jumps += d > far;
  }
  return jumps > n / 4;
}

// Sorts centres by bucket; start has one entry more than there are buckets, `sorted` a vector more than centres.
void build(F32<2> centers, F32<1> low, float edge, float slack, I32<1> shape, I32Out<1> start, I32Out<1> order, F32Out<2> sorted) {
  const int dims = (int)centers.shape(1);
  const long n = centers.shape(0), stride = sorted.shape(1);
  const Buckets b = make_buckets(dims, low.data(), edge, slack, shape.data());
  sort_by_bucket(b, centers.data(), n, (long)start.shape(0) - 1, start.data(), order.data());
  for (int a = 0; a < dims; a++) {
    float* row = sorted.data() + a * stride;
    for (long i = 0; i < n; i++) row[i] = centers.data()[(long)dims * order.data()[i] + a];
    for (long i = n; i < stride; i++) row[i] = std::numeric_limits<float>::infinity();
  }
}

void query(F32<2> points, F32<2> centers, BUCKET_PARAMETERS, I32Out<2> index, F32Out<2> square, int threads) {
  const int dims = (int)centers.shape(1), count = (int)index.shape(1);
  Buckets b = make_buckets(dims, low.data(), edge, slack, shape.data());
  b.start = start.data(), b.order = order.data();
  for (int a = 0; a < dims; a++) b.sorted[a] = sorted.data() + a * sorted.shape(1);
  const long n = points.shape(0), buckets = (long)start.shape(0) - 1, chunk = 512;
  std::vector<int32_t> turns;
  if (n >= buckets / 4 && scattered(b, points.data(), n)) {
    std::vector<int32_t> begin(buckets + 1);
    turns.resize(n);
    sort_by_bucket(b, points.data(), n, buckets, begin.data(), turns.data());
  }
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads)
  for (long from = 0; from < n; from += chunk) {
    const long to = std::min(from + chunk, n);
    const auto run = dims == 3 ? query_range<3> : query_range<2>;
    run(b, points.data(), centers.data(), turns.empty() ? nullptr : turns.data(), from, to, count, index.data(), square.data());
  }
}

}  // namespace

void register_nearest(nb::module_& m) {
  auto guard = nb::call_guard<nb::gil_scoped_release>();
  m.def("nearest_build", &build, nb::arg("centers"), nb::arg("low"), nb::arg("edge"), nb::arg("slack"), nb::arg("shape"),
        nb::arg("start"), nb::arg("order"), nb::arg("sorted"), guard);
  m.def("nearest_query", &query, nb::arg("points"), nb::arg("centers"), BUCKET_NAMES, nb::arg("index"), nb::arg("square"),
        nb::arg("threads"), guard);
}
