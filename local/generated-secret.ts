import { randomInt } from "node:crypto";
import type { SecretDefinition } from "./template/deployment.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html */
const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/**
 * What CloudFormation would put into a new secret: the value in the template, else a generated one (under its key in the
 * given JSON object where the template says so), else an empty text.
 */
export function initialSecretValue({ secretString, generate }: SecretDefinition): string {
  if (secretString !== undefined || generate === undefined) {
    return secretString ?? "";
  }
  const alphabet = [
    generate.ExcludeLowercase ? "" : LOWER,
    generate.ExcludeUppercase ? "" : LOWER.toUpperCase(),
    generate.ExcludeNumbers ? "" : DIGITS,
    generate.ExcludePunctuation ? "" : PUNCTUATION,
    generate.IncludeSpace ? " " : "",
  ]
    .join("")
    .split("")
    .filter((character) => !generate.ExcludeCharacters.includes(character));
  const password = Array.from({ length: generate.PasswordLength }, () => alphabet[randomInt(alphabet.length)]).join("");
  const { SecretStringTemplate: template, GenerateStringKey: key } = generate;
  return template === undefined || key === undefined
    ? password
    : JSON.stringify({ ...JSON.parse(template), [key]: password });
}
