// Decodes a multiset of grid points coded by recursive halving. The law is src/sfumato/coding/occupancy.py.
#include "occupancy.h"

#include "halving.h"

namespace SFU_NAMESPACE {

int decode_points(const Model& model, const uint8_t* words, State& state, uint32_t count, uint32_t width,
                  uint32_t height, int32_t* points, uint32_t* scratch) {
    const uint32_t size[2] = {width, height};
    const Halvings<2> grid(size);
    std::fill_n(points, 2 * size_t(count), 0);
    if (count == 0 || grid.depth == 0) return 0;

    const size_t most = count / 2 + 1;  // boxes of two points or more in one generation
    auto* boxes = reinterpret_cast<Box<2>*>(scratch);
    auto* next = boxes + most;
    auto* splits = reinterpret_cast<Split*>(next + most);
    auto* singles = reinterpret_cast<uint32_t*>(splits + most);
    auto* symbols = reinterpret_cast<uint16_t*>(singles + count);
    HalvingDecoder<2> decoder{model, words, state, grid, symbols + count, symbols, {}};

    if (count == 1) {
        singles[0] = 0;
        return decoder.add_rest(singles, 1, [](uint32_t) { return 0u; }, points);
    }
    if (const int status = decoder.read_classes(count, 1)) return status;

    boxes[0] = {{0, 0}, count, 0, 0};
    size_t alive = 1;
    for (uint32_t depth = 1; alive && depth <= grid.depth; ++depth) {
        size_t born = 0, alone = 0;
        const auto take = [&](const Box<2>& half) {
            if (half.points > 1) {
                next[born++] = half;
                return;
            }
            singles[alone++] = half.start;
            for (int axis = 0; axis < 2; ++axis) points[2 * size_t(half.start) + axis] = int32_t(half.corner[axis]);
        };
        if (const int status = decoder.halve(boxes, alive, splits, take)) return status;
        if (const int status = decoder.add_rest(singles, alone, [&](uint32_t) { return depth; }, points)) return status;
        std::swap(boxes, next);
        alive = born;
    }
    for (size_t i = 0; i < alive; ++i)
        for (uint32_t k = 0; k < boxes[i].points; ++k)
            for (int axis = 0; axis < 2; ++axis)
                points[2 * size_t(boxes[i].start + k) + axis] = int32_t(boxes[i].corner[axis]);
    return 0;
}

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// Decodes `count` points of a grid of `width` x `height` cells (1..2^16 each) into `points` [count, 2].
// `scratch` holds 9 * count + 16 words. Returns 0 or a Status.
SFU_API(int) SFU_NAME(sfu_decode_points)(const uint32_t* model, const uint8_t* words, uint32_t* state, uint32_t count,
                                         uint32_t width, uint32_t height, int32_t* points, uint32_t* scratch) {
    State& current = *reinterpret_cast<State*>(state);
    return decode_points(model_at(model), words, current, count, width, height, points, scratch);
}
