import { CfnParameter, Duration, Lazy, Stack } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import type { FhirParticleAdapterProps } from "../../infra/constructs/adapter-props.ts";
import type { TokenAuthorisation } from "../../infra/constructs/authorisation-props.ts";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };
const oidc: TokenAuthorisation = {
  kind: "oidc",
  issuer: "https://issuer.example",
  audiences: ["https://adapter.example/fhir"],
  tokenEndpoint: "https://issuer.example/token",
};
const SSN = "http://hl7.org/fhir/sid/us-ssn";

/** What is said of these props; "made" where nothing is. */
function verdictOn(propsIn: (stack: Stack) => Partial<FhirParticleAdapterProps>): string {
  const stack = new Stack(testApp(), "Stack");
  try {
    new FhirParticleAdapter(stack, "Adapter", { particle, ...propsIn(stack) });
    return "made";
  } catch (error) {
    return (error as Error).message;
  }
}

const WRONG: readonly [string, Partial<FhirParticleAdapterProps>, RegExp][] = [
  ["no host", { particle: { baseUrl: "https://" } }, /particle\.baseUrl must be an https address/],
  ["a host with a blank", { particle: { baseUrl: "https://exa mple" } }, /particle\.baseUrl must be an https address/],
  ["plain http", { particle: { baseUrl: "http://particle.example" } }, /particle\.baseUrl must be an https address/],
  [
    "a loopback address",
    { particle: { baseUrl: "http://localhost:3001" } },
    /baseUrl must be an https address: demogr/,
  ],
  [
    "a query",
    { particle: { baseUrl: "https://particle.example/?a=b" } },
    /particle\.baseUrl must have neither a query/,
  ],
  [
    "attempts of 0 s",
    { particle: { ...particle, attemptTimeout: Duration.seconds(0) } },
    /attemptTimeout must be longer/,
  ],
  [
    "attempts of 21 s",
    { particle: { ...particle, attemptTimeout: Duration.seconds(21) } },
    /attemptTimeout must .* 20 seconds/,
  ],
  ["no time to settle", { settle: Duration.seconds(0) }, /settle must be from 1 second to 3 minutes/],
  [
    "more time to settle than the alarms wait",
    { settle: Duration.minutes(4) },
    /settle must be from 1 second to 3 minutes/,
  ],
  ["half a second to settle", { settle: Duration.millis(500) }, /settle must be from 1 second/],
  ["no system for patient_id", { patientIdSystem: "" }, /patientIdSystem must be a URI/],
  ["an SSN as patient_id", { patientIdSystem: SSN }, /patientIdSystem must not be a system of social security/],
  ["unique SSNs", { uniqueIdentifierSystems: [SSN] }, /uniqueIdentifierSystems must not be a system of social/],
  [
    "two systems in one",
    { uniqueIdentifierSystems: ["https://a.example https://b.example"] },
    /Systems .* hold blanks/,
  ],
  [
    "an empty system",
    { uniqueIdentifierSystems: ["https://a.example", ""] },
    /uniqueIdentifierSystems must not be empty/,
  ],
  ["no system to show patient_id in", { patientIdIdentifierSystem: "" }, /patientIdIdentifierSystem must be a URI/],
  ["none for particle_patient_id", { particlePatientIdIdentifierSystem: "" }, /particlePatientIdIdentifierSystem must/],
  [
    "an issuer without a host",
    { authorisation: { ...oidc, issuer: "https://" } },
    /authorisation\.issuer must be an https/,
  ],
  ["an issuer on loopback", { authorisation: { ...oidc, issuer: "http://localhost" } }, /issuer must be an https/],
  ["an origin with a path", { cors: { allowedOrigins: ["https://app.example.org/"] } }, /cors\.allowedOrigins/],
  [
    "none kept started",
    { concurrency: { "create-patient": { provisioned: 0 } } },
    /create-patient\.provisioned .* least 1/,
  ],
  [
    "half of one",
    { concurrency: { "create-patient": { provisioned: 0.5 } } },
    /create-patient\.provisioned must be a whole/,
  ],
  ["less than none", { concurrency: { "read-patient": { reserved: -1 } } }, /read-patient\.reserved must be a whole/],
  [
    "an authorizer that is not there",
    { concurrency: { "authorize-request": { provisioned: 1 } } },
    /concurrency\.authorize-request is of a function that is there only where/,
  ],
  [
    "more started than reserved",
    { concurrency: { "create-patient": { reserved: 2, provisioned: 3 } } },
    /create-patient\.provisioned must be at most what is reserved/,
  ],
];

describe("an adapter", () => {
  it.each(WRONG)("with %s is refused", (_, props, message) => expect(verdictOn(() => props)).toMatch(message));

  it("is told all that is wrong at once, and no value of it", () => {
    const all = verdictOn(() => ({
      particle: { baseUrl: "https://exa mple", attemptTimeout: Duration.seconds(0) },
      settle: Duration.seconds(0),
      patientIdSystem: SSN,
      concurrency: { "create-patient": { provisioned: 0 } },
      authorisation: { ...oidc, audiences: [] },
    }));
    expect(all).toContain("FhirParticleAdapter Stack/Adapter cannot be made.");
    for (const prop of [
      "particle.baseUrl",
      "particle.attemptTimeout",
      "settle",
      "patientIdSystem",
      "concurrency.create-patient.provisioned",
      "authorisation.audiences",
    ]) {
      expect(all).toContain(`${prop} must`);
    }
    expect(all).not.toMatch(/exa mple|us-ssn/);
  });

  it("may have values that only its deployment knows", () => {
    const parameter = (stack: Stack, id: string) => new CfnParameter(stack, id).valueAsString;
    const number = () => Lazy.number({ produce: () => 3 });
    expect(
      verdictOn((stack) => ({
        particle: { baseUrl: parameter(stack, "BaseUrl") },
        settle: Duration.seconds(60),
        patientIdSystem: parameter(stack, "PatientIdSystem"),
        uniqueIdentifierSystems: [parameter(stack, "Mrn"), "https://example.org/member"],
        authorisation: { ...oidc, issuer: parameter(stack, "Issuer"), audiences: [parameter(stack, "Audience")] },
        cors: { allowedOrigins: [parameter(stack, "Origin")] },
        concurrency: { "create-patient": { reserved: number(), provisioned: number() } },
      })),
    ).toBe("made");
  });

  it("is judged by what it knows of a list, too", () => {
    expect(
      verdictOn((stack) => ({ uniqueIdentifierSystems: [new CfnParameter(stack, "Mrn").valueAsString, SSN] })),
    ).toMatch(/uniqueIdentifierSystems must not be a system of social security/);
  });
});
