import { AdapterError } from "../failure/failure.ts";

type Parameters = Readonly<Record<string, string>>;
type MediaType = { readonly type: string; readonly parameters: Parameters };

/** The names of FHIR JSON: its own, and the generic ones that http://hl7.org/fhir/R4/http.html#mime-type allows for. */
const FHIR_JSON = ["application/fhir+json", "application/json", "text/json"] as const;
export type FhirJson = (typeof FHIR_JSON)[number];

/** What `_format` may say; a `+` arrives as a blank where a client did not encode it. */
const FORMATS: readonly string[] = [...FHIR_JSON, "application/fhir json", "json"];

/** As CapabilityStatement.fhirVersion says it, in full or as the MIME type parameter has it. */
const FHIR_VERSIONS: readonly (string | undefined)[] = [undefined, "4.0", "4.0.1"];

const isFhirVersion4 = ({ fhirVersion }: Parameters): boolean => FHIR_VERSIONS.includes(fhirVersion);

/**
 * The media type to answer in: FHIR's own, or a generic one where the client accepts no other. `_format` overrides
 * Accept: http://hl7.org/fhir/R4/http.html#mime-type
 *
 * @throws AdapterError `not-acceptable` when the client takes no FHIR JSON of version 4.0.
 */
export function negotiatedType(accept: string | undefined, format: string | undefined): FhirJson {
  const type = format === undefined ? preferredType(accept ?? "") : typeOfFormat(format);
  if (type === undefined) {
    throw new AdapterError({ kind: "not-acceptable" }, "The client takes no FHIR JSON.");
  }
  return type;
}

function typeOfFormat(format: string): FhirJson | undefined {
  const { type, parameters } = mediaType(format);
  return FORMATS.includes(type) && isFhirVersion4(parameters) ? "application/fhir+json" : undefined;
}

/** RFC 9110, section 12.5.1: of the ranges that a type is in, the most specific one gives its weight; 0 refuses it. */
function preferredType(accept: string): FhirJson | undefined {
  const ranges = accept
    .split(",")
    .map(mediaType)
    .filter(({ type }) => type !== "");
  if (ranges.length === 0) {
    return FHIR_JSON[0];
  }
  const weighed = FHIR_JSON.map((type) => ({ type, weight: weightOf(type, ranges) })).filter(
    ({ weight }) => weight > 0,
  );
  return weighed.sort((a, b) => b.weight - a.weight)[0]?.type;
}

function weightOf(type: FhirJson, ranges: readonly MediaType[]): number {
  for (const range of [type, `${type.split("/")[0]}/*`, "*/*"]) {
    const weights = ranges.filter((given) => given.type === range && isFhirVersion4(given.parameters)).map(weight);
    if (weights.length > 0) {
      return Math.max(...weights);
    }
  }
  return 0;
}

/** A weight that is no number counts as none given. */
function weight({ parameters: { q } }: MediaType): number {
  const value = Number(q === undefined || q === "" ? 1 : q);
  return Number.isNaN(value) ? 1 : value;
}

const UTF_8: readonly string[] = ["utf-8", "utf8"];

/** API Gateway hands on a body that is compressed as text that cannot be read. */
const isPlain = (contentEncoding: string | undefined): boolean =>
  ["", "identity"].includes((contentEncoding ?? "").trim().toLowerCase());

/**
 * @param headers by lower-case name
 * @throws AdapterError `unsupported-media-type` when the body is something else than the given types, or compressed.
 */
export function requireContentType(
  headers: Readonly<Record<string, string | undefined>>,
  types: readonly string[] = FHIR_JSON,
): void {
  const { type, parameters } = mediaType(headers["content-type"] ?? "");
  const charset = parameters["charset"]?.toLowerCase() ?? "utf-8";
  const isReadable = UTF_8.includes(charset) && isPlain(headers["content-encoding"]);
  if (!types.includes(type) || !isReadable || !isFhirVersion4(parameters)) {
    throw new AdapterError({ kind: "unsupported-media-type" }, "The body is of another media type.");
  }
}

export function mediaType(text: string): MediaType {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const pairs = parameters.map((parameter) => {
    const [name = "", value = ""] = parameter.split("=");
    const lowerCase = name.trim().toLowerCase();
    return [lowerCase === "fhirversion" ? "fhirVersion" : lowerCase, value.trim().replace(/^"(.*)"$/, "$1")];
  });
  return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
}

const RETURNS = ["minimal", "representation", "OperationOutcome"] as const;

const HANDLINGS = ["strict", "lenient"] as const;

export type Handling = (typeof HANDLINGS)[number];

/** http://hl7.org/fhir/R4/http.html#prefer */
export type Preferences = {
  readonly return: (typeof RETURNS)[number];
  /** What becomes of parameters that are not understood: strict unless the request says otherwise. */
  readonly handling: Handling;
  /** How a Patient is judged: as `handling` says, and where the request says nothing, as the deployment does. */
  readonly validation: Handling;
};

/**
 * Of a preference that is given twice the first one counts, and those that are not known are ignored: RFC 7240, section 2.
 *
 * @param validation of the deployment
 */
export function preferencesOf(prefer: string | undefined, validation: Handling = "strict"): Preferences {
  const given = (prefer ?? "").split(/[,;]/).map((preference): [string, string] => {
    const [name = "", value = ""] = preference.trim().split("=");
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
  });
  const wanted = new Map(given.reverse());
  const shape = RETURNS.find((known) => known === wanted.get("return"));
  const handling = HANDLINGS.find((known) => known === wanted.get("handling"));
  return { return: shape ?? "representation", handling: handling ?? "strict", validation: handling ?? validation };
}
