import { randomBytes } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";

export const newSigningKey = (): string => randomBytes(32).toString("base64");

/** Issues the JWTs of `GET /auth` and tells them from others. */
export class Tokens {
  #key: Uint8Array;
  readonly #clock: () => number;

  /** @param clock epoch milliseconds */
  constructor(signingKey: string, clock: () => number) {
    this.#key = Buffer.from(signingKey, "base64");
    this.#clock = clock;
  }

  /** Every token issued under an earlier key is void from now on. */
  changeKey(signingKey: string): void {
    this.#key = Buffer.from(signingKey, "base64");
  }

  issue(clientId: string, scope: string | undefined, ttlSeconds: number): Promise<string> {
    const now = Math.floor(this.#clock() / 1000);
    return new SignJWT(scope === undefined ? {} : { scope })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject(clientId)
      .setIssuedAt(now)
      .setExpirationTime(now + ttlSeconds)
      .sign(this.#key);
  }

  /** False for one that is expired, of another key, or no JWT at all. */
  async accepts(token: string): Promise<boolean> {
    try {
      await jwtVerify(token, this.#key, { algorithms: ["HS256"], currentDate: new Date(this.#clock()) });
      return true;
    } catch (error) {
      if (error instanceof JOSEError) return false;
      throw error;
    }
  }
}
