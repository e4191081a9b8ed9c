// Which of the instruction sets compiled into this library the processor runs.
#include "abi.h"

extern "C" SFU_VISIBLE const char* sfu_best_isa() {
#if defined(SFU_X86_LEVELS)
  if (__builtin_cpu_supports("x86-64-v4")) return "v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "v3";
#endif
  return "base";
}
