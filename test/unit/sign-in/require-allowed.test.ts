import { describe, expect, it } from "vitest";
import { AdapterError, type Failure } from "../../../shared/failure/failure.ts";
import { preferencesOf } from "../../../shared/http/negotiation.ts";
import type { FhirRequest } from "../../../shared/http/request.ts";
import { routes } from "../../../shared/http/routes.ts";
import type { SignedIn } from "../../../shared/http/signed-in.ts";
import { requireAllowed } from "../../../shared/sign-in/require-allowed.ts";

const NOW = 1_000_000;

const request = (signedIn: SignedIn | undefined, more: Partial<FhirRequest> = {}): FhirRequest => ({
  method: "GET",
  base: "https://adapter.example/fhir",
  route: "/Patient/{id}",
  pathParameters: { id: "one" },
  query: [],
  headers: {},
  body: undefined,
  preferences: preferencesOf(undefined),
  signedIn,
  principal: signedIn?.caller ?? "",
  requestId: "request",
  deadline: NOW,
  ...more,
});

const token = (permissions: string, expiresAt = NOW / 1_000 + 1): SignedIn => ({
  by: "token",
  caller: "https://issuer.example client",
  permissions,
  expiresAt,
});

const allowed = (one: FhirRequest, route: Parameters<typeof requireAllowed>[1]) => () =>
  requireAllowed(one, route, NOW);

function failureOf(attempt: () => void): Failure {
  try {
    attempt();
  } catch (error) {
    if (error instanceof AdapterError) return error.failure;
    throw error;
  }
  throw new Error("It was let through.");
}

describe("a request", () => {
  it.each(routes)("is refused on $method $path when nobody signed it, unless it is open", (route) => {
    const attempt = allowed(request(undefined), route);
    if (route.open) {
      expect(attempt).not.toThrow();
    } else {
      expect(failureOf(attempt)).toEqual({ kind: "unauthenticated" });
    }
  });

  it.each(routes)("is let through on $method $path where IAM let it through", (route) => {
    expect(allowed(request({ by: "iam", caller: "AIDAEXAMPLE" }), route)).not.toThrow();
  });

  it("is refused once its token has expired, however long the gateway keeps what it learned of it", () => {
    const read = { interaction: "read" } as const;
    expect(failureOf(allowed(request(token("cruds", NOW / 1_000)), read))).toEqual({ kind: "unauthenticated" });
    expect(allowed(request(token("cruds", NOW / 1_000 + 1)), read)).not.toThrow();
    expect(failureOf(allowed(request(token("cruds", Number.NaN)), read))).toEqual({ kind: "unauthenticated" });
  });

  it("takes the permission to search, too, where it has a condition", () => {
    const byCondition = { pathParameters: {} };
    const ifNoneExist = { headers: { "if-none-exist": "identifier=a|b" }, ...byCondition };
    for (const [interaction, letter, more] of [
      ["update", "u", byCondition],
      ["delete", "d", byCondition],
      ["create", "c", ifNoneExist],
    ] as const) {
      expect(failureOf(allowed(request(token(letter), more), { interaction }))).toEqual({
        kind: "forbidden",
        scopes: [`system/Patient.${letter}s`],
      });
      expect(allowed(request(token(`${letter}s`), more), { interaction })).not.toThrow();
    }
  });

  it("takes the permission to read, too, where it is a patch, which can ask what the patient is", () => {
    const patch = { interaction: "patch" } as const;
    for (const letters of ["u", "r", "cds", "cuds"]) {
      expect(failureOf(allowed(request(token(letters)), patch)), letters).toEqual({
        kind: "forbidden",
        scopes: ["system/Patient.ru"],
      });
    }
    expect(allowed(request(token("ru")), patch)).not.toThrow();
  });

  it("may validate with the permission to create or with that to update", () => {
    const validate = { interaction: "$validate" } as const;
    expect(allowed(request(token("c")), validate)).not.toThrow();
    expect(allowed(request(token("u")), validate)).not.toThrow();
    expect(failureOf(allowed(request(token("rds")), validate))).toEqual({
      kind: "forbidden",
      scopes: ["system/Patient.c", "system/Patient.u"],
    });
  });

  it("takes no permission of its own as a Bundle, whose entries take theirs", () => {
    expect(allowed(request(token("")), { interaction: "transaction" })).not.toThrow();
  });
});
