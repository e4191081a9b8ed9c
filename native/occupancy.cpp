// Decodes a multiset of grid points coded by recursive halving. The law is src/sfumato/coding/occupancy.py.
#include <algorithm>
#include <bit>

#include "occupancy.h"

namespace SFU_NAMESPACE {

namespace {

// The numbers of src/sfumato/coding/tables.py and occupancy.py; the test of equal decoding guards them.
constexpr uint32_t split_first = 93;
constexpr uint32_t splits_per_class = 30;
constexpr uint32_t largest_split = 31;
constexpr uint32_t class_bits = 3;
constexpr uint32_t loosest_class = 7;
constexpr uint32_t groups = 3;
constexpr uint32_t group_from[groups] = {2, 4, 32};

struct Box {
    uint32_t corner[2];
    uint32_t points;  // at least 2
    uint32_t start;   // where its points begin in the result
};

struct Split {
    uint32_t share;    // points in the first half
    uint32_t shift;    // low bits of the share that follow raw
    uint32_t decided;  // 1 where the second half lies outside the grid and nothing is coded
};

struct Decoder {
    const Model& model;
    const uint8_t* words;
    State& state;
    uint16_t* tables;   // room for as many as there are points
    uint16_t* symbols;

    int run(size_t count) { return decode_symbols(model, words, state, tables, symbols, count); }

    // Adds `width` raw bits to coordinate `axis` of each of the points listed in `which`.
    int add_bits(uint32_t width, int axis, const uint32_t* which, size_t count, int32_t* points) {
        for (uint32_t low = 0; low < width; low += widest_uniform) {
            std::fill_n(tables, count, uint16_t(uniform_table(std::min(widest_uniform, width - low))));
            if (const int status = run(count)) return status;
            for (size_t i = 0; i < count; ++i) points[2 * size_t(which[i]) + axis] += int32_t(symbols[i]) << low;
        }
        return 0;
    }
};

}  // namespace

int decode_points(const Model& model, const uint8_t* words, State& state, uint32_t count, uint32_t width,
                  uint32_t height, int32_t* points, uint32_t* scratch) {
    const uint32_t size[2] = {width, height};
    uint32_t bits[2] = {uint32_t(std::bit_width(width - 1)), uint32_t(std::bit_width(height - 1))};
    std::fill_n(points, 2 * size_t(count), 0);
    if (count == 0 || bits[0] + bits[1] == 0) return 0;

    const size_t most = count / 2 + 1;  // boxes of two points or more in one generation
    Box* boxes = reinterpret_cast<Box*>(scratch);
    Box* next = boxes + most;
    Split* splits = reinterpret_cast<Split*>(next + most);
    uint32_t* singles = reinterpret_cast<uint32_t*>(splits + most);
    uint16_t* symbols = reinterpret_cast<uint16_t*>(singles + count);
    Decoder decoder{model, words, state, symbols + count, symbols};

    if (count == 1) {
        singles[0] = 0;
        for (int axis = 0; axis < 2; ++axis)
            if (const int status = decoder.add_bits(bits[axis], axis, singles, 1, points)) return status;
        return points[0] < int32_t(width) && points[1] < int32_t(height) ? 0 : bad_points;
    }

    const size_t present =
        size_t(std::count_if(group_from, group_from + groups, [&](uint32_t n) { return count >= n; }));
    std::fill_n(decoder.tables, present, uint16_t(uniform_table(class_bits)));
    uint16_t header[groups] = {};
    if (const int status = decode_symbols(decoder.model, words, decoder.state, decoder.tables, header, present))
        return status;

    boxes[0] = {{0, 0}, count, 0};
    size_t alive = 1;
    while (alive && bits[0] + bits[1]) {
        const int axis = bits[0] >= bits[1] ? 0 : 1;
        const uint32_t half = 1u << --bits[axis];

        size_t coded = 0;
        for (size_t i = 0; i < alive; ++i) {
            const uint32_t n = boxes[i].points, middle = boxes[i].corner[axis] + half;
            if (middle >= size[axis]) {
                splits[i] = {n, 0, 1};
                continue;
            }
            const uint32_t second = std::min(half, size[axis] - middle);
            const uint32_t group = (n >= group_from[1]) + (n >= group_from[2]);
            const uint32_t shift = n > largest_split ? uint32_t(std::bit_width(n)) - 5 : 0;
            const uint32_t split_class = 4 * second < 3 * half ? loosest_class : header[group];
            decoder.tables[coded++] = uint16_t(split_first + split_class * splits_per_class + (n >> shift) - 2);
            splits[i] = {0, shift, 0};
        }
        if (const int status = decoder.run(coded)) return status;
        uint32_t deepest = 0;
        for (size_t i = 0, at = 0; i < alive; ++i) {
            if (splits[i].decided) continue;
            splits[i].share = uint32_t(symbols[at++]) << splits[i].shift;
            deepest = std::max(deepest, splits[i].shift);
        }

        for (uint32_t low = 0; low < deepest; low += widest_uniform) {
            coded = 0;
            for (size_t i = 0; i < alive; ++i)
                if (splits[i].shift > low)
                    decoder.tables[coded++] = uint16_t(uniform_table(std::min(widest_uniform, splits[i].shift - low)));
            if (const int status = decoder.run(coded)) return status;
            for (size_t i = 0, at = 0; i < alive; ++i)
                if (splits[i].shift > low) splits[i].share += uint32_t(symbols[at++]) << low;
        }

        size_t born = 0, alone = 0;
        for (size_t i = 0; i < alive; ++i) {
            const Box& box = boxes[i];
            if (splits[i].share > box.points) return bad_points;
            const uint32_t parts[2] = {splits[i].share, box.points - splits[i].share};
            for (int side = 0; side < 2; ++side) {
                Box child = box;
                child.corner[axis] += side ? half : 0;
                child.points = parts[side];
                child.start += side ? parts[0] : 0;
                if (child.points > 1) {
                    next[born++] = child;
                } else if (child.points == 1) {
                    singles[alone++] = child.start;
                    points[2 * size_t(child.start)] = int32_t(child.corner[0]);
                    points[2 * size_t(child.start) + 1] = int32_t(child.corner[1]);
                }
            }
        }
        for (int k = 0; k < 2; ++k)
            if (const int status = decoder.add_bits(bits[k], k, singles, alone, points)) return status;
        for (size_t i = 0; i < alone; ++i) {
            const int32_t* point = points + 2 * size_t(singles[i]);
            if (point[0] >= int32_t(width) || point[1] >= int32_t(height)) return bad_points;
        }
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
