/**
 * The characters that the format is made of, by number. In a file of their own, from which bundlers copy them into place.
 * This module is browser compatible.
 */
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const LETTER_A = 0x61;
export const LETTER_D = 0x64;
export const LETTER_E = 0x65;
export const LETTER_I = 0x69;
export const LETTER_T = 0x74;
export const BOM = 0xfeff;
/** The index of what does not occur: past every other. */
export const NOWHERE = 0x40000000;
