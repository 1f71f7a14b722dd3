const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** An https URL, or one of plain http on a loopback address. */
export function isSecureUrl(text: string): boolean {
  // Not URL.parse, which Node.js 20 lacks, on which an app may synthesise.
  if (!URL.canParse(text)) {
    return false;
  }
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.test(hostname));
}
