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
#include "rotary/attention/scratch.h"
#include "rotary/base/dtype.h"
#include "rotary/base/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void RunForward(const ForwardCall& call, const ForwardTask& task, std::byte* scratch) {
  DispatchAttention(call.q.dtype(),
                    [&]<class T>() HWY_ATTR { ForwardBlock<T>(call, task, scratch).Run(); });
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(RunForward);

}  // namespace

void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, TensorView out,
                      TensorView lse, const AttentionOptions& options) {
  CheckAttention(q, k, v, out, lse, options);
  const int threads = ResolveThreads(options.threads);
  ForwardCall call{
      .plan = AttentionPlan(q, k, v, options), .q = q, .k = k, .v = v, .out = out, .lse = lse};
  const AttentionPlan& plan = call.plan;
  call.query_block = std::min(plan.queries, std::max(kTileQueries, 256 / plan.group));
  call.key_block = KeyBlockSize(plan.keys);
  call.key_chunk = plan.keys;
  call.chunks = 1;
  if (plan.queries == 0) return;
  const int64_t query_blocks = CeilDivide(plan.queries, call.query_block);
  const int64_t tasks = query_blocks * plan.batch * plan.kv_heads;
  Carver size(nullptr);
  ForwardScratch(call, size);
  const auto workers = std::min<int64_t>(threads, std::max<int64_t>(1, tasks));
  std::byte* scratch = ThreadScratch(size.bytes() * static_cast<size_t>(workers));
  ParallelTasks(tasks, threads, [&](int64_t task, int worker) {
    ForwardTask t;
    const int64_t rest = task % (plan.batch * plan.kv_heads);
    const int64_t block = query_blocks - 1 - task / (plan.batch * plan.kv_heads);
    t.kv_head = rest % plan.kv_heads;
    t.batch = rest / plan.kv_heads;
    t.chunk = 0;
    t.queries = {block * call.query_block, std::min(plan.queries, (block + 1) * call.query_block)};
    t.keys = {0, plan.keys};
    HWY_DYNAMIC_DISPATCH(RunForward)(call, t, scratch + static_cast<size_t>(worker) * size.bytes());
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
