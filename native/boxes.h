// What decoders of points in portions (boxes.cpp) offer to other kernels. The law is src/sfumato/coding/boxes.py.
#pragma once
#include "halving.h"

namespace SFU_NAMESPACE {

// Boxes of a 3D grid, in canonical order.
struct Boxes {
    int32_t* corner;  // [., 3]
    uint8_t* depth;
    uint32_t* points;
};

// 32-bit words of scratch that the functions below need for boxes of `points` points together.
size_t boxes_scratch_words(uint32_t points);

// Goes on halving the `count` boxes `given`, inside a grid of size[3] cells and no deeper than its cells, which hold
// `total` points together, down to boxes of at most `leaf` points or one cell. `found` and `start` have room for
// `total` boxes; start: how many points lie in front of each. Returns how many boxes there are, or a Status.
int64_t split_boxes(const Model& model, const uint8_t* words, State& state, const uint32_t* size, uint32_t leaf,
                    const Boxes& given, size_t count, uint32_t total, Boxes found, uint32_t* start, uint32_t* scratch);

// Decodes the points of such boxes to found.corner [total, 3]; the rest of `found` is working memory. Returns 0 or a
// Status.
int decode_points_in(const Model& model, const uint8_t* words, State& state, const uint32_t* size, const Boxes& given,
                     size_t count, uint32_t total, Boxes found, uint32_t* scratch);

}  // namespace SFU_NAMESPACE
