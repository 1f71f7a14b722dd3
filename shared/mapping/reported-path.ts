const NAMES_OF_ELEMENTS = /^Patient(?:\.[A-Za-z_]\w{0,63}|\[\d+\])*(?=[.[]|$)/;

/**
 * The FHIRPath as far as its steps can be names of elements. Lenient handling lets properties of any name pass, and a name
 * with blanks or punctuation may be anything, a person's data too: the element that it is in is named instead.
 */
export const reportedPath = (expression: string): string => NAMES_OF_ELEMENTS.exec(expression)?.[0] ?? "Patient";
