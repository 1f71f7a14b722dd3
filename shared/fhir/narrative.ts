/**
 * The rules txt-1 and txt-2 for the `div` of a narrative (http://hl7.org/fhir/R4/narrative.html#xhtml): well-formed XHTML
 * of the formatting elements and attributes of chapters 7-11 (not 9.4) and 15 of HTML 4.0 without the deprecated
 * elements; no scripts, forms, frames, objects and events; and some content.
 */
const elements = new Set(
  (
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 " +
    "h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"
  ).split(" "),
);

const attributes = new Set(
  (
    "abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset cite class color colspan " +
    "compact coords dir frame headers height href hreflang id lang longdesc name noshade nowrap rel rev rowspan rules " +
    "scope shape size span src start style summary tabindex target title type usemap valign value width xml:lang " +
    "xml:space xmlns"
  ).split(" "),
);

const linkAttributes = new Set(["href", "src", "cite", "longdesc", "usemap"]);
const harmlessScheme = /^(?:https?|mailto|tel|ftp|urn|cid|data:image\/(?:png|gif|jpeg|bmp|webp)[;,].*):?/i;

/** A comment, or a tag with its slash, name, attributes and closing slash. */
const markup =
  /<!--(?:(?!--)[\s\S])*-->|<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const comment = /<!--(?:(?!--)[\s\S])*-->/g;
/** XML knows five entities by name and no others: http://hl7.org/fhir/R4/narrative.html#xhtml */
const strayAmpersand = /&(?!(?:lt|gt|amp|quot|apos|#\d+|#x[\da-fA-F]+);)/;
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** A link that a browser might run: its scheme is not a known harmless one, or is written so that one cannot tell. */
function isActiveLink(link: string): boolean {
  const [start = ""] = /^[^/?#]*/.exec(link) ?? [];
  if (/[&\s]/.test(start)) return true;
  return start.includes(":") && !harmlessScheme.test(link);
}

function attributeFaults(source: string, faults: Set<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", double, single] of source.matchAll(attribute)) {
    const value = double ?? single ?? "";
    found.set(name, value);
    if (/^on/i.test(name)) faults.add("Remove the event attributes (onclick and the like) from the narrative.");
    else if (!attributes.has(name)) faults.add("Remove the attributes that a narrative may not have.");
    else if (linkAttributes.has(name) && isActiveLink(value)) faults.add("Remove the active link from the narrative.");
  }
  return found;
}

const notXhtml =
  "Write the narrative as well-formed XHTML in one div, each element closed, & as &amp; and < as &lt;, other characters as they are.";

/** @returns one sentence per rule that the `div` breaks, none if it is sound. */
export function narrativeFaults(div: string): string[] {
  if (strayAmpersand.test(div.includes("<!--") ? div.replace(comment, "") : div)) return [notXhtml];
  const faults = new Set<string>();
  const open: string[] = [];
  let started = false;
  let hasContent = false;
  let at = 0;
  while (at < div.length) {
    const next = div.indexOf("<", at);
    const hasText = /\S/.test(div.slice(at, next < 0 ? div.length : next));
    if (hasText && open.length === 0) return [notXhtml];
    hasContent ||= hasText;
    if (next < 0) break;
    markup.lastIndex = next;
    const match = markup.exec(div);
    if (!match) return [notXhtml];
    at = markup.lastIndex;
    const [, closes, name, attributeSource = "", closed] = match;
    if (name === undefined) continue;
    if (closes) {
      if (open.pop() !== name) return [notXhtml];
      continue;
    }
    const found = attributeSource === "" ? undefined : attributeFaults(attributeSource, faults);
    if (open.length === 0) {
      if (started || name !== "div") return [notXhtml];
      started = true;
      if (found?.get("xmlns") !== "http://www.w3.org/1999/xhtml") {
        faults.add('Give the outer div of the narrative xmlns="http://www.w3.org/1999/xhtml".');
      }
    }
    if (!elements.has(name))
      faults.add("Remove the elements that a narrative may not have: only formatting is allowed.");
    hasContent ||= name === "img";
    if (!closed) open.push(name);
  }
  if (open.length > 0 || !started) return [notXhtml];
  if (!hasContent) faults.add("Put some content into the narrative, or leave the text out.");
  return [...faults];
}
