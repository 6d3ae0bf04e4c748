// SHA-256 (FIPS 180-4) of 16 streams in step. Each vector register holds one word of
// every stream: element i belongs to stream i.

#include "textflag.h"

#define STATE DI
#define AT    SI
#define LEFT  CX
#define K     DX
#define OFF   BX // of the block that is digested, from the beginning of each stream
#define TURNS AX // of 16 steps that are left

// ROW loads 16 bytes of streams i, i+4, i+8 and i+12 into the quarters of a register.
#define ROW(off, i, x, z) \
	MOVQ         8*i(AT), R8                 \
	MOVQ         8*(i+4)(AT), R9             \
	MOVQ         8*(i+8)(AT), R10            \
	MOVQ         8*(i+12)(AT), R11           \
	VMOVDQU      off(R8)(OFF*1), x           \
	VINSERTI32X4 $1, off(R9)(OFF*1), z, z    \
	VINSERTI32X4 $2, off(R10)(OFF*1), z, z   \
	VINSERTI32X4 $3, off(R11)(OFF*1), z, z

// SWAP reverses the bytes of each word: Z15 selects two of them from either rotation.
#define SWAP(w) \
	VPROLD     $8, w, Z12       \
	VPRORD     $8, w, w         \
	VPTERNLOGD $0xD8, Z15, Z12, w

// WORDS loads words w to w+3 of the blocks of all streams: a transposition.
#define WORDS(w, w0, w1, w2, w3) \
	ROW(4*w, 0, X8, Z8)         \
	ROW(4*w, 1, X9, Z9)         \
	ROW(4*w, 2, X10, Z10)       \
	ROW(4*w, 3, X11, Z11)       \
	VPUNPCKLDQ  Z9, Z8, Z12     \
	VPUNPCKHDQ  Z9, Z8, Z13     \
	VPUNPCKLDQ  Z11, Z10, Z14   \
	VPUNPCKHDQ  Z11, Z10, Z11   \
	VPUNPCKLQDQ Z14, Z12, w0    \
	VPUNPCKHQDQ Z14, Z12, w1    \
	VPUNPCKLQDQ Z11, Z13, w2    \
	VPUNPCKHQDQ Z11, Z13, w3    \
	SWAP(w0)                    \
	SWAP(w1)                    \
	SWAP(w2)                    \
	SWAP(w3)

// STEP is one step of the compression function with word w and constant i. The bytes
// 0x96, 0xCA and 0xE8 are the truth tables of the sum of three bits, Ch and Maj.
#define STEP(a, b, c, d, e, f, g, h, w, i) \
	VPADDD.BCST 4*i(K), h, h       \
	VPRORD      $6, e, Z8          \
	VPRORD      $11, e, Z9         \
	VPRORD      $25, e, Z10        \
	VPADDD      w, h, h            \
	VMOVDQA64   e, Z11             \
	VPTERNLOGD  $0xCA, g, f, Z11   \
	VPTERNLOGD  $0x96, Z9, Z10, Z8 \
	VPADDD      Z11, h, h          \
	VPRORD      $2, a, Z12         \
	VPRORD      $13, a, Z13        \
	VPRORD      $22, a, Z14        \
	VPADDD      Z8, h, h           \
	VMOVDQA64   a, Z9              \
	VPTERNLOGD  $0xE8, c, b, Z9    \
	VPTERNLOGD  $0x96, Z13, Z14, Z12 \
	VPADDD      h, d, d            \
	VPADDD      Z9, h, h           \
	VPADDD      Z12, h, h

// NEXT replaces word w by the one 16 steps later. w1, w9 and w14 are the words that
// many steps later than w.
#define NEXT(w, w1, w9, w14) \
	VPRORD     $7, w1, Z8          \
	VPRORD     $18, w1, Z9         \
	VPSRLD     $3, w1, Z10         \
	VPADDD     w9, w, w            \
	VPRORD     $17, w14, Z11       \
	VPRORD     $19, w14, Z12       \
	VPSRLD     $10, w14, Z13       \
	VPTERNLOGD $0x96, Z9, Z10, Z8  \
	VPTERNLOGD $0x96, Z12, Z13, Z11 \
	VPADDD     Z8, w, w            \
	VPADDD     Z11, w, w

// STEPS are 16 steps.
#define STEPS \
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, 0)  \
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, 1)  \
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, 2)  \
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, 3)  \
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, 4)  \
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, 5)  \
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, 6)  \
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, 7)  \
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z24, 8)  \
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z25, 9)  \
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z26, 10) \
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z27, 11) \
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z28, 12) \
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z29, 13) \
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z30, 14) \
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z31, 15)

// func sha256x16(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)
TEXT ·sha256x16(SB), NOSPLIT, $0-32
	MOVQ      state+0(FP), STATE
	MOVQ      at+8(FP), AT
	MOVQ      blocks+16(FP), LEFT
	MOVQ      k+24(FP), K
	XORQ      OFF, OFF
	VMOVDQU32 0(STATE), Z0
	VMOVDQU32 64(STATE), Z1
	VMOVDQU32 128(STATE), Z2
	VMOVDQU32 192(STATE), Z3
	VMOVDQU32 256(STATE), Z4
	VMOVDQU32 320(STATE), Z5
	VMOVDQU32 384(STATE), Z6
	VMOVDQU32 448(STATE), Z7

block:
	MOVL         $0x00FF00FF, R8
	VPBROADCASTD R8, Z15
	WORDS(0, Z16, Z17, Z18, Z19)
	WORDS(4, Z20, Z21, Z22, Z23)
	WORDS(8, Z24, Z25, Z26, Z27)
	WORDS(12, Z28, Z29, Z30, Z31)
	MOVQ         $3, TURNS

steps:
	STEPS
	ADDQ $64, K
	DECQ TURNS
	JLT  over
	NEXT(Z16, Z17, Z25, Z30)
	NEXT(Z17, Z18, Z26, Z31)
	NEXT(Z18, Z19, Z27, Z16)
	NEXT(Z19, Z20, Z28, Z17)
	NEXT(Z20, Z21, Z29, Z18)
	NEXT(Z21, Z22, Z30, Z19)
	NEXT(Z22, Z23, Z31, Z20)
	NEXT(Z23, Z24, Z16, Z21)
	NEXT(Z24, Z25, Z17, Z22)
	NEXT(Z25, Z26, Z18, Z23)
	NEXT(Z26, Z27, Z19, Z24)
	NEXT(Z27, Z28, Z20, Z25)
	NEXT(Z28, Z29, Z21, Z26)
	NEXT(Z29, Z30, Z22, Z27)
	NEXT(Z30, Z31, Z23, Z28)
	NEXT(Z31, Z16, Z24, Z29)
	JMP  steps

over:
	SUBQ      $256, K
	VPADDD    0(STATE), Z0, Z0
	VPADDD    64(STATE), Z1, Z1
	VPADDD    128(STATE), Z2, Z2
	VPADDD    192(STATE), Z3, Z3
	VPADDD    256(STATE), Z4, Z4
	VPADDD    320(STATE), Z5, Z5
	VPADDD    384(STATE), Z6, Z6
	VPADDD    448(STATE), Z7, Z7
	VMOVDQU32 Z0, 0(STATE)
	VMOVDQU32 Z1, 64(STATE)
	VMOVDQU32 Z2, 128(STATE)
	VMOVDQU32 Z3, 192(STATE)
	VMOVDQU32 Z4, 256(STATE)
	VMOVDQU32 Z5, 320(STATE)
	VMOVDQU32 Z6, 384(STATE)
	VMOVDQU32 Z7, 448(STATE)
	ADDQ      $64, OFF
	DECQ      LEFT
	JNZ       block

	VZEROUPPER
	RET
