// What the decoder of grid points offers to other kernels.
#pragma once
#include "rans.h"

namespace SFU_NAMESPACE {

// 32-bit words that decode_points needs beside its result.
constexpr size_t points_scratch_words(uint32_t count) { return 9 * size_t(count) + 16; }

// Decodes `count` points of a grid of `width` x `height` cells (1..2^16 each) into `points` [count, 2].
// `scratch` holds points_scratch_words(count). Returns 0 or a Status.
int decode_points(const Model& model, const uint8_t* words, State& state, uint32_t count, uint32_t width,
                  uint32_t height, int32_t* points, uint32_t* scratch);

}  // namespace SFU_NAMESPACE
