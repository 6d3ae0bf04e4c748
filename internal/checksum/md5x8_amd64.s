// MD5 (RFC 1321) of several streams in step. Each vector register holds one word of
// every stream: element i belongs to stream i.

#include "textflag.h"

#define STATE DI
#define AT    SI
#define LEFT  CX
#define K     DX
#define OFF   BX // of the block that is digested, from the beginning of each stream

#define A Y0
#define B Y1
#define C Y2
#define D Y3
#define T Y4
#define ONES Y5

// ROW loads 16 bytes of streams i and i+4 into the two halves of a register.
#define ROW(off, low, high, x, y) \
	VMOVDQU     off(low)(OFF*1), x         \
	VINSERTI128 $1, off(high)(OFF*1), y, y

// WORDS stores words w to w+3 of the blocks of all streams: a transposition.
#define WORDS(w) \
	ROW(4*w, R8, R12, X6, Y6)       \
	ROW(4*w, R9, R13, X7, Y7)       \
	ROW(4*w, R10, R14, X8, Y8)      \
	ROW(4*w, R11, R15, X9, Y9)      \
	VPUNPCKLDQ  Y7, Y6, Y10         \
	VPUNPCKHDQ  Y7, Y6, Y11         \
	VPUNPCKLDQ  Y9, Y8, Y12         \
	VPUNPCKHDQ  Y9, Y8, Y13         \
	VPUNPCKLQDQ Y12, Y10, Y6        \
	VPUNPCKHQDQ Y12, Y10, Y7        \
	VPUNPCKLQDQ Y13, Y11, Y8        \
	VPUNPCKHQDQ Y13, Y11, Y9        \
	VMOVDQU     Y6, words-512+32*(w+0)(SP) \
	VMOVDQU     Y7, words-512+32*(w+1)(SP) \
	VMOVDQU     Y8, words-512+32*(w+2)(SP) \
	VMOVDQU     Y9, words-512+32*(w+3)(SP)

// ADD adds word w of the blocks and constant k to a.
#define ADD(a, w, k) \
	VPBROADCASTD 4*k(K), T           \
	VPADDD       words-512+32*w(SP), a, a \
	VPADDD       T, a, a

// TURN adds T to a, rotates a to the left, and adds b.
#define TURN(a, b, s) \
	VPADDD T, a, a      \
	VPSLLD $s, a, T     \
	VPSRLD $(32-s), a, a \
	VPOR   T, a, a      \
	VPADDD b, a, a

#define STEP1(a, b, c, d, w, k, s) \
	ADD(a, w, k)   \
	VPXOR c, d, T  \
	VPAND b, T, T  \
	VPXOR d, T, T  \
	TURN(a, b, s)

// Of (b AND d) OR (c AND NOT d), the second operand is added first, because it does not
// wait for b. No bit is set in both.
#define STEP2(a, b, c, d, w, k, s) \
	ADD(a, w, k)    \
	VPANDN c, d, T  \
	VPADDD T, a, a  \
	VPAND  b, d, T  \
	TURN(a, b, s)

#define STEP3(a, b, c, d, w, k, s) \
	ADD(a, w, k)   \
	VPXOR c, d, T  \
	VPXOR b, T, T  \
	TURN(a, b, s)

#define STEP4(a, b, c, d, w, k, s) \
	ADD(a, w, k)     \
	VPXOR ONES, d, T \
	VPOR  b, T, T    \
	VPXOR c, T, T    \
	TURN(a, b, s)

// func md5x8(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)
TEXT ·md5x8(SB), NOSPLIT, $512-32
	MOVQ     state+0(FP), STATE
	MOVQ     at+8(FP), AT
	MOVQ     blocks+16(FP), LEFT
	MOVQ     k+24(FP), K
	MOVQ     0(AT), R8
	MOVQ     8(AT), R9
	MOVQ     16(AT), R10
	MOVQ     24(AT), R11
	MOVQ     32(AT), R12
	MOVQ     40(AT), R13
	MOVQ     48(AT), R14
	MOVQ     56(AT), R15
	XORQ     OFF, OFF
	VPCMPEQD ONES, ONES, ONES
	VMOVDQU  0(STATE), A
	VMOVDQU  64(STATE), B
	VMOVDQU  128(STATE), C
	VMOVDQU  192(STATE), D

block:
	WORDS(0)
	WORDS(4)
	WORDS(8)
	WORDS(12)

	STEP1(A, B, C, D, 0, 0, 7)
	STEP1(D, A, B, C, 1, 1, 12)
	STEP1(C, D, A, B, 2, 2, 17)
	STEP1(B, C, D, A, 3, 3, 22)
	STEP1(A, B, C, D, 4, 4, 7)
	STEP1(D, A, B, C, 5, 5, 12)
	STEP1(C, D, A, B, 6, 6, 17)
	STEP1(B, C, D, A, 7, 7, 22)
	STEP1(A, B, C, D, 8, 8, 7)
	STEP1(D, A, B, C, 9, 9, 12)
	STEP1(C, D, A, B, 10, 10, 17)
	STEP1(B, C, D, A, 11, 11, 22)
	STEP1(A, B, C, D, 12, 12, 7)
	STEP1(D, A, B, C, 13, 13, 12)
	STEP1(C, D, A, B, 14, 14, 17)
	STEP1(B, C, D, A, 15, 15, 22)

	STEP2(A, B, C, D, 1, 16, 5)
	STEP2(D, A, B, C, 6, 17, 9)
	STEP2(C, D, A, B, 11, 18, 14)
	STEP2(B, C, D, A, 0, 19, 20)
	STEP2(A, B, C, D, 5, 20, 5)
	STEP2(D, A, B, C, 10, 21, 9)
	STEP2(C, D, A, B, 15, 22, 14)
	STEP2(B, C, D, A, 4, 23, 20)
	STEP2(A, B, C, D, 9, 24, 5)
	STEP2(D, A, B, C, 14, 25, 9)
	STEP2(C, D, A, B, 3, 26, 14)
	STEP2(B, C, D, A, 8, 27, 20)
	STEP2(A, B, C, D, 13, 28, 5)
	STEP2(D, A, B, C, 2, 29, 9)
	STEP2(C, D, A, B, 7, 30, 14)
	STEP2(B, C, D, A, 12, 31, 20)

	STEP3(A, B, C, D, 5, 32, 4)
	STEP3(D, A, B, C, 8, 33, 11)
	STEP3(C, D, A, B, 11, 34, 16)
	STEP3(B, C, D, A, 14, 35, 23)
	STEP3(A, B, C, D, 1, 36, 4)
	STEP3(D, A, B, C, 4, 37, 11)
	STEP3(C, D, A, B, 7, 38, 16)
	STEP3(B, C, D, A, 10, 39, 23)
	STEP3(A, B, C, D, 13, 40, 4)
	STEP3(D, A, B, C, 0, 41, 11)
	STEP3(C, D, A, B, 3, 42, 16)
	STEP3(B, C, D, A, 6, 43, 23)
	STEP3(A, B, C, D, 9, 44, 4)
	STEP3(D, A, B, C, 12, 45, 11)
	STEP3(C, D, A, B, 15, 46, 16)
	STEP3(B, C, D, A, 2, 47, 23)

	STEP4(A, B, C, D, 0, 48, 6)
	STEP4(D, A, B, C, 7, 49, 10)
	STEP4(C, D, A, B, 14, 50, 15)
	STEP4(B, C, D, A, 5, 51, 21)
	STEP4(A, B, C, D, 12, 52, 6)
	STEP4(D, A, B, C, 3, 53, 10)
	STEP4(C, D, A, B, 10, 54, 15)
	STEP4(B, C, D, A, 1, 55, 21)
	STEP4(A, B, C, D, 8, 56, 6)
	STEP4(D, A, B, C, 15, 57, 10)
	STEP4(C, D, A, B, 6, 58, 15)
	STEP4(B, C, D, A, 13, 59, 21)
	STEP4(A, B, C, D, 4, 60, 6)
	STEP4(D, A, B, C, 11, 61, 10)
	STEP4(C, D, A, B, 2, 62, 15)
	STEP4(B, C, D, A, 9, 63, 21)

	VPADDD  0(STATE), A, A
	VPADDD  64(STATE), B, B
	VPADDD  128(STATE), C, C
	VPADDD  192(STATE), D, D
	VMOVDQU A, 0(STATE)
	VMOVDQU B, 64(STATE)
	VMOVDQU C, 128(STATE)
	VMOVDQU D, 192(STATE)
	ADDQ    $64, OFF
	DECQ    LEFT
	JNZ     block

	VZEROUPPER
	RET
