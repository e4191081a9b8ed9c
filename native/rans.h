// What the entropy decoder offers to other kernels: the tables in memory, the state, a run of symbols.
#pragma once
#include "abi.h"

// Each instruction set gets its own namespace, so that the linker cannot mix their inline functions.
#define SFU_NAMESPACE SFU_JOIN(sfu_coding, SFU_ISA)

namespace SFU_NAMESPACE {

constexpr uint32_t precision = 15;                         // bits of a table's frequencies
constexpr uint32_t scale = 1u << precision;                // their sum
constexpr uint32_t lower = 1u << 16;                       // states live in [2^16, 2^32)
constexpr uint32_t bucket_shift = 7;                       // a symbol search starts at its slot's bucket of 128 slots
constexpr uint32_t bucket_count = scale >> bucket_shift;   // buckets per table

enum Status : int { past_end = -1, bad_table = -2, bad_points = -3, bad_stream = -4, bad_end = -5, bad_numbers = -6 };

// A view of the words that sfu_rans_build filled: [tables, symbols, 0, 0], u64 reciprocals [symbols], u32 bases
// [tables + 1], u32 entries [symbols] (start << 16 | frequency), u8 buckets [tables][bucket_count].
struct Model {
    const uint32_t* words;
    uint32_t tables;
    const uint32_t* bases;
    const uint32_t* entries;
    const uint8_t* buckets;
};

// What a decoder remembers between calls, as the caller's eight words.
struct State {
    uint32_t x[4];      // one state per lane
    uint32_t lanes;     // 1, 2 or 4
    uint32_t lane;      // lane of the next symbol
    uint32_t position;  // next word
    uint32_t words;     // how many there are
};

constexpr uint32_t widest_uniform = 8;  // bits; wider raw values take several symbols

constexpr uint32_t uniform_table(uint32_t width) { return width - 1; }

Model model_at(const uint32_t* words);

// Begins a coded stream of `size` bytes; `words` becomes the place of its words. Returns 0 or bad_stream.
int open_stream(const uint8_t* stream, size_t size, State& state, const uint8_t*& words);

// 0 if all words are used and every state is back where the encoder began, else bad_end.
int close_stream(const State& state);

// Decodes `count` symbols, symbol i by table tables[i]; never reads past the payload. Returns 0 or a Status.
int decode_symbols(const Model& model, const uint8_t* words, State& state, const uint16_t* tables, uint16_t* out,
                   size_t count);

}  // namespace SFU_NAMESPACE
