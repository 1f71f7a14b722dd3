import { AdapterError } from "../failure/failure.ts";

type Parameters = Readonly<Record<string, string>>;
type MediaType = { readonly type: string; readonly parameters: Parameters };

const FHIR_JSON = ["application/fhir+json", "application/json", "text/json"];
/** What `_format` may say; a `+` arrives as a blank where a client did not encode it. */
const FORMATS = [...FHIR_JSON, "application/fhir json", "json"];
const RANGES = [...FHIR_JSON, "application/*", "*/*"];

const isFhirVersion4 = ({ fhirVersion }: Parameters): boolean => fhirVersion === undefined || fhirVersion === "4.0";

/**
 * http://hl7.org/fhir/R4/http.html#mime-type: `_format` overrides Accept.
 *
 * @throws AdapterError `not-acceptable` when the client takes no FHIR JSON of version 4.0.
 */
export function requireAcceptable(accept: string | undefined, format: string | undefined): void {
  const isAcceptable =
    format === undefined
      ? accept === undefined || accept.split(",").map(mediaType).some(takesFhirJson)
      : FORMATS.includes(mediaType(format).type) && isFhirVersion4(mediaType(format).parameters);
  if (!isAcceptable) {
    throw new AdapterError({ kind: "not-acceptable" }, "The client takes no FHIR JSON.");
  }
}

const takesFhirJson = ({ type, parameters }: MediaType): boolean =>
  RANGES.includes(type) && isFhirVersion4(parameters) && Number(parameters["q"] ?? 1) > 0;

/** @throws AdapterError `unsupported-media-type` when the body is something else than the given types. */
export function requireContentType(contentType: string | undefined, types: readonly string[] = FHIR_JSON): void {
  const { type, parameters } = mediaType(contentType ?? "");
  const charset = parameters["charset"]?.toLowerCase() ?? "utf-8";
  if (!types.includes(type) || charset !== "utf-8" || !isFhirVersion4(parameters)) {
    throw new AdapterError({ kind: "unsupported-media-type" }, "The body is of another media type.");
  }
}

function mediaType(text: string): MediaType {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const pairs = parameters.map((parameter) => {
    const [name = "", value = ""] = parameter.split("=");
    return [name.trim() === "fhirversion" ? "fhirVersion" : name.trim(), value.trim().replace(/^"(.*)"$/, "$1")];
  });
  return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
}

const RETURNS = ["minimal", "representation", "OperationOutcome"] as const;

/** http://hl7.org/fhir/R4/http.html#prefer */
export type Preferences = {
  readonly return: (typeof RETURNS)[number];
  readonly handling: "strict" | "lenient";
};

/** Preferences that this server does not know are ignored, as RFC 7240 asks. */
export function preferencesOf(prefer: string | undefined): Preferences {
  const wanted = new Map(
    (prefer ?? "").split(/[,;]/).map((preference) => {
      const [name = "", value = ""] = preference.trim().split("=");
      return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
    }),
  );
  const shape = RETURNS.find((known) => known === wanted.get("return"));
  return { return: shape ?? "representation", handling: wanted.get("handling") === "lenient" ? "lenient" : "strict" };
}
