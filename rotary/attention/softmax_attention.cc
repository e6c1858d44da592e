#include "rotary/attention/softmax_attention.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/attention/softmax_attention.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/attention/attention_arguments.h"
#include "rotary/attention/attention_forward-inl.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/few_queries-inl.h"
#include "rotary/attention/result_rows-inl.h"
#include "rotary/attention/scratch.h"
#include "rotary/base/dtype.h"
#include "rotary/base/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void RunForward(const ForwardCall& call, const ForwardTask& task, std::byte* scratch) {
  DispatchAttention(call.q.dtype(), [&]<class T>() HWY_ATTR {
    if (call.few_queries) {
      FewQueries<T>(call, task, scratch).Run();
    } else {
      ForwardBlock<T>(call, task, scratch).Run();
    }
  });
}

// Puts together the parts of `rows`, counted over batch rows, heads and queries.
void RunCombine(const ForwardCall& call, Range rows) {
  DispatchAttention(call.q.dtype(), [&]<class T>() HWY_ATTR {
    const ResultRows<T> results(call);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const int64_t i = row % call.plan.queries, head = row / call.plan.queries;
      results.Combine(head / call.plan.heads, head % call.plan.heads, i);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(RunForward);
HWY_EXPORT(RunCombine);

// Up to this many rows of scores for a key head, transposing the keys costs more than it saves.
constexpr int64_t kFewRows = 8;
// Channels of keys and values in a task of few queries: enough to outweigh putting the parts
// together, and few enough that there are tasks for every thread.
constexpr int64_t kFewQueriesChannels = int64_t{1} << 20;
// Rows of a task in tiles: enough to outweigh packing the keys for them.
constexpr int64_t kTaskRows = 256;
// With fewer tasks than this, those of very many keys are cut, but not into chunks below this.
constexpr int64_t kFewestTasks = 16;
constexpr int64_t kLeastChunk = 2048;

void CutIntoTasks(ForwardCall& call) {
  const AttentionPlan& plan = call.plan;
  const int64_t keys = std::max<int64_t>(1, plan.keys);
  call.few_queries = plan.group * plan.queries <= kFewRows;
  if (call.few_queries) {
    call.head_tasks = 1;
    call.query_block = plan.queries;
    const int64_t channels_of_key = plan.kv_heads * (plan.head_dim + plan.value_dim);
    call.key_chunk =
        std::min(keys, RoundUp(std::max<int64_t>(1, kFewQueriesChannels / channels_of_key), 64));
    call.key_block = call.key_chunk;
  } else {
    call.head_tasks = plan.kv_heads;
    call.query_block = std::min(plan.queries, std::max(kTileQueries, kTaskRows / plan.group));
    call.key_block = KeyBlockSize(plan.keys);
    const int64_t tasks = plan.batch * plan.kv_heads * CeilDivide(plan.queries, call.query_block);
    const int64_t most_chunks = std::max<int64_t>(1, keys / kLeastChunk);
    const int64_t chunks = std::min(CeilDivide(kFewestTasks, tasks), most_chunks);
    call.key_chunk = RoundUp(CeilDivide(keys, chunks), call.key_block);
  }
  call.chunks = CeilDivide(keys, call.key_chunk);
}

// The last queries first: under a causal mask they have the most keys, and long tasks should not
// come last.
ForwardTask MakeTask(const ForwardCall& call, int64_t index) {
  const AttentionPlan& plan = call.plan;
  ForwardTask task;
  task.kv_head = index % call.head_tasks;
  index /= call.head_tasks;
  task.chunk = index % call.chunks;
  index /= call.chunks;
  task.batch = index % plan.batch;
  const int64_t blocks = CeilDivide(plan.queries, call.query_block);
  const int64_t block = blocks - 1 - index / plan.batch;
  task.queries = {block * call.query_block, std::min((block + 1) * call.query_block, plan.queries)};
  task.keys = {task.chunk * call.key_chunk, std::min((task.chunk + 1) * call.key_chunk, plan.keys)};
  return task;
}

}  // namespace

void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, TensorView out,
                      TensorView lse, const AttentionOptions& options) {
  CheckAttention(q, k, v, out, lse, options);
  const int threads = ResolveThreads(options.threads);
  ForwardCall call{
      .plan = AttentionPlan(q, k, v, options), .q = q, .k = k, .v = v, .out = out, .lse = lse};
  const AttentionPlan& plan = call.plan;
  const int64_t rows = plan.batch * plan.heads * plan.queries;
  if (rows == 0) return;
  CutIntoTasks(call);
  const int64_t tasks =
      plan.batch * call.head_tasks * call.chunks * CeilDivide(plan.queries, call.query_block);
  const int64_t workers = std::min<int64_t>(threads, tasks);

  Carver of_worker(nullptr);
  if (call.few_queries) {
    FewQueriesScratch(call, of_worker);
  } else {
    ForwardScratch(call, of_worker);
  }
  const auto take_all = [&](Carver& carver) {
    const int64_t parts = call.chunks > 1 ? rows * call.chunks : 0;
    call.partial_out = carver.Take<float>(parts * call.PartStride());
    call.partial_softmax = carver.Take<RunningSoftmax>(parts);
    return carver.Take<std::byte>(workers * static_cast<int64_t>(of_worker.bytes()));
  };
  Carver size(nullptr);
  take_all(size);
  Carver carver(ThreadScratch(size.bytes()));
  std::byte* scratch = take_all(carver);

  ParallelTasks(tasks, threads, [&](int64_t index, int worker) {
    HWY_DYNAMIC_DISPATCH(RunForward)
    (call, MakeTask(call, index), scratch + static_cast<size_t>(worker) * of_worker.bytes());
  });
  if (call.chunks > 1) {
    constexpr int64_t kLeastRows = 8;
    ParallelFor(rows, threads, kLeastRows, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(RunCombine)(call, {begin, end});
    });
  }
}

}  // namespace rotary
#endif  // HWY_ONCE
