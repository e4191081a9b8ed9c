// Decodes 3D points in portions: boxes of few points, then the points inside. The law is src/sfumato/coding/boxes.py.
#include "boxes.h"

namespace SFU_NAMESPACE {

namespace {

// Each box of a generation holds two points or more.
constexpr size_t most_boxes(uint32_t points) { return size_t(points) / 2 + 1; }

constexpr size_t box_words = sizeof(Box<3>) / 4, split_words = sizeof(Split) / 4;

// Working memory for `points` points.
struct Scratch {
    Box<3>* boxes;
    Box<3>* next;
    Split* splits;
    uint32_t* singles;
    uint16_t* tables;
    uint16_t* symbols;

    Scratch(uint32_t* words, uint32_t points) {
        const size_t most = most_boxes(points);
        boxes = reinterpret_cast<Box<3>*>(words);
        next = boxes + most;
        splits = reinterpret_cast<Split*>(next + most);
        singles = reinterpret_cast<uint32_t*>(splits + most);
        tables = reinterpret_cast<uint16_t*>(singles + points);
        symbols = tables + points + groups;
    }
};

// Halves `given` [count], which hold `total` points together, down to boxes of at most `leaf` points or one cell.
// A box of `found` stands where its points begin; found.points is 0 at every other place. Returns 0 or a Status.
int split(HalvingDecoder<3>& decoder, Scratch& memory, const Boxes& given, size_t count, uint32_t total, uint32_t leaf,
          Boxes& found) {
    std::fill_n(found.points, total, 0u);
    uint32_t largest = 0;
    size_t alive = 0;
    Box<3>* generation = memory.boxes;
    const auto take = [&](const Box<3>& box) {
        if (box.points > leaf && box.depth < decoder.grid.depth) {
            generation[alive++] = box;
            return;
        }
        for (int axis = 0; axis < 3; ++axis) found.corner[3 * size_t(box.start) + axis] = int32_t(box.corner[axis]);
        found.depth[box.start] = uint8_t(box.depth);
        found.points[box.start] = box.points;
    };
    uint32_t start = 0;
    for (size_t i = 0; i < count; ++i) {
        const int32_t* corner = given.corner + 3 * i;
        const uint32_t points = given.points[i];
        if (points == 0) continue;
        const size_t before = alive;
        take({{uint32_t(corner[0]), uint32_t(corner[1]), uint32_t(corner[2])}, points, start, given.depth[i]});
        if (alive > before) largest = std::max(largest, points);
        start += points;
    }
    if (alive == 0) return 0;
    if (const int status = decoder.read_classes(largest, leaf)) return status;
    while (alive) {
        const size_t parents = alive;
        alive = 0;
        generation = memory.next;
        if (const int status = decoder.halve(memory.boxes, parents, memory.splits, take)) return status;
        std::swap(memory.boxes, memory.next);
    }
    return 0;
}

// Moves the boxes that `split` found to the front. Returns how many there are.
size_t compact(Boxes& found, uint32_t total, uint32_t* start) {
    size_t count = 0;
    for (uint32_t at = 0; at < total; at += found.points[at], ++count) start[count] = at;
    for (size_t i = 0; i < count; ++i) {
        const size_t at = start[i];
        std::copy_n(found.corner + 3 * at, 3, found.corner + 3 * i);
        found.depth[i] = found.depth[at];
        found.points[i] = found.points[at];
    }
    return count;
}

}  // namespace

size_t boxes_scratch_words(uint32_t points) {
    return most_boxes(points) * (2 * box_words + split_words) + 2 * size_t(points) + groups;
}

int64_t split_boxes(const Model& model, const uint8_t* words, State& state, const uint32_t* size, uint32_t leaf,
                    const Boxes& given, size_t count, uint32_t total, Boxes found, uint32_t* start,
                    uint32_t* scratch) {
    const Halvings<3> grid(size);
    Scratch memory(scratch, total);
    HalvingDecoder<3> decoder{model, words, state, grid, memory.tables, memory.symbols, {}};
    const int status = split(decoder, memory, given, count, total, leaf, found);
    return status ? status : int64_t(compact(found, total, start));
}

int decode_points_in(const Model& model, const uint8_t* words, State& state, const uint32_t* size, const Boxes& given,
                     size_t count, uint32_t total, Boxes found, uint32_t* scratch) {
    const Halvings<3> grid(size);
    Scratch memory(scratch, total);
    HalvingDecoder<3> decoder{model, words, state, grid, memory.tables, memory.symbols, {}};
    if (const int status = split(decoder, memory, given, count, total, 1, found)) return status;
    const uint32_t* counts = found.points;
    int32_t* points = found.corner;
    size_t alone = 0;
    for (uint32_t at = 0; at < total; at += counts[at]) {
        if (counts[at] == 1) memory.singles[alone++] = at;
        for (uint32_t k = 1; k < counts[at]; ++k) std::copy_n(points + 3 * size_t(at), 3, points + 3 * size_t(at + k));
    }
    return decoder.add_rest(memory.singles, alone, [&](uint32_t at) { return found.depth[at]; }, points);
}

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// 32-bit words of scratch that the two functions below need for boxes of `points` points together.
SFU_API(size_t) SFU_NAME(sfu_boxes_words)(uint32_t points) { return boxes_scratch_words(points); }

// Goes on halving `count` boxes, which hold `total` points together (below 2^31), of a grid of size[3] cells (1..2^21
// each), down to boxes of at most `leaf` points or one cell.
// corner [count, 3], depth and points [count]: the boxes, inside the grid and no deeper than its cells.
// new_corner [total, 3], new_depth, new_points, start [total]: the new boxes, and how many points lie in front of each;
// only the first of these entries are boxes. Returns how many, or a Status.
SFU_API(int64_t)
SFU_NAME(sfu_split_boxes)(const uint32_t* model, const uint8_t* words, uint32_t* state, const uint32_t* size,
                          uint32_t leaf, size_t count, int32_t* corner, uint8_t* depth, uint32_t* points,
                          uint32_t total, int32_t* new_corner, uint8_t* new_depth, uint32_t* new_points,
                          uint32_t* start, uint32_t* scratch) {
    return split_boxes(model_at(model), words, *reinterpret_cast<State*>(state), size, leaf, {corner, depth, points},
                       count, total, {new_corner, new_depth, new_points}, start, scratch);
}

// Decodes the points of `count` boxes, `total` together; boxes and grid as above. points [total, 3]: box after box.
// `depths` [total] and `counts` [total] are working memory. Returns 0 or a Status.
SFU_API(int)
SFU_NAME(sfu_decode_points_in)(const uint32_t* model, const uint8_t* words, uint32_t* state, const uint32_t* size,
                               size_t count, int32_t* corner, uint8_t* depth, uint32_t* portion, uint32_t total,
                               int32_t* points, uint8_t* depths, uint32_t* counts, uint32_t* scratch) {
    return decode_points_in(model_at(model), words, *reinterpret_cast<State*>(state), size, {corner, depth, portion},
                            count, total, {points, depths, counts}, scratch);
}
