// The plain C ABI: every exported function carries the suffix of the instruction set it was compiled for.
#pragma once
#include <cstddef>
#include <cstdint>

#ifndef SFU_ISA
#define SFU_ISA base
#endif

#define SFU_JOIN_(a, b) a##_##b
#define SFU_JOIN(a, b) SFU_JOIN_(a, b)

#if defined(_WIN32)
#define SFU_VISIBLE __declspec(dllexport)
#else
#define SFU_VISIBLE __attribute__((visibility("default")))
#endif

// Usage: SFU_API(int) SFU_NAME(sfu_render2d)(...) { ... }
#define SFU_API(type) extern "C" SFU_VISIBLE type
#define SFU_NAME(name) SFU_JOIN(name, SFU_ISA)
