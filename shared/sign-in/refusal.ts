/** Why a token is not valid: no part of it, so that it may be logged. docs/runbook.md says what each of them means. */
export type Refusal =
  | "no-token"
  | "malformed"
  | "extension"
  | "type"
  | "issuer"
  | "audience"
  | "expired"
  | "not-yet-valid"
  | "algorithm"
  | "signature"
  | "unknown-key"
  | "claims";

export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`The token is refused: ${refusal}.`);
    this.refusal = refusal;
  }
}
