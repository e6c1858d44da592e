#include "rotary/rope/frequency_gradient.h"

#include <algorithm>
#include <type_traits>

#include "rotary/base/dtype.h"
#include "rotary/base/parallel.h"
#include "rotary/rope/batch_view.h"
#include "rotary/rope/positions.h"

namespace rotary {
namespace {

// Tokens whose phases are computed at a time: a few hundred KiB with frequencies for each of 32
// heads.
constexpr int64_t kBlockTokens = 32;
// Sums that are made apart and then added in order: enough for any machine, few enough to be small.
// The number must not depend on the number of threads, or the bits would.
constexpr int64_t kParts = 64;

void Check(const Rotation& rotation, const Positions& positions, const ConstTensorView& x,
           const ConstTensorView& d_y, const RotateOptions& options) {
  Require(options.direction == Direction::kForward,
          "frequency gradient: the direction must be kForward");
  if (x.dtype() != d_y.dtype() || !(x.shape() == d_y.shape())) {
    throw std::invalid_argument(Sentence("frequency gradient: x is ", Name(x.dtype()), " ",
                                         x.shape().ToString(), ", d_y ", Name(d_y.dtype()), " ",
                                         d_y.shape().ToString()));
  }
  Require(x.shape(3) == rotation.head_dim, "frequency gradient: the rotation is for head_dim ",
          rotation.head_dim, ", the tensor has ", x.shape(3));
  Require(x.shape(3) == 1 || (x.stride(3) == 1 && d_y.stride(3) == 1),
          "frequency gradient: the channel stride must be 1, got ", x.stride(3), " and ",
          d_y.stride(3));
  Require(x.shape(1) == positions.tokens(), "frequency gradient: ", positions.tokens(),
          " positions for ", x.shape(1), " tokens");
  Require(positions.batch() == 1 || positions.batch() == x.shape(0),
          "frequency gradient: ", positions.batch(), " rows of positions for a batch of ",
          x.shape(0));
  Require(rotation.heads == 1 || rotation.heads == x.shape(2),
          "frequency gradient: the rotation has ", rotation.heads, " heads, the tensor ",
          x.shape(2));
}

template <class T>
double Value(T x) {
  if constexpr (std::is_same_v<T, double>) {
    return x;
  } else {
    return static_cast<double>(ToFloat(x));
  }
}

// A row of a [batch, tokens, heads, head_dim] view.
template <class T>
const T* HeadOf(const ConstTensorView& view, int64_t batch, int64_t token, int64_t head) {
  return static_cast<const T*>(view.data()) + batch * view.stride(0) + token * view.stride(1) +
         head * view.stride(2);
}

struct Job {
  const PhaseTable& table;
  const Positions& positions;
  ConstTensorView x, d_y;
  Side side;
  double centre;
};

// Adds what tokens [begin, end) of a batch row give to sums [lists, heads, pairs, axes]: one list
// for a group, else two.
template <class T>
void AddTokens(const Job& job, int64_t batch, int64_t begin, int64_t end, double* sums) {
  const Rotation& rotation = job.table.rotation();
  const auto pairs = static_cast<size_t>(rotation.pairs());
  const auto axes = static_cast<size_t>(rotation.axes);
  std::vector<double> position(static_cast<size_t>(end - begin) * axes);
  for (int64_t token = begin; token < end; ++token) {
    job.positions.Read(job.positions.batch() == 1 ? 0 : batch, token,
                       position.data() + static_cast<size_t>(token - begin) * axes);
  }
  const Phases phases(job.table, {position.data(), DType::kF64, {1, end - begin, rotation.axes}},
                      DType::kF64, job.side, job.centre, 1);
  const double *cos_a = phases.cos().As<double>(), *sin_a = phases.sin().As<double>();
  const double *cos_b = phases.second_cos().As<double>(), *sin_b = phases.second_sin().As<double>();
  double* second_sums =
      rotation.IsGroup() ? sums : sums + static_cast<size_t>(rotation.heads) * pairs * axes;
  for (int64_t token = begin; token < end; ++token) {
    const auto t = static_cast<size_t>(token - begin);
    const double* p = position.data() + t * axes;
    for (int64_t head = 0; head < job.x.shape(2); ++head) {
      const T* x = HeadOf<T>(job.x, batch, token, head);
      const T* d_y = HeadOf<T>(job.d_y, batch, token, head);
      const size_t row = rotation.heads == 1 ? 0 : static_cast<size_t>(head);
      for (size_t j = 0; j < pairs; ++j) {
        const int32_t f = rotation.first[j], s = rotation.second[j];
        const double x_first = Value(x[f]), x_second = Value(x[s]);
        // The phases hold g.
        const size_t phase = (t * static_cast<size_t>(rotation.heads) + row) * pairs + j;
        const double d_a = -Value(d_y[f]) * (sin_a[phase] * x_first + cos_a[phase] * x_second);
        const double d_b = Value(d_y[s]) * (cos_b[phase] * x_first - sin_b[phase] * x_second);
        const size_t at = (row * pairs + j) * axes;
        for (size_t axis = 0; axis < axes; ++axis) {
          sums[at + axis] += d_a * p[axis];
          second_sums[at + axis] += d_b * p[axis];
        }
      }
    }
  }
}

}  // namespace

FrequencyGradient RotateFrequencyGradient(const PhaseTable& table, ConstTensorView positions,
                                          ConstTensorView x, ConstTensorView d_y,
                                          const RotateOptions& options, Side side) {
  const Rotation& rotation = table.rotation();
  const Positions checked(positions, rotation.axes, "frequency gradient");
  const Job job{table,
                checked,
                WithBatch(x, "frequency gradient"),
                WithBatch(d_y, "frequency gradient"),
                side,
                options.centre};
  Check(rotation, checked, job.x, job.d_y, options);

  const size_t list = rotation.frequency.size();
  const size_t size = rotation.IsGroup() ? list : 2 * list;
  const int64_t tokens = job.x.shape(1);
  const int64_t blocks = (tokens + kBlockTokens - 1) / kBlockTokens;  // of a batch row
  const int64_t items = job.x.shape(0) * blocks;
  const int64_t parts = std::min(kParts, items);
  std::vector<double> sums(static_cast<size_t>(parts) * size);
  DispatchFloat(job.x.dtype(), "frequency gradient", [&]<class T>() {
    ParallelFor(parts, options.threads, 1, [&](int64_t first_part, int64_t last_part) {
      for (int64_t part = first_part; part < last_part; ++part) {
        double* of_part = sums.data() + static_cast<size_t>(part) * size;
        for (int64_t item = part * items / parts; item < (part + 1) * items / parts; ++item) {
          const int64_t begin = item % blocks * kBlockTokens;
          AddTokens<T>(job, item / blocks, begin, std::min(tokens, begin + kBlockTokens), of_part);
        }
      }
    });
  });
  std::vector<double> total(size);
  for (int64_t part = 0; part < parts; ++part) {
    for (size_t i = 0; i < size; ++i) total[i] += sums[static_cast<size_t>(part) * size + i];
  }
  const auto middle = total.begin() + static_cast<std::ptrdiff_t>(list);
  return {{total.begin(), middle}, {middle, total.end()}};
}

}  // namespace rotary
