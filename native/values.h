// Raw and signed values, several at once. The law is `Coder.signed` in src/sfumato/coding/coder.py and `code_raw` in
// halving.py.
#pragma once
#include <algorithm>

#include "rans.h"

namespace SFU_NAMESPACE {

// The numbers of src/sfumato/coding/tables.py and coder.py; the tests of equal decoding guard them.
constexpr uint32_t escape_classes = 8;  // the table of escaped values' classes
constexpr int signed_first = 9;
constexpr int signed_shapes = 3, signed_scales = 28;
constexpr int largest_value = 31;
constexpr uint16_t escape = 2 * largest_value + 1;
constexpr uint32_t sign_and_low = 6;  // bits of an escaped value's first raw symbol
constexpr uint32_t most_high = 15;    // bits of an escaped value beyond those

struct Escaped {
    uint32_t index;  // of the value
    uint32_t extra;  // its class: bits beyond the low ones
    uint32_t bits;   // the low ones, later all
};

struct ValueDecoder {
    const Model& model;
    const uint8_t* words;
    State& state;
    Escaped* escaped;   // room for as many as there are values
    uint16_t* tables;   // likewise
    uint16_t* symbols;  // likewise

    int run(size_t size) { return decode_symbols(model, words, state, tables, symbols, size); }

    // One signed value per entry of `tables` [count], to out[i * stride].
    int signed_values(size_t count, int64_t* out, size_t stride) {
        if (const int status = run(count)) return status;
        size_t many = 0;
        for (size_t i = 0; i < count; ++i) {
            out[i * stride] = int64_t(symbols[i]) - largest_value;
            if (symbols[i] == escape) escaped[many++].index = uint32_t(i);
        }
        return many ? escaped_values(many, out, stride) : 0;
    }

    // Adds to each of out [count] a raw value of widths[i] bits, 0..16: the lowest eight of all, then the rest.
    int add_raw_values(size_t count, const uint8_t* widths, int64_t* out) {
        uint32_t widest = 0;
        for (size_t i = 0; i < count; ++i) widest = std::max<uint32_t>(widest, widths[i]);
        for (uint32_t low = 0; low < widest; low += widest_uniform) {
            // Without branches, which no processor could foresee: what is not coded is overwritten, or added as 0.
            size_t coded = 0, at = 0;
            for (size_t i = 0; i < count; ++i) {
                tables[coded] = uint16_t(uniform_table(std::min<uint32_t>(widths[i] - low, widest_uniform)));
                coded += widths[i] > low;
            }
            if (const int status = run(coded)) return status;
            for (size_t i = 0; i < count; ++i) {
                const bool some = widths[i] > low;
                out[i] += some ? int64_t(symbols[at]) << low : 0;
                at += some;
            }
        }
        return 0;
    }

    // Raw values of 1 to 8 bits each, to out [count].
    int raw_values(size_t count, uint32_t width, int64_t* out) {
        std::fill_n(tables, count, uint16_t(uniform_table(width)));
        if (const int status = run(count)) return status;
        std::copy_n(symbols, count, out);
        return 0;
    }

private:
    int escaped_values(size_t many, int64_t* out, size_t stride) {
        std::fill_n(tables, many, uint16_t(escape_classes));
        if (const int status = run(many)) return status;
        for (size_t i = 0; i < many; ++i) escaped[i].extra = symbols[i];
        std::fill_n(tables, many, uint16_t(uniform_table(sign_and_low)));
        if (const int status = run(many)) return status;
        for (size_t i = 0; i < many; ++i) escaped[i].bits = symbols[i];
        for (uint32_t first = 0; first < most_high; first += widest_uniform) {
            size_t some = 0;
            for (size_t i = 0; i < many; ++i)
                if (escaped[i].extra > first)
                    tables[some++] = uint16_t(uniform_table(std::min(escaped[i].extra - first, widest_uniform)));
            if (const int status = run(some)) return status;
            for (size_t i = 0, at = 0; i < many; ++i)
                if (escaped[i].extra > first) escaped[i].bits |= uint32_t(symbols[at++]) << (sign_and_low + first);
        }
        for (size_t i = 0; i < many; ++i) {
            const auto [index, extra, bits] = escaped[i];
            // The sign stands between the five low bits and the high ones.
            const int64_t magnitude = int64_t(1) << (5 + extra) | (bits >> sign_and_low) << 5 | (bits & 31);
            out[index * stride] = bits >> 5 & 1 ? -magnitude : magnitude;
        }
        return 0;
    }
};

inline int64_t floor_divide(int64_t a, int64_t b) {
    const int64_t quotient = a / b;
    return quotient - (a % b < 0);
}

}  // namespace SFU_NAMESPACE
