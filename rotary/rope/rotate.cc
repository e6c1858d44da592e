#include "rotary/rope/rotate.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "rotary/base/parallel.h"
#include "rotary/rope/batch_view.h"
#include "rotary/rope/overlap.h"
#include "rotary/rope/rotate_job.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/rope/rotate.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "rotary/rope/rotate-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// Makes the coefficients of tokens, from a table or from ready phases. M: the type of the
// arithmetic.
template <class M>
class CoefficientMaker {
 public:
  CoefficientMaker(const RotateJob& job, Side side)
      : job_(job), transposed_(job.direction != Direction::kForward) {
    const bool inverse = job.direction == Direction::kInverse;
    if (job.table != nullptr) {
      position_.resize(static_cast<size_t>(job.table->rotation().axes));
      cursor_.emplace(*job.table, side, job.centre, inverse);
    } else {
      const Phases& phases = *job.phases;
      const M sign = transposed_ ? M{-1} : M{1};
      first_ = {phases.cos().As<M>(), phases.sin().As<M>(), sign, inverse};
      second_ = {phases.second_cos().As<M>(), phases.second_sin().As<M>(), sign, inverse};
    }
  }

  // The same as Make(), to be done on the way: for tables and one run of pairs.
  HWY_INLINE NextCoefficients<M> Start(int64_t position_row, int64_t token, M* coefficients) {
    return {FactorsOf(position_row, token), job_.runs->pairs[0], job_.is_group, coefficients};
  }

  // coefficients: [phase_heads, 4 * pairs]
  HWY_NOINLINE void Make(int64_t position_row, int64_t token, M* coefficients) {
    const size_t columns = static_cast<size_t>(job_.phase_heads) * static_cast<size_t>(job_.pairs);
    if (job_.table != nullptr) {
      const Factors row = FactorsOf(position_row, token);
      Arrange(row, 0, row, columns, coefficients);
    } else {
      const size_t at = static_cast<size_t>(position_row * job_.tokens + token) * columns;
      Arrange(first_, at, second_, at, coefficients);
    }
  }

 private:
  using Factors = RowFactors<TableNumber<M>>;

  HWY_INLINE Factors FactorsOf(int64_t position_row, int64_t token) {
    job_.positions->Read(position_row, token, position_.data());
    Factors row = cursor_->At(position_.data());
    if (transposed_) row.sine_flip = -row.sine_flip;
    return row;
  }

  template <class Row>
  HWY_INLINE void Arrange(const Row& row, size_t column, const Row& second, size_t second_column,
                          M* coefficients) {
    const size_t pairs = static_cast<size_t>(job_.pairs);
    for (int head = 0; head < job_.phase_heads; ++head) {
      if (job_.is_group) {
        ArrangeGroup(*job_.runs, row, column, coefficients);
      } else {
        scratch_.resize(4 * pairs);
        ArrangeSecond(*job_.runs, transposed_, row, column, second, second_column, pairs,
                      scratch_.data(), coefficients);
      }
      column += pairs;
      second_column += pairs;
      coefficients += 4 * pairs;
    }
  }

  const RotateJob& job_;
  bool transposed_;
  std::vector<double> position_;
  std::vector<M> scratch_;
  std::optional<PhaseCursor<TableNumber<M>>> cursor_;
  ReadyRow<M> first_{}, second_{};
};

// An item of a job: see RotateJob.
struct Item {
  int64_t position_row, block, share;

  static Item At(const RotateJob& job, int64_t index) {
    const int64_t block = index / job.sharing;
    return {block / job.blocks, block % job.blocks, index % job.sharing};
  }
  Item Next(const RotateJob& job) const {
    if (share + 1 < job.sharing) return {position_row, block, share + 1};
    if (block + 1 < job.blocks) return {position_row, block + 1, 0};
    return {position_row + 1, 0, 0};
  }
};

template <class T>
class Rotator {
  using M = Math<T>;

 public:
  explicit Rotator(const RotateJob& job)
      : job_(job),
        // xPos decays queries and grows keys: then each operand has coefficients of its own.
        sides_(job.operand_count == 2 && job.table != nullptr &&
                       !job.table->rotation().log_decay.empty()
                   ? 2
                   : 1),
        token_size_(int64_t{4} * job.pairs * job.phase_heads),
        memory_(AllocateAligned(static_cast<size_t>(2 * job.block_tokens * sides_ * token_size_) *
                                sizeof(M))) {
    for (int i = 0; i < job.operand_count; ++i) operands_[static_cast<size_t>(i)] = At(job, i);
    makers_.reserve(2);
    for (int side = 0; side < sides_; ++side) {
      makers_.emplace_back(job, job.operands[static_cast<size_t>(side)].side);
    }
  }

  void Run(int64_t begin, int64_t end) {
    const ChannelRuns& runs = *job_.runs;
    const bool is_simple =
        job_.table != nullptr && job_.sharing == 1 && sides_ == 1 && job_.phase_heads == 1 &&
        NextCoefficients<M>::CanMake(runs, job_.is_group, job_.direction != Direction::kForward) &&
        IsInPlace(job_);
    if (is_simple) {
      RunTokens(begin, end, runs.pairs[0]);
    } else {
      RunBlocks(begin, end);
    }
  }

 private:
  static bool IsInPlace(const RotateJob& job) {
    return std::all_of(
        job.operands.begin(), job.operands.begin() + job.operand_count,
        [](const RotateOperand& operand) { return operand.in.data() == operand.out.data(); });
  }

  // Makes the coefficients of the next block before a block is rotated, so that the two overlap in
  // the core.
  void RunBlocks(int64_t begin, int64_t end) {
    int slot = 0;
    Item item = Item::At(job_, begin);
    Make(item, slot);
    for (int64_t i = begin; i < end; ++i) {
      const Item next = item.Next(job_);
      const bool new_block = next.share == 0;
      if (new_block && i + 1 < end) Make(next, 1 - slot);
      Rotate(item, slot);
      if (new_block) slot = 1 - slot;
      item = next;
    }
  }

  // The same in place, for blocks of one token and lists of one run, which is what models have: the
  // next coefficients are made while a token is rotated, and little else happens between its heads
  // and those of the next. A core looks a few hundred instructions ahead; what is done between
  // tokens is time in which it asks for no memory.
  HWY_NOINLINE void RunTokens(int64_t begin, int64_t end, const PairRun& run) {
    const RunLoop<T> rotate = LoopInPlace<T>(run, job_.is_group);
    int64_t batch = begin / job_.tokens, token = begin % job_.tokens;
    M* coefficients = CoefficientsOf(0, 0, 0);
    M* next_coefficients = CoefficientsOf(1, 0, 0);
    makers_[0].Make(batch, token, coefficients);
    for (int64_t i = begin; i < end; ++i) {
      const bool row_ends = token + 1 == job_.tokens;
      const int64_t next_batch = row_ends ? batch + 1 : batch;
      const int64_t next_token = row_ends ? 0 : token + 1;
      NextCoefficients<M> next;
      if (i + 1 < end) next = makers_[0].Start(next_batch, next_token, next_coefficients);
      rotate(run, RowsOf(0, job_.operand_count, batch, token, coefficients), next);
      next.Finish(run.interleaved);
      std::swap(coefficients, next_coefficients);
      batch = next_batch;
      token = next_token;
    }
  }

  int64_t TokensOf(const Item& item) const {
    return std::min(job_.block_tokens, job_.tokens - item.block * job_.block_tokens);
  }

  // The coefficients of a token of a block: [phase_heads, 4 * pairs].
  M* CoefficientsOf(int slot, int64_t token, int side) const {
    const int64_t row = (slot * job_.block_tokens + token) * sides_ + side;
    return reinterpret_cast<M*>(memory_.get()) + row * token_size_;
  }

  HWY_INLINE void Make(const Item& item, int slot) {
    const int64_t count = TokensOf(item);
    for (int64_t t = 0; t < count; ++t) {
      for (int side = 0; side < sides_; ++side) {
        makers_[static_cast<size_t>(side)].Make(
            item.position_row, item.block * job_.block_tokens + t, CoefficientsOf(slot, t, side));
      }
    }
  }

  HWY_INLINE void Rotate(const Item& item, int slot) const {
    const int64_t count = TokensOf(item);
    const int64_t batch = job_.sharing > 1 ? item.share : item.position_row;
    for (int64_t t = 0; t < count; ++t) {
      const int64_t token = item.block * job_.block_tokens + t;
      // Operands with the same coefficients go together.
      const int together = sides_ == 1 ? job_.operand_count : 1;
      for (int i = 0; i < job_.operand_count; i += together) {
        const int side = sides_ == 1 ? 0 : i;
        RotateToken(*job_.runs, RowsOf(i, together, batch, token, CoefficientsOf(slot, t, side)));
      }
    }
  }

  // A token of `count` operands from the first on.
  HWY_INLINE TokenRows<T> RowsOf(int first, int count, int64_t batch, int64_t token,
                                 const M* coefficients) const {
    TokenRows<T> rows;
    rows.coefficients = coefficients;
    rows.coefficient_stride = job_.phase_heads == 1 ? 0 : 4 * job_.pairs;
    rows.is_group = job_.is_group;
    rows.count = count;
    for (int i = 0; i < count; ++i) {
      const Operand& operand = operands_[static_cast<size_t>(first) + static_cast<size_t>(i)];
      rows.operands[i] = operand.rows;
      rows.operands[i].in += batch * operand.in_batch + token * operand.in_token;
      rows.operands[i].out += batch * operand.out_batch + token * operand.out_token;
    }
    return rows;
  }

  // An operand of the job with its numbers at hand: a token's work is short enough to notice the
  // way to them.
  struct Operand {
    int64_t in_batch = 0, in_token = 0, out_batch = 0, out_token = 0;  // strides
    HeadRows<T> rows{};                                                // of the first token
  };

  static Operand At(const RotateJob& job, int i) {
    const ConstTensorView& in = job.operands[static_cast<size_t>(i)].in;
    const TensorView& out = job.operands[static_cast<size_t>(i)].out;
    return {.in_batch = in.stride(0),
            .in_token = in.stride(1),
            .out_batch = out.stride(0),
            .out_token = out.stride(1),
            .rows = {.in = static_cast<const T*>(in.data()),
                     .out = static_cast<T*>(out.data()),
                     .heads = in.shape(2),
                     .in_stride = in.stride(2),
                     .out_stride = out.stride(2)}};
  }

  const RotateJob& job_;
  int sides_;
  int64_t token_size_;
  AlignedBytes memory_;
  std::array<Operand, 2> operands_;
  std::vector<CoefficientMaker<M>> makers_;
};

void RotateItems(const RotateJob& job, int64_t begin, int64_t end) {
  DispatchFloat(job.operands[0].in.dtype(), "rotate",
                [&]<class T>() { Rotator<T>(job).Run(begin, end); });
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(RotateItems);

namespace {

// Coefficients of a block of tokens stay in the first-level cache beside the data.
constexpr int64_t kBlockBytes = 8 << 10;
constexpr int64_t kMostBlockTokens = 16;

// Bytes to rotate that are worth a thread of their own: a few microseconds.
constexpr int64_t kGrainBytes = 64 << 10;

// `phase_batch` rows of `phase_tokens` positions for tensors of `head_dim` channels.
void CheckOperand(const RotateJob& job, const RotateOperand& operand, int head_dim,
                  int64_t phase_batch, int64_t phase_tokens) {
  const ConstTensorView& in = operand.in;
  const TensorView& out = operand.out;
  if (in.dtype() != out.dtype() || !(in.shape() == out.shape())) {
    throw std::invalid_argument(Sentence("rotate: the input is ", Name(in.dtype()), " ",
                                         in.shape().ToString(), ", the output ", Name(out.dtype()),
                                         " ", out.shape().ToString()));
  }
  DispatchFloat(in.dtype(), "rotate", []<class T>() {});
  Require(in.shape(3) == head_dim, "rotate: the rotation is for head_dim ", head_dim,
          ", the tensor has ", in.shape(3));
  Require(in.shape(3) == 1 || (in.stride(3) == 1 && out.stride(3) == 1),
          "rotate: the channel stride must be 1, got ", in.stride(3), " and ", out.stride(3));
  Require(in.shape(1) == phase_tokens, "rotate: ", phase_tokens, " positions for ", in.shape(1),
          " tokens");
  Require(phase_batch == 1 || phase_batch == in.shape(0), "rotate: ", phase_batch,
          " rows of positions for a batch of ", in.shape(0));
  Require(job.phase_heads == 1 || job.phase_heads == in.shape(2), "rotate: the rotation has ",
          job.phase_heads, " heads, the tensor ", in.shape(2));
  Require(job.direction != Direction::kInverse || job.is_group,
          "rotate: a rotation with a second frequency has no inverse");
  Require(!OverlapsItself(out), "rotate: elements of the output lie on one another");
  const bool in_place = in.data() == out.data() && in.strides() == out.strides();
  Require(in_place || !Overlaps(in, out),
          "rotate: the output overlaps the input and is not the same view");
  if (job.phases == nullptr) return;
  const DType wanted = in.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  Require(job.phases->dtype() == wanted, "rotate: ", Name(in.dtype()), " needs phases of ",
          Name(wanted), ", got ", Name(job.phases->dtype()));
}

// Sets the items of `job`, whose operands are checked, and runs them.
void Run(RotateJob& job, int64_t phase_batch, int threads) {
  const Dims& shape = job.operands[0].in.shape();
  const int64_t batch = shape[0];
  job.tokens = shape[1];
  const int64_t element = static_cast<int64_t>(SizeOf(job.operands[0].in.dtype()));
  job.position_rows = phase_batch == 1 ? 1 : batch;
  job.sharing = phase_batch == 1 ? batch : 1;
  // Without sharing, one token at a time: memory then delivers the next token while its
  // coefficients are made.
  const int64_t most_tokens = job.sharing > 1 ? kMostBlockTokens : 1;
  const int64_t coefficient_bytes = 4 * std::max<int64_t>(element, 4) * job.pairs * job.phase_heads;
  job.block_tokens =
      std::clamp(kBlockBytes / std::max<int64_t>(1, coefficient_bytes), int64_t{1}, most_tokens);
  job.blocks = (job.tokens + job.block_tokens - 1) / job.block_tokens;

  int64_t heads = 0;
  for (int i = 0; i < job.operand_count; ++i) {
    heads += job.operands[static_cast<size_t>(i)].in.shape(2);
  }
  const int64_t item_bytes = std::max<int64_t>(1, job.block_tokens * heads * shape[3] * element);
  const int64_t grain = (kGrainBytes + item_bytes - 1) / item_bytes;
  ParallelFor(job.position_rows * job.blocks * job.sharing, threads, grain,
              [&](int64_t begin, int64_t end) {
                HWY_DYNAMIC_DISPATCH(RotateItems)(job, begin, end);
              });
}

RotateJob JobOf(const PhaseTable& table, const Positions& positions, const RotateOptions& options) {
  const Rotation& rotation = table.rotation();
  return {.table = &table,
          .positions = &positions,
          .centre = options.centre,
          .runs = &table.runs(),
          .pairs = rotation.pairs(),
          .phase_heads = rotation.heads,
          .is_group = rotation.IsGroup(),
          .direction = options.direction};
}

RotateJob JobOf(const Phases& phases, const RotateOptions& options) {
  return {.phases = &phases,
          .runs = &phases.runs(),
          .pairs = phases.pairs(),
          .phase_heads = phases.heads(),
          .is_group = phases.IsGroup(),
          .direction = options.direction};
}

void CheckQK(const TensorView& q, const TensorView& k) {
  Require(q.dtype() == k.dtype(), "rotate: q is ", Name(q.dtype()), ", k is ", Name(k.dtype()));
  Require(q.shape(0) == k.shape(0), "rotate: q has a batch of ", q.shape(0), ", k of ", k.shape(0));
  Require(!Overlaps(q, k), "rotate: q and k overlap");
}

// Rotates `x` into `y`, or `q` and `k` in place, by the phases of `job`: `phase_batch` rows of
// `phase_tokens` positions for tensors of `head_dim` channels.
void RunOne(RotateJob job, const ConstTensorView& x, const TensorView& y, Side side, int head_dim,
            int64_t phase_batch, int64_t phase_tokens, int threads) {
  job.operands[0] = {WithBatch(x, "rotate"), WithBatch(y, "rotate"), side};
  CheckOperand(job, job.operands[0], head_dim, phase_batch, phase_tokens);
  Run(job, phase_batch, threads);
}

void RunQK(RotateJob job, const TensorView& q, const TensorView& k, int head_dim,
           int64_t phase_batch, int64_t phase_tokens, int threads) {
  const TensorView q4 = WithBatch(q, "rotate"), k4 = WithBatch(k, "rotate");
  job.operands = {RotateOperand{q4, q4, Side::kQuery}, RotateOperand{k4, k4, Side::kKey}};
  job.operand_count = 2;
  for (const RotateOperand& operand : job.operands) {
    CheckOperand(job, operand, head_dim, phase_batch, phase_tokens);
  }
  CheckQK(q4, k4);
  Run(job, phase_batch, threads);
}

}  // namespace

void Rotate(const PhaseTable& table, ConstTensorView positions, ConstTensorView x, TensorView y,
            const RotateOptions& options, Side side) {
  const Positions checked(positions, table.rotation().axes, "rotate");
  RunOne(JobOf(table, checked, options), x, y, side, table.rotation().head_dim, checked.batch(),
         checked.tokens(), options.threads);
}

void Rotate(const Phases& phases, ConstTensorView x, TensorView y, const RotateOptions& options) {
  RunOne(JobOf(phases, options), x, y, Side::kQuery, phases.head_dim(), phases.batch(),
         phases.tokens(), options.threads);
}

void RotateQK(const PhaseTable& table, ConstTensorView positions, TensorView q, TensorView k,
              const RotateOptions& options) {
  const Positions checked(positions, table.rotation().axes, "rotate");
  RunQK(JobOf(table, checked, options), q, k, table.rotation().head_dim, checked.batch(),
        checked.tokens(), options.threads);
}

void RotateQK(const Phases& phases, TensorView q, TensorView k, const RotateOptions& options) {
  RunQK(JobOf(phases, options), q, k, phases.head_dim(), phases.batch(), phases.tokens(),
        options.threads);
}

}  // namespace rotary
#endif
