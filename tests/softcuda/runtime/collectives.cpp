// What the threads of a warp or a block do together: barriers, shuffles, votes.
#include "block.h"
#include "codes.h"
#include "sanitizer.h"

namespace softcuda {

void join(uint32_t mask, void* slot, Collective collective, const char* name) {
    Worker& self = *worker;
    Thread& me = *self.current;
    Warp& warp = self.warps[me.warp];
    uint32_t bit = 1u << me.lane;
    if (!(mask & bit)) fail(LAUNCH_FAILED, std::string(name) + ": the lane is not in its own mask");
    if (!warp.arrived) {
        uint32_t lanes = self.threadCount - warp.firstThread >= 32 ? ~0u : ~0u >> (32 - (self.threadCount - warp.firstThread));
        if (mask & lanes & ~warp.alive) fail(LAUNCH_FAILED, std::string(name) + ": a lane of the mask has ended");
        warp.collective = collective;
        warp.expected = mask & lanes;
    } else if (warp.collective != collective || warp.expected != (mask & (warp.alive | warp.arrived))) {
        fail(LAUNCH_FAILED, std::string(name) + ": lanes of the warp are at different operations");
    }
    warp.slots[me.lane] = slot;
    warp.arrived |= bit;
    if (warp.arrived == warp.expected) {
        uint32_t lanes = warp.arrived;
        warp.arrived = 0;
        warp.ready |= lanes;
        collective(warp, lanes);
    } else {
        warp.ready &= ~bit;
        self.yield();
    }
}

void releaseBarrier(Worker& self) {
    self.atBarrier = 0;
    self.barrierResult = self.barrierCount;
    self.barrierCount = 0;
    self.barrierTime = ++self.clock;
    for (int i = 0; i < self.warpCount; i++) self.warps[i].ready = self.warps[i].alive;
}

int blockBarrierCount(int predicate) {
    Worker& self = *worker;
    Thread& me = *self.current;
    self.barrierCount += predicate != 0;
    if (++self.atBarrier == self.alive) {
        releaseBarrier(self);
    } else {
        self.warps[me.warp].ready &= ~(1u << me.lane);
        self.yield();
    }
    return self.barrierResult;
}

void blockBarrier() { blockBarrierCount(0); }

void warpBarrier(unsigned mask) {
    join(mask, nullptr, [](Warp& warp, uint32_t) { warp.syncTime = ++worker->clock; }, "__syncwarp");
}

namespace {
struct Exchange {
    unsigned long long value, result;
    int source;
};
struct Vote {
    int predicate;
    unsigned result;
};
}  // namespace

unsigned long long shuffle(unsigned mask, unsigned long long value, int source) {
    Exchange mine{value, value, source};
    join(mask, &mine, [](Warp& warp, uint32_t lanes) {
        for (uint32_t rest = lanes; rest; rest &= rest - 1) {
            auto* to = static_cast<Exchange*>(warp.slots[__builtin_ctz(rest)]);
            if (lanes >> to->source & 1) to->result = static_cast<Exchange*>(warp.slots[to->source])->value;
        }
    }, "__shfl_sync");
    return mine.result;
}

unsigned ballot(unsigned mask, int predicate) {
    Vote mine{predicate, 0};
    join(mask, &mine, [](Warp& warp, uint32_t lanes) {
        unsigned result = 0;
        for (uint32_t rest = lanes; rest; rest &= rest - 1) {
            int lane = __builtin_ctz(rest);
            if (static_cast<Vote*>(warp.slots[lane])->predicate) result |= 1u << lane;
        }
        for (uint32_t rest = lanes; rest; rest &= rest - 1)
            static_cast<Vote*>(warp.slots[__builtin_ctz(rest)])->result = result;
    }, "__ballot_sync");
    return mine.result;
}

unsigned activeMask() { return worker->warps[worker->current->warp].alive; }

void trap() { fail(LAUNCH_FAILED, "__trap()"); }

}  // namespace softcuda
