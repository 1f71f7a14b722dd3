import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { permissionsOf } from "../../../shared/sign-in/scopes.ts";

describe("the permissions that scopes give", () => {
  it.each([
    ["system/Patient.r", "r"],
    ["system/Patient.cruds", "cruds"],
    ["system/Patient.cu", "cu"],
    ["system/*.rs", "rs"],
    ["system/Patient.read", "rs"],
    ["system/Patient.write", "cud"],
    ["system/Patient.*", "cruds"],
    ["system/*.*", "cruds"],
    ["system/*.read", "rs"],
  ])("%s gives %s", (scope, permissions) => {
    expect(permissionsOf([scope])).toBe(permissions);
  });

  it.each([
    "",
    "system/Patient.",
    "system/Patient.sr",
    "system/Patient.rr",
    "system/Patient.x",
    "system/Patient.readwrite",
    "system/Patient.READ",
    "system/patient.r",
    "system/Patients.r",
    "system/Observation.cruds",
    "system/Patient",
    "system/Patient.rs?_id=1",
    "system/*.cruds?identifier=a",
    "system/Patient.cruds/",
    "patient/Patient.cruds",
    "user/Patient.cruds",
    "user/*.*",
    "xsystem/Patient.cruds",
    "system/Patient.constructor",
    "openid",
    "*",
  ])("%o gives nothing", (scope) => {
    expect(permissionsOf([scope])).toBe("");
  });

  it("add up, whatever stands beside them", () => {
    expect(permissionsOf(["openid", "system/Patient.c", "system/Observation.d", "system/*.read"])).toBe("crs");
  });

  it("are those of any scope that is written as the specification says, in any order, and no others", () => {
    const letters = fc.subarray([..."cruds"], { minLength: 1 });
    const scope = fc.record({
      context: fc.constantFrom("system", "user", "patient"),
      type: fc.constantFrom("Patient", "*", "Observation"),
      letters,
    });
    fc.assert(
      fc.property(fc.array(scope), (scopes) => {
        const counting = scopes.filter(({ context, type }) => context === "system" && type !== "Observation");
        const expected = [..."cruds"].filter((one) => counting.some((each) => each.letters.includes(one)));
        const written = scopes.map(({ context, type, letters: own }) => `${context}/${type}.${own.join("")}`);
        expect(permissionsOf(written)).toBe(expected.join(""));
        expect(permissionsOf(written.toReversed())).toBe(expected.join(""));
      }),
    );
  });

  it("are no more than letters of the scope itself for any text at all", () => {
    fc.assert(
      fc.property(fc.string(), (suffix) => {
        const permissions = permissionsOf([`system/Patient.${suffix}`]);
        if (!["read", "write", "*"].includes(suffix)) {
          expect(permissions === "" || permissions === suffix).toBe(true);
        }
      }),
    );
  });
});
