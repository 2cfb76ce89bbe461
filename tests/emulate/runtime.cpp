/* The runtime API on the CPU. Each stream queues its work, which runs when somebody waits for it: so what the host
 * changes or frees too early shows, and what one stream takes from another without waiting. Streams that block share
 * the queue of the null stream. Not for several host threads at once. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "cuda_runtime_api.h"
#include "emulate.h"

struct captured {
    std::function<void()> work;
    std::vector<size_t> follows;
};
typedef std::vector<captured> work_list;

struct CUgraph_st {
    work_list work;
};
struct line {
    std::deque<std::function<void()>> work;
    size_t queued, begun; /* pieces of work, ever */
};
struct CUgraphExec_st {
    std::shared_ptr<work_list> work;
};
struct CUstream_st {
    line own, *queue;
    CUgraph_st *capture;         /* NULL: none */
    bool origin;                 /* of the capture */
    std::vector<size_t> follows; /* captured work that the next one must follow */
};
struct CUevent_st {
    line *queue; /* where it was recorded, and how much work lay before it */
    size_t after;
    CUgraph_st *capture; /* of the stream when it was recorded */
    std::vector<size_t> follows;
    double seconds;
};

static const size_t all_memory = (size_t)8 << 30;
static std::set<CUstream_st *> streams;
static std::map<const char *, size_t> device_memory, pinned_memory;
static size_t used;
static cudaError_t last = cudaSuccess;
static CUstream_st null_stream = {{}, &null_stream.own, nullptr, false, {}};

static cudaError_t say(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

static CUstream_st *of(cudaStream_t stream) {
    return stream != nullptr ? stream : &null_stream;
}

static bool anyone_captures() {
    for (const CUstream_st *s : streams)
        if (s->capture != nullptr) return true;
    return false;
}

/* All that was queued before `until`. Work may call this, for what it waits for in another queue. */
static void run(line *queue, size_t until) {
    while (queue->begun < until) {
        const std::function<void()> work = std::move(queue->work.front());
        queue->work.pop_front();
        queue->begun++;
        work();
    }
}

static void run_everything() {
    run(&null_stream.own, null_stream.own.queued);
    for (CUstream_st *s : streams) run(&s->own, s->own.queued);
}

/* Waiting is not allowed while a stream is being captured. NULL: for the device. */
static cudaError_t wait_for(line *queue) {
    if (anyone_captures()) return say(cudaErrorStreamCaptureUnsupported);
    if (queue != nullptr)
        run(queue, queue->queued);
    else
        run_everything();
    return cudaSuccess;
}

void emulate_enqueue(cudaStream_t stream, std::function<void()> work) {
    CUstream_st *s = of(stream);
    if (s->capture != nullptr) {
        s->capture->work.push_back({std::move(work), s->follows});
        s->follows = {s->capture->work.size() - 1};
        return;
    }
    s->queue->work.push_back(std::move(work));
    s->queue->queued++;
}

/* ---- Device ---- */

cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    return say(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
    if (device != 0) return say(cudaErrorInvalidDevice);
    *p = cudaDeviceProp();
    snprintf(p->name, sizeof p->name, "emulated");
    p->totalGlobalMem = all_memory;
    p->sharedMemPerBlock = 48 << 10;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->major = 9;
    p->multiProcessorCount = 4;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
    cudaDeviceProp p;
    if (cudaGetDeviceProperties(&p, device) != cudaSuccess) return cudaErrorInvalidDevice;
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        return *value = p.maxThreadsPerBlock, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        return *value = (int)p.sharedMemPerBlock, cudaSuccess;
    case cudaDevAttrWarpSize:
        return *value = p.warpSize, cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
        return *value = p.multiProcessorCount, cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
        return *value = p.major, cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
        return *value = p.minor, cudaSuccess;
    }
    return say(cudaErrorInvalidValue);
}

cudaError_t cudaDeviceSynchronize() {
    return wait_for(nullptr);
}

cudaError_t cudaDeviceReset() {
    return wait_for(nullptr);
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = 99990;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

/* ---- Errors ---- */

cudaError_t cudaGetLastError() {
    const cudaError_t error = last;
    last = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError() {
    return last;
}

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "cudaSuccess";
    case cudaErrorInvalidValue:
        return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
        return "cudaErrorMemoryAllocation";
    case cudaErrorStreamCaptureUnsupported:
        return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorInvalidDevice:
        return "cudaErrorInvalidDevice";
    default:
        return "another error";
    }
}

const char *cudaGetErrorString(cudaError_t error) {
    return cudaGetErrorName(error);
}

/* ---- Memory: of the device, 0xff everywhere (NaN) until it is written; of the host, pinned ---- */

static cudaError_t take(std::map<const char *, size_t> *where, void **p, size_t bytes) {
    *p = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (where == &device_memory && used + bytes > all_memory) return say(cudaErrorMemoryAllocation);
    *p = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (*p == nullptr) return say(cudaErrorMemoryAllocation);
    memset(*p, 0xff, bytes);
    (*where)[(const char *)*p] = bytes;
    if (where == &device_memory) used += bytes;
    return cudaSuccess;
}

static cudaError_t give(std::map<const char *, size_t> *where, void *p) {
    if (p == nullptr) return cudaSuccess;
    const cudaError_t error = wait_for(nullptr);
    if (error != cudaSuccess) return error;
    const auto found = where->find((const char *)p);
    if (found == where->end()) return say(cudaErrorInvalidValue);
    if (where == &device_memory) used -= found->second;
    where->erase(found);
    free(p);
    return cudaSuccess;
}

static bool lies_in(const std::map<const char *, size_t> &where, const void *p) {
    auto after = where.upper_bound((const char *)p);
    if (after == where.begin()) return false;
    --after;
    return (const char *)p < after->first + after->second;
}

cudaError_t cudaMalloc(void **p, size_t bytes) {
    return take(&device_memory, p, bytes);
}

cudaError_t cudaFree(void *p) {
    return give(&device_memory, p);
}

cudaError_t cudaMallocHost(void **p, size_t bytes) {
    return take(&pinned_memory, p, bytes);
}

cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned) {
    return take(&pinned_memory, p, bytes);
}

cudaError_t cudaFreeHost(void *p) {
    return give(&pinned_memory, p);
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    *available = all_memory - used;
    *total = all_memory;
    return cudaSuccess;
}

/* ---- Copies ---- */

/* Stops at an address on the wrong side, which on a GPU is a fault. */
static void check_side(const char *what, const void *p, bool device) {
    if (lies_in(device_memory, p) != device) emulate_stop("%s: %p is %sdevice memory", what, p, device ? "no " : "");
}

static void check_copy(const void *to, const void *from, enum cudaMemcpyKind kind) {
    if (kind == cudaMemcpyDefault) return;
    check_side("copy to", to, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice);
    check_side("copy from", from, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice);
}

static bool is_pageable(const void *p) {
    return !lies_in(device_memory, p) && !lies_in(pinned_memory, p);
}

/* A copy from pageable memory to the device may return when the memory has been read; from pinned memory, and to the
 * host, it returns when all is done. In the null stream: it waits for no non-blocking stream. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    const bool done = lies_in(device_memory, to) && (is_pageable(from) || lies_in(device_memory, from));
    return error != cudaSuccess || done ? error : wait_for(&null_stream.own);
}

/* Pageable memory of the host: what is read is read before the call returns, what is written is written before. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    check_copy(to, from, kind);
    if ((is_pageable(from) || is_pageable(to)) && of(stream)->capture != nullptr)
        return say(cudaErrorStreamCaptureUnsupported);
    if (is_pageable(from)) {
        const std::vector<char> kept((const char *)from, (const char *)from + bytes);
        emulate_enqueue(stream, [=] { memcpy(to, kept.data(), bytes); });
    } else {
        emulate_enqueue(stream, [=] { memmove(to, from, bytes); });
    }
    return is_pageable(to) ? wait_for(of(stream)->queue) : cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t bytes, size_t rows,
                              enum cudaMemcpyKind kind, cudaStream_t stream) {
    for (size_t i = 0; i < rows; i++) {
        const cudaError_t error =
            cudaMemcpyAsync((char *)to + i * to_pitch, (const char *)from + i * from_pitch, bytes, kind, stream);
        if (error != cudaSuccess) return error;
    }
    return cudaSuccess;
}

cudaError_t cudaMemset(void *p, int value, size_t bytes) {
    return cudaMemsetAsync(p, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    check_side("memset", p, true);
    emulate_enqueue(stream, [=] { memset(p, value, bytes); });
    return cudaSuccess;
}

/* ---- Streams ---- */

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    CUstream_st *s = *stream = new CUstream_st();
    s->queue = flags & cudaStreamNonBlocking ? &s->own : &null_stream.own;
    streams.insert(s);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    if (streams.count(stream) == 0) return say(cudaErrorInvalidValue);
    run_everything();
    streams.erase(stream);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    return wait_for(of(stream)->queue);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    return wait_for(of(stream)->queue);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    line *const queue = event->queue;
    const size_t after = event->after;
    if (event->capture != nullptr) { /* the stream joins that capture */
        CUstream_st *s = of(stream);
        if (s->capture == nullptr) s->follows.clear();
        s->capture = event->capture;
        s->follows.insert(s->follows.end(), event->follows.begin(), event->follows.end());
    } else if (queue != nullptr && queue != of(stream)->queue)
        emulate_enqueue(stream, [=] { run(queue, after); });
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode) {
    if (stream == nullptr || stream->capture != nullptr) return say(cudaErrorStreamCaptureUnsupported);
    stream->capture = new CUgraph_st();
    stream->origin = true;
    stream->follows.clear();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    *graph = nullptr;
    if (stream == nullptr || stream->capture == nullptr || !stream->origin) return say(cudaErrorInvalidValue);
    *graph = stream->capture;
    stream->origin = false;
    for (CUstream_st *s : streams)
        if (s->capture == *graph) s->capture = nullptr;
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
    *status = of(stream)->capture != nullptr ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

/* ---- Events ---- */

static double seconds_now() {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    *event = new CUevent_st();
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
    return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    run_everything();
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    emulate_enqueue(stream, [=] { event->seconds = seconds_now(); });
    event->capture = of(stream)->capture;
    event->follows = of(stream)->follows;
    event->queue = of(stream)->queue;
    event->after = event->queue->queued;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (anyone_captures()) return say(cudaErrorStreamCaptureUnsupported);
    if (event->queue != nullptr) run(event->queue, event->after);
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    return cudaEventSynchronize(event);
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) {
    *milliseconds = (float)(1e3 * (to->seconds - from->seconds));
    return cudaSuccess;
}

/* ---- Graphs ---- */

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
    *exec = new CUgraphExec_st{std::make_shared<work_list>(graph->work)};
    return cudaSuccess;
}

/* As captured; or in reverse order, as late pieces as early as what they follow allows: what should wait for another
 * and does not comes too early. */
static void run_captured(const work_list &all) {
    const char *order = getenv("EMULATE_ORDER");
    const bool reverse = order != nullptr && strcmp(order, "reverse") == 0;
    std::vector<bool> done(all.size());
    for (size_t n = 0; n < all.size(); n++) {
        size_t next = n;
        for (size_t i = all.size(); reverse && i-- > 0;) {
            bool ready = !done[i];
            for (size_t k : all[i].follows) ready = ready && done[k];
            if (!ready) continue;
            next = i;
            break;
        }
        all[next].work();
        done[next] = true;
    }
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    const std::shared_ptr<work_list> all = exec->work;
    emulate_enqueue(stream, [=] { run_captured(*all); });
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    delete exec;
    return cudaSuccess;
}
