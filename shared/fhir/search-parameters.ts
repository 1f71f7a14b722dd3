/** The search parameters of this server: what the CapabilityStatement says of them, and what the search reads. */
export const SEARCH_PARAMETERS = {
  _id: {
    type: "token",
    definition: "http://hl7.org/fhir/SearchParameter/Resource-id",
    documentation: "One id, or several alternatives separated by commas. No modifiers.",
  },
  identifier: {
    type: "token",
    definition: "http://hl7.org/fhir/SearchParameter/Patient-identifier",
    documentation:
      "system|value, |value or value; write the bar as %7C. Alternatives are separated by commas. No modifiers. Social security numbers cannot be searched by: none is kept.",
  },
} as const;

export type SearchParameterName = keyof typeof SEARCH_PARAMETERS;
