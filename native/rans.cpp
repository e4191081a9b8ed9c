// Interleaved rANS over a fixed set of integer tables: 32-bit states, 16-bit words, 15-bit frequencies.
//
// After J. Duda, "Asymmetric numeral systems", arXiv 1311.2540, and F. Giesen, "Interleaved entropy coders",
// arXiv 1402.3392. The law is src/sfumato/coding/rans.py, whose bytes these functions reproduce. No function allocates,
// keeps state of its own or puts pointers into memory that the caller sees, so that wasm may call them as they are.
#include "rans.h"

#include <algorithm>
#include <cstring>

namespace SFU_NAMESPACE {

namespace {

// x / f for f < 2^15 and x < f * 2^17 (true after renormalisation) as x * m >> 47 with m = floor(2^47 / f) + 1:
// the excess x * (m f - 2^47) / (2^47 f) is at most x / 2^47 < 1 / f, and x * m < 2^64.
constexpr uint32_t reciprocal_shift = 47;

inline const uint64_t* reciprocals(const Model& m) {
    return reinterpret_cast<const uint64_t*>(m.words + 4);
}

}  // namespace

size_t model_words(uint32_t tables, uint32_t symbols) {
    return 4 + 2 * size_t(symbols) + (tables + 1) + symbols + size_t(tables) * bucket_count / 4;
}

Model model_at(const uint32_t* words) {
    const uint32_t tables = words[0], symbols = words[1];
    const uint32_t* bases = words + 4 + 2 * size_t(symbols);
    const uint32_t* entries = bases + tables + 1;
    return {words, tables, bases, entries, reinterpret_cast<const uint8_t*>(entries + symbols)};
}

namespace {

inline uint32_t word_at(const uint8_t* words, size_t i) {
    return uint32_t(words[2 * i]) | uint32_t(words[2 * i + 1]) << 8;
}

// Takes one symbol off state x; the caller renormalises.
inline uint32_t pop(const Model& m, uint32_t table, uint32_t& x) {
    const uint32_t slot = x & (scale - 1);
    uint32_t s = m.buckets[size_t(table) * bucket_count + (slot >> bucket_shift)];
    const uint32_t* entry = m.entries + m.bases[table] + s;
    while (slot - (*entry >> 16) >= (*entry & 0xFFFF)) {
        ++entry;
        ++s;
    }
    x = (*entry & 0xFFFF) * (x >> precision) + slot - (*entry >> 16);
    return s;
}

// Decodes symbols [0, count); words [state.position, state.words) hold at least `count` words, so no read needs a check.
template <int lanes, typename Out>
void decode_unchecked(const Model& m, const uint8_t* words, State& state, const uint16_t* tables, Out* out,
                      size_t count) {
    uint32_t x[lanes];
    for (int k = 0; k < lanes; ++k) x[k] = state.x[(state.lane + k) & (lanes - 1)];
    size_t at = state.position, i = 0;
    const auto step = [&](uint32_t& lane) {
        out[i] = Out(pop(m, tables[i], lane));
        ++i;
        const uint32_t refilled = lane << 16 | word_at(words, at);
        const bool low = lane < lower;
        lane = low ? refilled : lane;
        at += low;
    };
    while (i + lanes <= count)
        for (int k = 0; k < lanes; ++k) step(x[k]);
    const int rest = int(count - i);
    for (int k = 0; k < rest; ++k) step(x[k]);
    for (int k = 0; k < lanes; ++k) state.x[(state.lane + k) & (lanes - 1)] = x[k];
    state.lane = (state.lane + uint32_t(count)) & (lanes - 1);
    state.position = uint32_t(at);
}

template <int lanes>
int decode(const Model& m, const uint8_t* words, State& state, const uint16_t* tables, uint16_t* out, size_t count) {
    constexpr size_t worthwhile = 8;
    size_t i = 0;
    while (i < count) {
        const size_t safe = std::min<size_t>(count - i, state.words - state.position);
        if (safe >= worthwhile) {
            decode_unchecked<lanes>(m, words, state, tables + i, out + i, safe);
            i += safe;
            continue;
        }
        uint32_t& x = state.x[state.lane];
        out[i] = uint16_t(pop(m, tables[i], x));
        ++i;
        if (x < lower) {
            if (state.position == state.words) return past_end;
            x = x << 16 | word_at(words, state.position++);
        }
        state.lane = (state.lane + 1) & (lanes - 1);
    }
    return 0;
}

}  // namespace

int open_stream(const uint8_t* stream, size_t size, State& state, const uint8_t*& words) {
    state = {{lower, lower, lower, lower}, 1, 0, 0, 0};
    words = stream;
    if (size == 0) return 0;
    if (size > UINT32_MAX) return bad_stream;
    if (size % 2) {
        state.lanes = stream[0];
        if (state.lanes != 2 && state.lanes != 4) return bad_stream;
        ++words;
        --size;
    }
    if (size < 4 * state.lanes) return bad_stream;
    for (uint32_t k = 0; k < state.lanes; ++k, words += 4) {
        state.x[k] = word_at(words, 0) | word_at(words, 1) << 16;
        if (state.x[k] < lower) return bad_stream;
    }
    state.words = uint32_t(size - 4 * state.lanes) / 2;
    return 0;
}

int close_stream(const State& state) {
    const bool began = std::all_of(state.x, state.x + 4, [](uint32_t x) { return x == lower; });
    return began && state.position == state.words ? 0 : bad_end;
}

int decode_symbols(const Model& m, const uint8_t* words, State& state, const uint16_t* tables, uint16_t* out,
                   size_t count) {
    uint16_t largest = 0;
    for (size_t i = 0; i < count; ++i) largest = std::max(largest, tables[i]);
    if (largest >= m.tables) return bad_table;
    switch (state.lanes) {
        case 1: return decode<1>(m, words, state, tables, out, count);
        case 2: return decode<2>(m, words, state, tables, out, count);
        case 4: return decode<4>(m, words, state, tables, out, count);
        default: return bad_table;
    }
}

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// 32-bit words that sfu_rans_build fills for `tables` tables of `symbols` symbols together.
SFU_API(size_t) SFU_NAME(sfu_rans_model_words)(uint32_t tables, uint32_t symbols) {
    return model_words(tables, symbols);
}

// Fills `model` (model_words words, 8-byte aligned) from `frequencies` [symbols], tables one after the other, each with
// the sum 2^15. Returns 0, or -1 when a frequency is 0 or a sum or the number of tables is another.
SFU_API(int) SFU_NAME(sfu_rans_build)(const uint16_t* frequencies, uint32_t tables, uint32_t symbols,
                                      uint32_t* model) {
    model[0] = tables;
    model[1] = symbols;
    model[2] = model[3] = 0;
    const Model m = model_at(model);
    auto* bases = const_cast<uint32_t*>(m.bases);
    auto* entries = const_cast<uint32_t*>(m.entries);
    auto* buckets = const_cast<uint8_t*>(m.buckets);
    auto* inverse = const_cast<uint64_t*>(reciprocals(m));
    uint32_t symbol = 0;
    for (uint32_t t = 0; t < tables; ++t) {
        bases[t] = symbol;
        uint32_t start = 0, bucket = 0;
        for (; start < scale; ++symbol) {
            if (symbol == symbols || symbol - bases[t] > 255) return -1;
            const uint32_t f = frequencies[symbol];
            if (f == 0 || f >= scale || start + f > scale) return -1;
            entries[symbol] = start << 16 | f;
            inverse[symbol] = (uint64_t(1) << reciprocal_shift) / f + 1;
            start += f;
            for (; bucket << bucket_shift < start; ++bucket)
                buckets[size_t(t) * bucket_count + bucket] = uint8_t(symbol - bases[t]);
        }
    }
    bases[tables] = symbol;
    return symbol == symbols ? 0 : -1;
}

// Encodes `count` symbols into words [result, count) of `words` (2 * count bytes, little endian) and the states of the
// lanes into `states` [lanes]; symbol i goes to lane i mod lanes. Returns -1 for a table or symbol that does not exist.
SFU_API(int64_t) SFU_NAME(sfu_rans_encode)(const uint32_t* model, const uint16_t* tables, const uint16_t* symbols,
                                           size_t count, uint32_t lanes, uint32_t* states, uint8_t* words) {
    const Model m = model_at(model);
    const uint64_t* inverse = reciprocals(m);
    if (lanes != 1 && lanes != 2 && lanes != 4) return -1;
    uint32_t x[4] = {lower, lower, lower, lower};
    size_t at = count;
    for (size_t i = count; i-- > 0;) {
        const uint32_t table = tables[i];
        if (table >= m.tables || symbols[i] >= m.bases[table + 1] - m.bases[table]) return -1;
        const uint32_t index = m.bases[table] + symbols[i];
        const uint32_t start = m.entries[index] >> 16, f = m.entries[index] & 0xFFFF;
        uint32_t& state = x[i & (lanes - 1)];
        uint32_t v = state;
        // Every symbol yields at most one word, so at - 1 >= i never falls below 0.
        words[2 * at - 2] = uint8_t(v);
        words[2 * at - 1] = uint8_t(v >> 8);
        const bool full = v >= f << 17;
        v = full ? v >> 16 : v;
        at -= full;
        const uint32_t quotient = uint32_t(v * inverse[index] >> reciprocal_shift);
        state = v + quotient * (scale - f) + start;
    }
    std::memcpy(states, x, sizeof(uint32_t) * lanes);
    return int64_t(at);
}

// Decodes `count` symbols. `words` are the payload's words, `state` is a State. Returns 0, past_end or bad_table.
SFU_API(int) SFU_NAME(sfu_rans_decode)(const uint32_t* model, const uint8_t* words, uint32_t* state,
                                       const uint16_t* tables, uint16_t* symbols, size_t count) {
    return decode_symbols(model_at(model), words, *reinterpret_cast<State*>(state), tables, symbols, count);
}
