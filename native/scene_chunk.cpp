// The payload of a chunk of 3D splats, nodes or harmonics to integers, without floating point.
//
// The law is `Walk` in src/sfumato/media/scene/codec.py with `WideModel` of src/sfumato/coding/contexts.py; exactly the
// streams that those accept are accepted here. Nothing is allocated, so that wasm may call it as it is.
//
// Integers of an encoder are small, those of a hostile file have up to 43 bits: they are decoded as int64 and then
// moved together, field by field, each in as few bytes as all its numbers need.
#include <array>
#include <bit>
#include <cstring>

#include "boxes.h"
#include "scene_steps.h"
#include "values.h"

namespace SFU_NAMESPACE {

namespace {

// The numbers of src/sfumato/media/scene/codec.py and coding/contexts.py; the tests of equal decoding guard them.
constexpr size_t models_of_splats = 11, models_of_bands = 3, model_bytes = 5;
constexpr int wide_scales = 64, wide_tables = signed_shapes * wide_scales;
constexpr int shift_from = 17, shift_every = 4;
constexpr uint32_t offset_bits = 4, share_bits = 3;
constexpr int color_unit = -4 * octave;
constexpr int least_context = -40, most_context = 60;
constexpr int contexts = most_context - least_context + 4 * 6 + 1;
constexpr uint32_t longest_side = 1u << 21;

int load16(const uint8_t* at) { return int16_t(uint16_t(at[0] | at[1] << 8)); }

// How a column of signed values is coded.
struct WideModel {
    int table, slope, centre, weight;

    explicit WideModel(const uint8_t* at) : table(at[0]), slope(int8_t(at[1])), centre(load16(at + 2)), weight(at[4]) {}

    int64_t expected(int64_t above) const { return (weight * above >> 3) + centre; }
};

// A chunk's payload, opened.
struct Payload {
    int fineness = 0;
    const uint8_t* models = nullptr;
    const uint8_t* words = nullptr;
    State state{};

    int open(const uint8_t* at, size_t size, size_t model_count) {
        const size_t fixed = model_count == models_of_splats ? 3 : 2;
        const size_t head = fixed + model_count * model_bytes;
        if (size < head) return bad_stream;
        if (fixed == 3) fineness = int8_t(at[2]);
        models = at + fixed;
        for (size_t i = 0; i < model_count; ++i)
            if (models[model_bytes * i] >= wide_tables) return bad_numbers;
        return open_stream(at + head, size - head, state, words);
    }

    WideModel model(size_t i) const { return WideModel(models + model_bytes * i); }
};

// Table and number of low bits for every context, counted from least_context.
struct Choices {
    uint16_t table[contexts];
    uint8_t shift[contexts];

    explicit Choices(const WideModel& model) {
        const int shape = model.table / wide_scales, scale = model.table % wide_scales;
        for (int c = 0; c < contexts; ++c) {
            const int chosen = std::clamp(scale + (model.slope * (c + least_context) >> 2), 0, wide_scales - 1);
            shift[c] = uint8_t(std::max(chosen - shift_from, 0) / shift_every);
            table[c] = uint16_t(signed_first + shape * signed_scales + chosen - shift_every * shift[c]);
        }
    }
};

// A context for the steps of this logarithm, counted from least_context.
uint8_t context_of(int32_t log) { return uint8_t(std::clamp(-log >> 3, least_context, most_context) - least_context); }

// The distances of values to what was expected, to out [n]; contexts [n], widths: working memory [n].
int decode_column(ValueDecoder& decoder, const WideModel& model, const uint8_t* context, size_t n, uint8_t* widths,
                  int64_t* out) {
    const Choices choices(model);
    uint8_t widest = 0;
    for (size_t i = 0; i < n; ++i) {
        decoder.tables[i] = choices.table[context[i]];
        widths[i] = choices.shift[context[i]];
        widest = std::max(widest, widths[i]);
    }
    if (const int status = decoder.signed_values(n, out, 1)) return status;
    if (widest == 0) return 0;
    for (size_t i = 0; i < n; ++i) out[i] = (out[i] << widths[i]) - ((int64_t(1) << widths[i]) >> 1);
    return decoder.add_raw_values(n, widths, out);
}

// What the nodes above, [m], say of the splats below them.
struct Above {
    int64_t* level;    // [m]
    int64_t* longest;  // [m], parts of an octave
    int64_t* color;    // [3, m], in steps at shade color_unit
    size_t m;

    static constexpr size_t words(size_t m) { return 2 * 5 * m; }

    // integers [5, m]: level, the first scale, colours, of nodes of this fineness; memory: room for words(m).
    Above(const int64_t* integers, size_t m, int fineness, uint32_t* memory)
        : level(reinterpret_cast<int64_t*>(memory)), longest(level + m), color(longest + m), m(m) {
        const ChunkSteps chunk(fineness);
        for (size_t i = 0; i < m; ++i) {
            const Steps& steps = chunk.of[level_class(integers[i])];
            const Rescale rescale(steps.shade - color_unit);
            level[i] = integers[i];
            longest[i] = longest_axis(integers[m + i], steps);
            for (size_t k = 0; k < 3; ++k) color[k * m + i] = rescale(integers[(2 + k) * m + i]);
        }
    }
};

// Working memory for n splats or nodes below m others.
struct Scratch {
    uint32_t* above;  // of `Above`
    Escaped* escaped;
    uint32_t* box;    // which of the nodes above each belongs to
    int16_t *second, *third;
    uint16_t *tables, *symbols;  // room for m, too
    uint8_t *level_class, *context, *widths;

    static constexpr size_t most(size_t n, size_t m) { return std::max(n, m); }
    static constexpr size_t words(size_t n, size_t m) { return Above::words(m) + 6 * n + most(n, m) + n + 1; }

    Scratch(uint32_t* memory, size_t n, size_t m)
        : above(memory), escaped(reinterpret_cast<Escaped*>(above + Above::words(m))),
          box(reinterpret_cast<uint32_t*>(escaped + n)), second(reinterpret_cast<int16_t*>(box + n)),
          third(second + n), tables(reinterpret_cast<uint16_t*>(third + n)), symbols(tables + most(n, m)),
          level_class(reinterpret_cast<uint8_t*>(symbols + most(n, m))), context(level_class + n),
          widths(context + n) {}

    ValueDecoder decoder(const Model& model, Payload& payload) const {
        return {model, payload.words, payload.state, escaped, tables, symbols};
    }
};

// Decodes everything of n splats or nodes but positions.
struct Attributes {
    ValueDecoder& decoder;
    const Payload& payload;
    const Above* above;  // null in level 0
    size_t n;
    const Scratch& memory;
    int64_t* out;  // [11, n]: level, scales, opacity, rotation, colours
    ChunkSteps chunk;
    uint8_t usual[level_classes];  // the context of most values, for each class of levels

    Attributes(ValueDecoder& decoder, const Payload& payload, const Above* above, size_t n, const Scratch& memory,
               int64_t* out)
        : decoder(decoder), payload(payload), above(above), n(n), memory(memory), out(out), chunk(payload.fineness) {
        for (int c = 0; c < level_classes; ++c) usual[c] = context_of(chunk.of[c].shade);
    }

    int run() {
        if (const int status = level()) return status;
        if (const int status = longest()) return status;
        set_usual_context();
        if (const int status = logarithm(2, &Steps::second)) return status;
        for (size_t i = 0; i < n; ++i) {
            memory.second[i] = int16_t(grown(out[2 * n + i], steps(i).second));
            memory.context[i] = uint8_t(usual[memory.level_class[i]] + 2 * std::min(memory.second[i] >> 8, 6));
        }
        if (const int status = logarithm(3, &Steps::third)) return status;
        for (size_t i = 0; i < n; ++i) memory.third[i] = int16_t(grown(out[3 * n + i], steps(i).third));
        set_usual_context();
        if (const int status = logarithm(4, &Steps::opacity)) return status;
        if (const int status = rotation()) return status;
        return colors();
    }

    // The places of splats in their cells, to `places` [3, n].
    int fine(int32_t exponent, int64_t* places) {
        for (size_t i = 0; i < n; ++i) {
            const Steps& set = steps(i);
            memory.widths[i] =
                uint8_t(fine_bits(longest_axis(out[n + i], set), memory.second[i], set.shade, exponent));
        }
        std::fill_n(places, 3 * n, 0);
        for (size_t axis = 0; axis < 3; ++axis)
            if (const int status = decoder.add_raw_values(n, memory.widths, places + axis * n)) return status;
        return 0;
    }

private:
    const Steps& steps(size_t i) const { return chunk.of[memory.level_class[i]]; }

    void set_usual_context() {
        for (size_t i = 0; i < n; ++i) memory.context[i] = usual[memory.level_class[i]];
    }

    // The distances of column `number` to what is expected, by the contexts in memory.
    int column(size_t number) {
        return decode_column(decoder, payload.model(number), memory.context, n, memory.widths, out + number * n);
    }

    // The expected values of all, in units: those of the nodes above [m], weighted, and the centre.
    template <typename Use>
    void for_expected(size_t number, const int64_t* values, Use use) {
        const WideModel model = payload.model(number);
        if (above == nullptr) {
            for (size_t i = 0; i < n; ++i) use(i, model.centre);
            return;
        }
        for (size_t i = 0; i < n; ++i) use(i, model.expected(values[memory.box[i]]));
    }

    int level() {
        std::fill_n(memory.context, n, uint8_t(-least_context));
        if (const int status = column(0)) return status;
        for_expected(0, above ? above->level : nullptr, [&](size_t i, int64_t expected) {
            out[i] += expected;
            memory.level_class[i] = uint8_t(level_class(out[i]));
        });
        return 0;
    }

    int longest() {
        set_usual_context();
        if (const int status = column(1)) return status;
        for_expected(1, above ? above->longest : nullptr, [&](size_t i, int64_t expected) {
            const int32_t step = steps(i).first;
            out[n + i] += floor_divide(expected + (step >> 1), step);
        });
        return 0;
    }

    // A column of logarithms whose expected values follow from the level alone.
    int logarithm(size_t number, int32_t Steps::* step) {
        if (const int status = column(number)) return status;
        int64_t expected[level_classes];
        for (int c = 0; c < level_classes; ++c) {
            const int32_t size = chunk.of[c].*step;
            expected[c] = floor_divide(payload.model(number).centre + (size >> 1), size);
        }
        for (size_t i = 0; i < n; ++i) out[number * n + i] += expected[memory.level_class[i]];
        return 0;
    }

    int rotation() {
        for (size_t number = 5; number < 8; ++number) {
            const auto log_of = number < 7 ? direction_log : roll_log;
            if (number != 6)
                for (size_t i = 0; i < n; ++i)
                    memory.context[i] = context_of(log_of(steps(i).shade, memory.second[i], memory.third[i]));
            if (const int status = column(number)) return status;
            const int centre = payload.model(number).centre;
            for (size_t i = 0; i < n; ++i) out[number * n + i] += centre;
        }
        return 0;
    }

    int colors() {
        set_usual_context();
        std::array<Rescale, level_classes> rescale;
        for (int c = 0; c < level_classes; ++c) rescale[c] = Rescale(color_unit - chunk.of[c].shade);
        for (size_t k = 0; k < 3; ++k) {
            if (const int status = column(8 + k)) return status;
            int64_t* const color = out + (8 + k) * n;
            if (k == 0)
                for (size_t i = 0; i < n; ++i) {
                    const int bits = std::bit_width(uint64_t(color[i] < 0 ? -color[i] : color[i]));
                    memory.context[i] = uint8_t(memory.context[i] + 4 * std::min(bits, 6));
                }
            for_expected(8 + k, above ? above->color + k * above->m : nullptr, [&](size_t i, int64_t expected) {
                color[i] += rescale[memory.level_class[i]](expected);
            });
        }
        return 0;
    }
};

// Moves fields of int64 together, each in as few bytes as all its numbers need.
class Packer {
public:
    explicit Packer(int64_t* block) : in(block), out(reinterpret_cast<uint8_t*>(block)) {}

    // The next `count` numbers of the block; every field begins at a multiple of eight bytes. Returns their size.
    uint8_t pack(size_t count) {
        int64_t low = 0, high = 0;
        for (size_t i = 0; i < count; ++i) {
            low = std::min(low, in[i]);
            high = std::max(high, in[i]);
        }
        const auto hold = [&](auto least, auto most) { return least <= low && high <= most; };
        const uint8_t size = hold(INT8_MIN, INT8_MAX)     ? 1
                             : hold(INT16_MIN, INT16_MAX) ? 2
                             : hold(INT32_MIN, INT32_MAX) ? 4
                                                          : 8;
        switch (size) {
            case 1: move<int8_t>(count); break;
            case 2: move<int16_t>(count); break;
            case 4: move<int32_t>(count); break;
            default: move<int64_t>(count);
        }
        return size;
    }

private:
    const int64_t* in;
    uint8_t* out;

    // What is written never overtakes what is still to be read: a part at a time goes through `part`.
    template <typename Number>
    void move(size_t count) {
        constexpr size_t most = 512;
        Number part[most];
        const size_t bytes = (count * sizeof(Number) + 7) / 8 * 8;
        uint8_t* at = out;
        for (size_t first = 0; first < count; first += most) {
            const size_t some = std::min(most, count - first);
            for (size_t i = 0; i < some; ++i) part[i] = Number(in[first + i]);
            std::memcpy(at, part, some * sizeof(Number));
            at += some * sizeof(Number);
        }
        std::memset(at, 0, size_t(out + bytes - at));
        out += bytes;
        in += count;
    }
};

// Packs fields of fields[k] * n numbers each.
template <size_t count>
void pack_fields(Packer& packer, const size_t (&columns)[count], size_t n, uint8_t* sizes) {
    for (size_t k = 0; k < count; ++k) sizes[k] = packer.pack(columns[k] * n);
}

// Whether `count` boxes lie in a grid of size[3] cells and hold `total` points together.
bool acceptable(const uint32_t* size, size_t count, const int32_t* corner, const uint8_t* depth,
                const uint32_t* points, uint32_t total) {
    for (int axis = 0; axis < 3; ++axis)
        if (size[axis] < 1 || size[axis] > longest_side) return false;
    const uint32_t deepest = Halvings<3>(size).depth;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
        for (int axis = 0; axis < 3; ++axis)
            if (corner[3 * i + axis] < 0 || uint32_t(corner[3 * i + axis]) >= size[axis]) return false;
        if (depth[i] > deepest) return false;
        sum += points[i];
    }
    return sum == total && total <= INT32_MAX;
}

// What the caller says of a chunk: `numbers` of the functions below.
struct Numbers {
    uint32_t size[3];  // cells of the grid
    int32_t exponent;  // log2 of their side, -60..60
    int32_t fineness;  // of the nodes above, -128..127
};

Numbers numbers_at(const int32_t* at) {
    return {{uint32_t(at[0]), uint32_t(at[1]), uint32_t(at[2])}, at[3], at[4]};
}

// 32-bit words for points behind the working memory of boxes: cells, depths, numbers.
constexpr size_t point_words(size_t points) { return 3 * points + points + points / 4 + 1; }

}  // namespace

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// 32-bit words of scratch that the functions below need for boxes of `points` points together, or so many nodes, splats
// or harmonics, below `above` nodes.
SFU_API(size_t) SFU_NAME(sfu_scene_words)(uint32_t points, uint32_t above) {
    return std::max(boxes_scratch_words(points) + point_words(points), Scratch::words(points, above));
}

// The first part of a NODE: goes on halving `count` boxes, `total` points together, down to boxes of at most `leaf`
// (at least 1) points or one cell. `model` is what sfu_rans_build filled; numbers [5]: cells of the grid along x, y and
// z, log2 of their side, fineness of the nodes above. corner [count, 3], depth, points [count]: the boxes.
// new_corner [total, 3], new_depth, new_points, start [total]: the new boxes, and how many points lie in front of each.
// state [8]: for sfu_scene_nodes. Returns how many new boxes there are, or a Status.
SFU_API(int64_t)
SFU_NAME(sfu_scene_boxes)(const uint32_t* model, const uint8_t* payload, size_t size, const int32_t* numbers,
                          uint32_t leaf, size_t count, int32_t* corner, uint8_t* depth, uint32_t* points,
                          uint32_t total, int32_t* new_corner, uint8_t* new_depth, uint32_t* new_points,
                          uint32_t* start, uint32_t* state, uint32_t* scratch) {
    const Numbers about = numbers_at(numbers);
    Payload opened;
    if (const int status = opened.open(payload, size, models_of_splats)) return status;
    if (leaf < 1 || !acceptable(about.size, count, corner, depth, points, total)) return bad_numbers;
    const Boxes given{corner, depth, points}, found{new_corner, new_depth, new_points};
    const int64_t boxes = split_boxes(model_at(model), opened.words, opened.state, about.size, leaf, given, count,
                                      total, found, start, scratch);
    std::memcpy(state, &opened.state, sizeof(State));
    return boxes;
}

// The rest of a NODE whose `count` boxes and `state` sfu_scene_boxes found.
// `above` nodes with above_points [above] hold the boxes; above_integers [5, above]: their level, first scale and
// colours. In level 0 `above` is 0.
// block [20 count] receives fields one after the other: corner [3, count], depth, points, node above [count], offset
// [3, count], level [count], scale [3, count], opacity [count], rotation [3, count], color [3, count]; a field has
// numbers of sizes[.] bytes each, 10 fields, and begins at a multiple of 8 bytes. Returns 0 or a Status.
SFU_API(int)
SFU_NAME(sfu_scene_nodes)(const uint32_t* model, const uint8_t* payload, size_t size, const int32_t* numbers,
                          uint32_t above, const uint32_t* above_points, const int64_t* above_integers, uint32_t count,
                          const int32_t* corner, const uint8_t* depth, const uint32_t* points, const uint32_t* start,
                          const uint32_t* state, int64_t* block, uint8_t* sizes, uint32_t* scratch) {
    const Numbers about = numbers_at(numbers);
    Payload opened;
    if (const int status = opened.open(payload, size, models_of_splats)) return status;
    const uint32_t lanes = opened.state.lanes, words = opened.state.words;
    std::memcpy(&opened.state, state, sizeof(State));
    const State& now = opened.state;
    if (now.lanes != lanes || now.words != words || now.lane >= lanes || now.position > words) return bad_numbers;
    const size_t n = count;
    const Scratch memory(scratch, n, above);
    for (size_t k = 0; k < 3; ++k)
        for (size_t i = 0; i < n; ++i) block[k * n + i] = corner[3 * i + k];
    std::copy_n(depth, n, block + 3 * n);
    std::copy_n(points, n, block + 4 * n);
    uint64_t end = above ? above_points[0] : UINT64_MAX;
    for (size_t i = 0, node = 0; i < n; ++i) {
        while (start[i] >= end && node + 1 < above) end += above_points[++node];
        memory.box[i] = uint32_t(node);
    }
    std::copy_n(memory.box, n, block + 5 * n);

    const Model tables = model_at(model);
    ValueDecoder decoder = memory.decoder(tables, opened);
    for (size_t k = 6; k < 9; ++k)
        if (const int status = decoder.raw_values(n, offset_bits, block + k * n)) return status;
    const Above nodes(above_integers, above, about.fineness, memory.above);
    Attributes attributes(decoder, opened, above ? &nodes : nullptr, n, memory, block + 9 * n);
    if (const int status = attributes.run()) return status;
    if (const int status = close_stream(opened.state)) return status;
    Packer packer(block);
    pack_fields(packer, {3, 1, 1, 1, 3, 1, 3, 1, 3, 3}, n, sizes);
    return 0;
}

// A LEAF: `portion` [nodes] of the points of every box of `nodes` nodes, `total` together; numbers and
// node_integers [5, nodes] as above, shares: 1 if the portion is the first of two, else 0.
// block [17 total + nodes] receives the fields cell [3, total], level [total], scale [3, total], opacity [total],
// rotation [3, total], color [3, total], fine [3, total] and, if `shares`, the nodes' shares [nodes], as above; sizes
// [8]. Returns 0 or a Status.
SFU_API(int)
SFU_NAME(sfu_scene_leaves)(const uint32_t* model, const uint8_t* payload, size_t size, const int32_t* numbers,
                           uint32_t nodes, int32_t* corner, uint8_t* depth, uint32_t* portion,
                           const int64_t* node_integers, int shares, uint32_t total, int64_t* block, uint8_t* sizes,
                           uint32_t* scratch) {
    const Numbers about = numbers_at(numbers);
    const Model tables = model_at(model);
    Payload opened;
    if (const int status = opened.open(payload, size, models_of_splats)) return status;
    if (!acceptable(about.size, nodes, corner, depth, portion, total)) return bad_numbers;
    const size_t n = total;
    uint32_t* const counts = scratch + boxes_scratch_words(total);
    auto* const points = reinterpret_cast<int32_t*>(counts + n);
    const Boxes found{points, reinterpret_cast<uint8_t*>(points + 3 * n), counts};
    const int status = decode_points_in(tables, opened.words, opened.state, about.size, {corner, depth, portion}, nodes,
                                        total, found, scratch);
    if (status) return status;
    for (size_t k = 0; k < 3; ++k)
        for (size_t i = 0; i < n; ++i) block[k * n + i] = points[3 * i + k];

    const Scratch memory(scratch, n, nodes);
    for (uint32_t node = 0, at = 0; node < nodes; at += portion[node++])
        std::fill_n(memory.box + at, portion[node], node);
    ValueDecoder decoder = memory.decoder(tables, opened);
    if (shares)
        if (const int bad = decoder.raw_values(nodes, share_bits, block + 17 * n)) return bad;
    const Above above(node_integers, nodes, about.fineness, memory.above);
    Attributes attributes(decoder, opened, &above, n, memory, block + 3 * n);
    if (const int bad = attributes.run()) return bad;
    if (const int bad = attributes.fine(about.exponent, block + 14 * n)) return bad;
    if (const int bad = close_stream(opened.state)) return bad;
    Packer packer(block);
    pack_fields(packer, {3, 1, 3, 1, 3, 3, 3}, n, sizes);
    sizes[7] = shares ? packer.pack(nodes) : 1;
    return 0;
}

// A BAND with `each` (3, 5 or 7) harmonics of `count` splats, whose LEAF has this fineness; level [count].
// block [3 count each] receives one field [3, count, each] of numbers of size[0] bytes: red, green and blue. `scratch`
// is for count * each harmonics. Returns 0 or a Status.
SFU_API(int)
SFU_NAME(sfu_scene_band)(const uint32_t* model, const uint8_t* payload, size_t size, int32_t fineness, uint32_t count,
                         const int64_t* level, uint32_t each, int64_t* block, uint8_t* sizes, uint32_t* scratch) {
    Payload opened;
    if (const int status = opened.open(payload, size, models_of_bands)) return status;
    if ((each != 3 && each != 5 && each != 7) || fineness < -128 || fineness > 127) return bad_numbers;
    const size_t n = size_t(count) * each;
    const Scratch memory(scratch, n, 0);
    const ChunkSteps chunk(fineness);
    for (size_t i = 0; i < count; ++i)
        std::fill_n(memory.context + each * i, each, context_of(chunk.of[level_class(level[i])].shade));
    const Model tables = model_at(model);
    ValueDecoder decoder = memory.decoder(tables, opened);
    for (size_t k = 0; k < models_of_bands; ++k) {
        const WideModel about = opened.model(k);
        int64_t* const out = block + k * n;
        if (const int status = decode_column(decoder, about, memory.context, n, memory.widths, out)) return status;
        for (size_t i = 0; i < n; ++i) out[i] += about.centre;
    }
    if (const int status = close_stream(opened.state)) return status;
    sizes[0] = Packer(block).pack(3 * n);
    return 0;
}
