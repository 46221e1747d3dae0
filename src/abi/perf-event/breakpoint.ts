/** attr.bp_type. include/uapi/linux/hw_breakpoint.h. */
export const BREAKPOINT_TYPE = { EMPTY: 0, R: 1, W: 2, RW: 3, X: 4, INVALID: 7 } as const;
