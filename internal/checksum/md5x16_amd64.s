// MD5 (RFC 1321) of several streams in step. Each vector register holds one word of
// every stream: element i belongs to stream i.

#include "textflag.h"

#define STATE DI
#define AT    SI
#define LEFT  CX
#define K     DX
#define OFF   BX // of the block that is digested, from the beginning of each stream

#define A Z0
#define B Z1
#define C Z2
#define D Z3
#define T Z4

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

// WORDS loads words w to w+3 of the blocks of all streams: a transposition.
#define WORDS(w, w0, w1, w2, w3) \
	ROW(4*w, 0, X5, Z5)         \
	ROW(4*w, 1, X6, Z6)         \
	ROW(4*w, 2, X7, Z7)         \
	ROW(4*w, 3, X8, Z8)         \
	VPUNPCKLDQ  Z6, Z5, Z9      \
	VPUNPCKHDQ  Z6, Z5, Z10     \
	VPUNPCKLDQ  Z8, Z7, Z11     \
	VPUNPCKHDQ  Z8, Z7, Z12     \
	VPUNPCKLQDQ Z11, Z9, w0     \
	VPUNPCKHQDQ Z11, Z9, w1     \
	VPUNPCKLQDQ Z12, Z10, w2    \
	VPUNPCKHQDQ Z12, Z10, w3

// STEP computes a = b + ((a + f(b, c, d) + w + k) rotated to the left). The byte f is
// the truth table of the function of d, b and c.
#define STEP(f, a, b, c, d, w, k, s) \
	VMOVDQA64   d, T               \
	VPADDD      w, a, a            \
	VPADDD.BCST 4*k(K), a, a       \
	VPTERNLOGD  $f, c, b, T        \
	VPADDD      T, a, a            \
	VPROLD      $s, a, a           \
	VPADDD      b, a, a

#define STEP1(a, b, c, d, w, k, s) STEP(0xB8, a, b, c, d, w, k, s)
#define STEP2(a, b, c, d, w, k, s) STEP(0xCA, a, b, c, d, w, k, s)
#define STEP3(a, b, c, d, w, k, s) STEP(0x96, a, b, c, d, w, k, s)
#define STEP4(a, b, c, d, w, k, s) STEP(0x65, a, b, c, d, w, k, s)

// func md5x16(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)
TEXT ·md5x16(SB), NOSPLIT, $0-32
	MOVQ      state+0(FP), STATE
	MOVQ      at+8(FP), AT
	MOVQ      blocks+16(FP), LEFT
	MOVQ      k+24(FP), K
	XORQ      OFF, OFF
	VMOVDQU32 0(STATE), A
	VMOVDQU32 64(STATE), B
	VMOVDQU32 128(STATE), C
	VMOVDQU32 192(STATE), D

block:
	WORDS(0, Z16, Z17, Z18, Z19)
	WORDS(4, Z20, Z21, Z22, Z23)
	WORDS(8, Z24, Z25, Z26, Z27)
	WORDS(12, Z28, Z29, Z30, Z31)

	STEP1(A, B, C, D, Z16, 0, 7)
	STEP1(D, A, B, C, Z17, 1, 12)
	STEP1(C, D, A, B, Z18, 2, 17)
	STEP1(B, C, D, A, Z19, 3, 22)
	STEP1(A, B, C, D, Z20, 4, 7)
	STEP1(D, A, B, C, Z21, 5, 12)
	STEP1(C, D, A, B, Z22, 6, 17)
	STEP1(B, C, D, A, Z23, 7, 22)
	STEP1(A, B, C, D, Z24, 8, 7)
	STEP1(D, A, B, C, Z25, 9, 12)
	STEP1(C, D, A, B, Z26, 10, 17)
	STEP1(B, C, D, A, Z27, 11, 22)
	STEP1(A, B, C, D, Z28, 12, 7)
	STEP1(D, A, B, C, Z29, 13, 12)
	STEP1(C, D, A, B, Z30, 14, 17)
	STEP1(B, C, D, A, Z31, 15, 22)

	STEP2(A, B, C, D, Z17, 16, 5)
	STEP2(D, A, B, C, Z22, 17, 9)
	STEP2(C, D, A, B, Z27, 18, 14)
	STEP2(B, C, D, A, Z16, 19, 20)
	STEP2(A, B, C, D, Z21, 20, 5)
	STEP2(D, A, B, C, Z26, 21, 9)
	STEP2(C, D, A, B, Z31, 22, 14)
	STEP2(B, C, D, A, Z20, 23, 20)
	STEP2(A, B, C, D, Z25, 24, 5)
	STEP2(D, A, B, C, Z30, 25, 9)
	STEP2(C, D, A, B, Z19, 26, 14)
	STEP2(B, C, D, A, Z24, 27, 20)
	STEP2(A, B, C, D, Z29, 28, 5)
	STEP2(D, A, B, C, Z18, 29, 9)
	STEP2(C, D, A, B, Z23, 30, 14)
	STEP2(B, C, D, A, Z28, 31, 20)

	STEP3(A, B, C, D, Z21, 32, 4)
	STEP3(D, A, B, C, Z24, 33, 11)
	STEP3(C, D, A, B, Z27, 34, 16)
	STEP3(B, C, D, A, Z30, 35, 23)
	STEP3(A, B, C, D, Z17, 36, 4)
	STEP3(D, A, B, C, Z20, 37, 11)
	STEP3(C, D, A, B, Z23, 38, 16)
	STEP3(B, C, D, A, Z26, 39, 23)
	STEP3(A, B, C, D, Z29, 40, 4)
	STEP3(D, A, B, C, Z16, 41, 11)
	STEP3(C, D, A, B, Z19, 42, 16)
	STEP3(B, C, D, A, Z22, 43, 23)
	STEP3(A, B, C, D, Z25, 44, 4)
	STEP3(D, A, B, C, Z28, 45, 11)
	STEP3(C, D, A, B, Z31, 46, 16)
	STEP3(B, C, D, A, Z18, 47, 23)

	STEP4(A, B, C, D, Z16, 48, 6)
	STEP4(D, A, B, C, Z23, 49, 10)
	STEP4(C, D, A, B, Z30, 50, 15)
	STEP4(B, C, D, A, Z21, 51, 21)
	STEP4(A, B, C, D, Z28, 52, 6)
	STEP4(D, A, B, C, Z19, 53, 10)
	STEP4(C, D, A, B, Z26, 54, 15)
	STEP4(B, C, D, A, Z17, 55, 21)
	STEP4(A, B, C, D, Z24, 56, 6)
	STEP4(D, A, B, C, Z31, 57, 10)
	STEP4(C, D, A, B, Z22, 58, 15)
	STEP4(B, C, D, A, Z29, 59, 21)
	STEP4(A, B, C, D, Z20, 60, 6)
	STEP4(D, A, B, C, Z27, 61, 10)
	STEP4(C, D, A, B, Z18, 62, 15)
	STEP4(B, C, D, A, Z25, 63, 21)

	VPADDD    0(STATE), A, A
	VPADDD    64(STATE), B, B
	VPADDD    128(STATE), C, C
	VPADDD    192(STATE), D, D
	VMOVDQU32 A, 0(STATE)
	VMOVDQU32 B, 64(STATE)
	VMOVDQU32 C, 128(STATE)
	VMOVDQU32 D, 192(STATE)
	ADDQ      $64, OFF
	DECQ      LEFT
	JNZ       block

	VZEROUPPER
	RET
