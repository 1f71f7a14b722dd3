/** How deeply the JSON of a body may be nested; far more than any Patient or Bundle of Patients needs. */
export const maxDepth = 64;

/** How many entries an array may have. */
export const maxEntries = 1000;
