// What the decoders of grid points in 2D (occupancy.cpp) and 3D (boxes.cpp) share: halving boxes, sharing out their
// points. The law is src/sfumato/coding/halving.py.
#pragma once
#include <algorithm>
#include <bit>

#include "rans.h"

namespace SFU_NAMESPACE {

// The numbers of src/sfumato/coding/tables.py and halving.py; the tests of equal decoding guard them.
constexpr uint32_t split_first = 93;
constexpr uint32_t splits_per_class = 30;
constexpr uint32_t largest_split = 31;
constexpr uint32_t class_bits = 3;
constexpr uint32_t loosest_class = 7;
constexpr uint32_t groups = 3;
constexpr uint32_t group_from[groups] = {2, 4, 32};
constexpr uint32_t group_to[groups] = {3, 31, INT32_MAX};

template <int axes>
struct Box {
    uint32_t corner[axes];
    uint32_t points;
    uint32_t start;  // points in front of it
    uint32_t depth;  // halvings from the box of all points
};

struct Split {
    uint32_t share;    // points in the first half
    uint32_t shift;    // low bits of the share that follow raw
    uint32_t decided;  // 1 where the second half lies outside the grid and nothing is coded
};

// How the box around a grid is halved: across its longest side, of equal ones across the first.
template <int axes>
struct Halvings {
    static constexpr uint32_t deepest = 63;
    uint32_t size[axes];
    uint32_t depth = 0;            // of a cell
    uint32_t axis[deepest];        // what the halving at each depth cuts
    uint32_t half[deepest];        // how many cells long the halves are
    uint8_t bits[deepest + 1][axes];  // log2 of the sides of a box at each depth

    // Sides are 1..2^21 cells.
    explicit Halvings(const uint32_t* sides) {
        for (int k = 0; k < axes; ++k) {
            size[k] = sides[k];
            bits[0][k] = uint8_t(std::bit_width(sides[k] - 1));
        }
        for (;; ++depth) {
            const uint8_t* now = bits[depth];
            const int longest = int(std::max_element(now, now + axes) - now);
            if (now[longest] == 0) return;
            axis[depth] = uint32_t(longest);
            half[depth] = 1u << (now[longest] - 1);
            std::copy_n(now, axes, bits[depth + 1]);
            --bits[depth + 1][longest];
        }
    }
};

template <int axes>
struct HalvingDecoder {
    const Model& model;
    const uint8_t* words;
    State& state;
    const Halvings<axes>& grid;
    uint16_t* tables;   // room for as many as there are points, at least 3
    uint16_t* symbols;  // likewise
    uint32_t classes[groups];

    int run(size_t count) { return decode_symbols(model, words, state, tables, symbols, count); }

    // largest: points in the fullest box that is halved; leaf < largest: boxes of so many points are halved no more.
    int read_classes(uint32_t largest, uint32_t leaf) {
        size_t used = 0;
        const auto occurs = [&](uint32_t g) { return largest >= group_from[g] && leaf < group_to[g]; };
        for (uint32_t g = 0; g < groups; ++g)
            if (occurs(g)) tables[used++] = uint16_t(uniform_table(class_bits));
        if (const int status = run(used)) return status;
        used = 0;
        for (uint32_t g = 0; g < groups; ++g) classes[g] = occurs(g) ? symbols[used++] : 0;
        return 0;
    }

    // Halves boxes of two points or more. Calls take(half) for each half with points, in order.
    template <typename Take>
    int halve(const Box<axes>* boxes, size_t count, Split* splits, Take take) {
        size_t coded = 0;
        for (size_t i = 0; i < count; ++i) {
            const uint32_t n = boxes[i].points, axis = grid.axis[boxes[i].depth], half = grid.half[boxes[i].depth];
            const uint32_t middle = boxes[i].corner[axis] + half;
            if (middle >= grid.size[axis]) {
                splits[i] = {n, 0, 1};
                continue;
            }
            const uint32_t second = std::min(half, grid.size[axis] - middle);
            const uint32_t group = (n >= group_from[1]) + (n >= group_from[2]);
            const uint32_t shift = n > largest_split ? uint32_t(std::bit_width(n)) - 5 : 0;
            const uint32_t split_class = 4 * second < 3 * half ? loosest_class : classes[group];
            tables[coded++] = uint16_t(split_first + split_class * splits_per_class + (n >> shift) - 2);
            splits[i] = {0, shift, 0};
        }
        if (const int status = run(coded)) return status;
        uint32_t deepest = 0;
        for (size_t i = 0, at = 0; i < count; ++i) {
            if (splits[i].decided) continue;
            splits[i].share = uint32_t(symbols[at++]) << splits[i].shift;
            deepest = std::max(deepest, splits[i].shift);
        }
        if (const int status = read_low_bits(splits, count, deepest)) return status;
        for (size_t i = 0; i < count; ++i) {
            const Box<axes>& box = boxes[i];
            const uint32_t share = splits[i].share, axis = grid.axis[box.depth];
            if (share > box.points) return bad_points;
            Box<axes> child = box;
            ++child.depth;
            child.points = share;
            if (share) take(child);
            child.points = box.points - share;
            child.start += share;
            child.corner[axis] += grid.half[box.depth];
            if (child.points) take(child);
        }
        return 0;
    }

    // Adds the rest of their coordinates, raw, to the points [., axes] listed in `which`, each alone in its box of the
    // depth that depth_of(point) tells. Returns 0 or a Status.
    template <typename Depth>
    int add_rest(const uint32_t* which, size_t count, Depth depth_of, int32_t* points) {
        for (int axis = 0; axis < axes; ++axis) {
            const auto width = [&](size_t i) { return uint32_t(grid.bits[depth_of(which[i])][axis]); };
            uint32_t widest = 0;
            for (size_t i = 0; i < count; ++i) widest = std::max(widest, width(i));
            for (uint32_t low = 0; low < widest; low += widest_uniform) {
                size_t coded = 0;
                for (size_t i = 0; i < count; ++i)
                    if (width(i) > low)
                        tables[coded++] = uint16_t(uniform_table(std::min(widest_uniform, width(i) - low)));
                if (const int status = run(coded)) return status;
                for (size_t i = 0, at = 0; i < count; ++i)
                    if (width(i) > low) points[axes * size_t(which[i]) + axis] += int32_t(symbols[at++]) << low;
            }
        }
        for (size_t i = 0; i < count; ++i)
            for (int axis = 0; axis < axes; ++axis)
                if (points[axes * size_t(which[i]) + axis] >= int32_t(grid.size[axis])) return bad_points;
        return 0;
    }

private:
    int read_low_bits(Split* splits, size_t count, uint32_t deepest) {
        for (uint32_t low = 0; low < deepest; low += widest_uniform) {
            size_t coded = 0;
            for (size_t i = 0; i < count; ++i)
                if (splits[i].shift > low)
                    tables[coded++] = uint16_t(uniform_table(std::min(widest_uniform, splits[i].shift - low)));
            if (const int status = run(coded)) return status;
            for (size_t i = 0, at = 0; i < count; ++i)
                if (splits[i].shift > low) splits[i].share += uint32_t(symbols[at++]) << low;
        }
        return 0;
    }
};

}  // namespace SFU_NAMESPACE
