import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalDemographics,
  IDENTITY_FIELDS,
  identityForm,
} from "../../../shared/mapping/canonical-demographics.ts";
import type { Demographics, EchoedDemographics } from "../../../shared/mapping/demographics.ts";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { registrablePatients, TODAY } from "./made-up-patients.ts";

const SENT: Demographics = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  address_city: "Roxbury",
  address_state: "MA",
  address_lines: ["123 Mulberry Court"],
  ssn: "123-45-6789",
  telephone: "123-456-7890",
  email: "henrick@example.com",
};

describe("canonical demographics", () => {
  it("are those that Particle documents, as they are", () => {
    expect(canonicalDemographics(SENT)).toEqual(SENT);
  });

  it("are equal, as JSON too, for what is sent and for what Particle makes of it", () => {
    const blank = fc.constantFrom("", null, undefined);
    fc.assert(
      fc.property(registrablePatients, blank, fc.boolean(), (patient, absent, withPlusFour) => {
        const { demographics: sent } = patientToParticle(patient, { today: TODAY });
        if (sent === undefined) {
          throw new Error("The patient was to be registrable.");
        }
        const digits = sent.telephone?.replaceAll("-", "") ?? "";
        const echoed = {
          patient_id: "examplepatientid1",
          consent: null,
          email: sent.email ?? absent,
          telephone: sent.telephone ? `(${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6)}` : absent,
          ssn: sent.ssn?.replaceAll("-", "") ?? absent,
          gender: sent.gender.toLowerCase(),
          date_of_birth: sent.date_of_birth,
          family_name: ` ${sent.family_name.replaceAll(/\s+/g, "  ")}`,
          given_name: sent.given_name.normalize("NFD"),
          address_city: sent.address_city,
          address_state: sent.address_state.toLowerCase(),
          postal_code: withPlusFour ? `${sent.postal_code}-0000` : sent.postal_code,
          address_lines: sent.address_lines === undefined ? [""] : [...sent.address_lines, " "],
        };
        const canonical = canonicalDemographics(echoed as EchoedDemographics);
        expect(JSON.stringify(canonical)).toBe(JSON.stringify(canonicalDemographics(sent)));
      }),
    );
  });

  it("differ where what is said differs", () => {
    const canonical = JSON.stringify(canonicalDemographics(SENT));
    for (const field of Object.keys(SENT)) {
      const other = { ...SENT, [field]: field === "address_lines" ? ["1 Other St"] : "234-56-7891" };
      expect(JSON.stringify(canonicalDemographics(other))).not.toBe(canonical);
    }
    expect(canonicalDemographics({ ...SENT, address_lines: ["a", "b"] })).not.toEqual(
      canonicalDemographics({ ...SENT, address_lines: ["b", "a"] }),
    );
  });

  it("do not tell composed from decomposed characters", () => {
    const [composed, decomposed] = (["NFC", "NFD"] as const).map((form) => ({
      ...SENT,
      given_name: "Zoë".normalize(form),
    }));
    expect(composed).not.toEqual(decomposed);
    expect(canonicalDemographics(composed!)).toEqual(canonicalDemographics(decomposed!));
  });

  it("are not changed by being made canonical again", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(SENT)), fc.string()), (held) => {
        const canonical = canonicalDemographics(held as EchoedDemographics);
        expect(canonicalDemographics(canonical)).toEqual(canonical);
      }),
    );
  });

  it("are empty for a record that holds nothing", () => {
    const nothing = { given_name: "", family_name: null, address_lines: [""], telephone: " ", patient_id: "x" };
    expect(canonicalDemographics(nothing as unknown as EchoedDemographics)).toEqual({});
  });
});

describe("the identity form of a field", () => {
  it("does not tell upper from lower case, and has nothing for what is absent", () => {
    const shouted = canonicalDemographics({ ...SENT, given_name: "HENRICK", family_name: "testingSon" });
    for (const field of IDENTITY_FIELDS) {
      expect(identityForm(field, shouted)).toBe(identityForm(field, canonicalDemographics(SENT)));
      expect(identityForm(field, {})).toBeUndefined();
    }
    expect(identityForm("family_name", shouted)).not.toBe(identityForm("given_name", shouted));
  });
});
