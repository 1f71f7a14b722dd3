/** Codes of the `Overlay-Reason` header: why several identity fields change at once. */
export const OVERLAY_REASONS = ["correction", "name-change", "verified-same-person"] as const;

export type OverlayReason = (typeof OVERLAY_REASONS)[number];
