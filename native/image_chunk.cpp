// The coded stream of a chunk of 2D splats to integers, in one call and without floating point.
//
// The law is `walk` in src/sfumato/media/image/codec.py with `Coder.signed` of src/sfumato/coding/coder.py; exactly the
// streams that those accept are accepted here. Nothing is allocated, so that wasm may call it as it is.
#include <algorithm>

#include "image_steps.h"
#include "occupancy.h"
#include "values.h"

namespace SFU_NAMESPACE {

namespace {

// The numbers of src/sfumato/media/image/codec.py; the tests of equal decoding guard them.
constexpr int max_class = 40;
constexpr int mean_shift = 16;  // from 1/256 to 24 bits after the point
constexpr int contexts = 64;    // more than any context: bit lengths up to 24, energy classes up to 40

constexpr uint32_t most_channels = 4;
constexpr int32_t most_splats = 65535, most_cells = 1 << 16;

// What the chunk's header and its canvas say: `numbers` of sfu_decode_image_chunk.
struct Numbers {
    int32_t count, columns, rows, exponent, mean_l11, mean_l22, share;
    struct Model {
        int32_t table, slope;
    } models[most_channels + 3];
};

bool acceptable(const Numbers& h, uint32_t channels) {
    const auto within = [](int32_t value, int32_t least, int32_t most) { return least <= value && value <= most; };
    bool good = within(h.count, 0, most_splats) && within(h.columns, 1, most_cells) && within(h.rows, 1, most_cells) &&
                within(h.exponent, -4, 10) && within(h.mean_l11, -32768, 32767) && within(h.mean_l22, -32768, 32767) &&
                within(h.share, -128, 127);
    constexpr int last_table = signed_shapes * signed_scales - 1;
    for (uint32_t i = 0; i < channels + 3; ++i)
        good = good && within(h.models[i].table, 0, last_table) && within(h.models[i].slope, -128, 127);
    return good;
}

// The signed table of every context.
struct ContextTables {
    uint16_t table[contexts];

    explicit ContextTables(const Numbers::Model& model) {
        const int shape = model.table / signed_scales, scale = model.table % signed_scales;
        for (int c = 0; c < contexts; ++c) {
            const int chosen = std::clamp(scale + (model.slope * c >> 2), 0, signed_scales - 1);
            table[c] = uint16_t(signed_first + shape * signed_scales + chosen);
        }
    }
};

// What the channels before `channel` say about its spread.
int color_context(const int64_t* color, uint32_t channel) {
    const auto magnitude = [&](int c) { return uint64_t(color[c] < 0 ? -color[c] : color[c]); };
    if (channel == 0) return 0;
    return bit_length(channel == 2 ? magnitude(0) + 2 * magnitude(1) : magnitude(0));
}

int64_t rounded(int64_t value, int64_t step) { return floor_divide(value + step / 2, step); }

size_t scratch_words(uint32_t count) { return 2 * size_t(count) + points_scratch_words(count); }

// Where the integers go, one array after the other.
struct Integers {
    int64_t *cell, *color, *log_l11, *log_l22, *tilt, *fine;

    Integers(int64_t* at, size_t n, uint32_t channels)
        : cell(at), color(cell + 2 * n), log_l11(color + channels * n), log_l22(log_l11 + n), tilt(log_l22 + n),
          fine(tilt + n) {}
};

int decode_cells(const Model& model, const uint8_t* words, State& state, const Numbers& h, int64_t* cell,
                 uint32_t* scratch) {
    auto* points = reinterpret_cast<int32_t*>(scratch);
    const int status = decode_points(model, words, state, uint32_t(h.count), uint32_t(h.columns), uint32_t(h.rows),
                                     points, scratch + 2 * size_t(h.count));
    if (status == 0) std::copy_n(points, 2 * size_t(h.count), cell);
    return status;
}

// Everything behind the cells; energy [n] and bits [2, n] are room for the classes and the refinements.
int decode_values(ValueDecoder& decoder, const Numbers& h, uint32_t channels, const Integers& q, uint8_t* energy,
                  uint8_t* bits) {
    const size_t n = size_t(h.count);
    for (uint32_t c = 0; c < channels; ++c) {
        const ContextTables model(h.models[c]);
        for (size_t i = 0; i < n; ++i) decoder.tables[i] = model.table[color_context(q.color + channels * i, c)];
        if (const int status = decoder.signed_values(n, q.color + c, channels)) return status;
    }
    for (size_t i = 0; i < n; ++i) energy[i] = uint8_t(energy_class(q.color + channels * i, channels));

    const auto values = [&](const Numbers::Model& about, int64_t* out) {
        const ContextTables model(about);
        for (size_t i = 0; i < n; ++i) decoder.tables[i] = model.table[std::min<int>(energy[i], max_class)];
        return decoder.signed_values(n, out, 1);
    };
    const int64_t mean_l11 = int64_t(h.mean_l11) << mean_shift, mean_l22 = int64_t(h.mean_l22) << mean_shift;
    if (const int status = values(h.models[channels], q.log_l11)) return status;
    int64_t expected[max_class + 1];
    for (int e = 0; e <= max_class; ++e) expected[e] = rounded(mean_l11, log_step(e));
    for (size_t i = 0; i < n; ++i) q.log_l11[i] += expected[std::min<int>(energy[i], max_class)];

    if (const int status = values(h.models[channels + 1], q.log_l22)) return status;
    for (size_t i = 0; i < n; ++i) {
        const int64_t step = log_step(std::min<int>(energy[i], max_class));
        q.log_l22[i] += rounded(mean_l22 + ((q.log_l11[i] * step - mean_l11) * h.share >> 4), step);
    }
    if (const int status = values(h.models[channels + 2], q.tilt)) return status;

    for (size_t i = 0; i < n; ++i) {
        const Refinement finer = refinement(q.log_l11[i], q.log_l22[i], q.tilt[i], energy[i], h.exponent);
        for (int axis = 0; axis < 2; ++axis) bits[axis * n + i] = uint8_t(finer.bits[axis]);
    }
    for (int axis = 0; axis < 2; ++axis) {
        const uint8_t* finer = bits + axis * n;
        size_t some = 0;
        for (size_t i = 0; i < n; ++i)
            if (finer[i]) decoder.tables[some++] = uint16_t(uniform_table(finer[i]));
        if (const int status = decoder.run(some)) return status;
        for (size_t i = 0, at = 0; i < n; ++i) q.fine[2 * i + axis] = finer[i] ? decoder.symbols[at++] : 0;
    }
    return 0;
}

}  // namespace

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// 32-bit words of scratch that sfu_decode_image_chunk needs for `count` splats.
SFU_API(size_t) SFU_NAME(sfu_image_chunk_words)(uint32_t count) { return scratch_words(count); }

// Decodes a chunk's coded stream of `size` bytes. `model` is what sfu_rans_build filled; `numbers` are the
// 7 + 2 (channels + 3) numbers of the header: splats (n), columns and rows of the grid, its exponent, the means of
// log2 l11 and log2 l22, the share, then table and slope of every model. `integers` [(7 + channels) n] receives
// cell [n, 2], color [n, channels], log_l11 [n], log_l22 [n], tilt [n], fine [n, 2]; after an error they mean nothing.
// `scratch` holds sfu_image_chunk_words(n). Returns 0 or a Status.
SFU_API(int) SFU_NAME(sfu_decode_image_chunk)(const uint32_t* model, const uint8_t* stream, size_t size,
                                              uint32_t channels, const int32_t* numbers, int64_t* integers,
                                              uint32_t* scratch) {
    if (channels < 1 || channels > most_channels) return bad_numbers;
    Numbers header{};
    std::copy_n(numbers, 7 + 2 * (channels + 3), reinterpret_cast<int32_t*>(&header));
    if (!acceptable(header, channels)) return bad_numbers;

    State state;
    const uint8_t* words;
    if (const int status = open_stream(stream, size, state, words)) return status;
    const size_t n = size_t(header.count);
    const Integers q(integers, n, channels);
    const Model tables = model_at(model);
    if (const int status = decode_cells(tables, words, state, header, q.cell, scratch)) return status;

    // The cells' scratch is free again: 3 n words, twice n halves of words, 3 n bytes.
    auto* escaped = reinterpret_cast<Escaped*>(scratch);
    auto* halves = reinterpret_cast<uint16_t*>(escaped + n);
    auto* bytes = reinterpret_cast<uint8_t*>(halves + 2 * n);
    ValueDecoder decoder{tables, words, state, escaped, halves, halves + n};
    if (const int status = decode_values(decoder, header, channels, q, bytes, bytes + n)) return status;
    return close_stream(state);
}
