#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "rotary/attention/softmax_attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/attention/softmax_attention_backward.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/attention/attention_arguments.h"
#include "rotary/attention/attention_backward-inl.h"
#include "rotary/attention/attention_backward.h"
#include "rotary/attention/scratch.h"
#include "rotary/base/dtype.h"
#include "rotary/base/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void RunBackward(const BackwardCall& call, const BackwardTask& task, std::byte* scratch) {
  DispatchAttention(call.q.dtype(),
                    [&]<class T>() HWY_ATTR { BackwardKeys<T>(call, task, scratch).Run(); });
}

void RunDelta(const BackwardCall& call, int64_t b, Range queries) {
  DispatchAttention(call.q.dtype(), [&]<class T>() HWY_ATTR { WriteDelta<T>(call, b, queries); });
}

void RunSumPartialDQ(const BackwardCall& call, int64_t b, Range queries) {
  DispatchAttention(call.q.dtype(), [&]<class T>() HWY_ATTR { SumPartialDQ<T>(call, b, queries); });
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(RunBackward);
HWY_EXPORT(RunDelta);
HWY_EXPORT(RunSumPartialDQ);

// Enough tasks for the cores of a large machine, few enough that the partial sums stay small.
constexpr int64_t kFewestTasks = 16;

// Calls body(b, queries) on runs of queries of one batch row.
void ForQueries(const AttentionPlan& plan, int threads,
                FunctionRef<void(int64_t b, Range queries)> body) {
  constexpr int64_t kRun = 16;
  const int64_t runs = CeilDivide(plan.queries, kRun);
  ParallelFor(plan.batch * runs, threads, 4, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t i = run % runs * kRun;
      body(run / runs, {i, std::min(i + kRun, plan.queries)});
    }
  });
}

}  // namespace

void SoftmaxAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                              ConstTensorView out, ConstTensorView lse, ConstTensorView d_out,
                              TensorView d_q, TensorView d_k, TensorView d_v,
                              const AttentionOptions& options) {
  CheckAttentionBackward(q, k, v, out, lse, d_out, d_q, d_k, d_v, options);
  const int threads = ResolveThreads(options.threads);
  BackwardCall call{.plan = AttentionPlan(q, k, v, options),
                    .q = q,
                    .k = k,
                    .v = v,
                    .out = out,
                    .lse = lse,
                    .d_out = d_out,
                    .d_q = d_q,
                    .d_k = d_k,
                    .d_v = d_v};
  const AttentionPlan& plan = call.plan;
  const int64_t kv_rows = plan.batch * plan.kv_heads;
  if (kv_rows == 0) return;
  call.key_block = KeyBlockSize(plan.keys);
  call.splits = std::clamp<int64_t>(CeilDivide(plan.keys, call.key_block), 1,
                                    CeilDivide(kFewestTasks, kv_rows));
  const int64_t rows = plan.batch * plan.heads * plan.queries;
  Carver of_worker(nullptr);
  BackwardScratch(call, of_worker);
  const int64_t tasks = kv_rows * call.splits;
  const int64_t workers = std::min<int64_t>(threads, tasks);
  Carver size(nullptr);
  const auto take_all = [&](Carver& carver) {
    call.delta = carver.Take<float>(rows);
    call.partial_d_q =
        carver.Take<float>(call.splits > 1 ? call.splits * rows * RowStride(plan.head_dim) : 0);
    return carver.Take<std::byte>(workers * static_cast<int64_t>(of_worker.bytes()));
  };
  take_all(size);
  Carver carver(ThreadScratch(size.bytes()));
  std::byte* scratch = take_all(carver);

  ForQueries(plan, threads, [&](int64_t b, Range queries) {
    HWY_DYNAMIC_DISPATCH(RunDelta)(call, b, queries);
  });
  ParallelTasks(tasks, threads, [&](int64_t task, int worker) {
    const BackwardTask t = {task / call.splits / plan.kv_heads, task / call.splits % plan.kv_heads,
                            task % call.splits};
    HWY_DYNAMIC_DISPATCH(RunBackward)
    (call, t, scratch + static_cast<size_t>(worker) * of_worker.bytes());
  });
  if (call.splits > 1) {
    ForQueries(plan, threads, [&](int64_t b, Range queries) {
      HWY_DYNAMIC_DISPATCH(RunSumPartialDQ)(call, b, queries);
    });
  }
}

}  // namespace rotary
#endif  // HWY_ONCE
