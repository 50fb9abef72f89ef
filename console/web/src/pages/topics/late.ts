/** From when on a group that is behind needs a look. */
export const LATE_S = 30;
