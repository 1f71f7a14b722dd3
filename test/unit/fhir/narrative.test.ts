import { describe, expect, it } from "vitest";
import { narrativeFaults } from "../../../shared/fhir/narrative.ts";

const div = (content: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;

describe("a narrative", () => {
  it.each([
    div("Henrick"),
    div("<p>a</p>\n<br/><table border='1'><tbody><tr><td colspan=\"2\">1 &lt; 2</td></tr></tbody></table>"),
    div('<img src="cid:photo" alt=""/>'),
    div('<a href="https://example.org/a:b?c#d">a</a><a href="Patient/1">b</a><a name="n" href="#x">c</a>'),
    div("<!-- a > b & c --><h1>A</h1>"),
    div("&lt;&gt;&amp;&quot;&apos;&#160;&#xA0;"),
    ` <div xmlns='http://www.w3.org/1999/xhtml' xml:lang="en" style="color: red"><div>a</div></div>\n`,
  ])("may be %s", (html) => expect(narrativeFaults(html)).toEqual([]));

  it.each([
    [div("<script>a</script>"), "elements"],
    [div("<form>a</form>"), "elements"],
    [div("<SCRIPT>a</SCRIPT>"), "elements"],
    [div("<p onclick='a'>a</p>"), "event attributes"],
    [div("<p ONCLICK='a'>a</p>"), "event attributes"],
    [div("<p data-x='a'>a</p>"), "attributes that"],
    [div('<a href="javascript:x">a</a>'), "active link"],
    [div('<a href=" JavaScript:x">a</a>'), "active link"],
    [div('<a href="java&#115;cript:x">a</a>'), "active link"],
    [div('<a href="vbscript:x">a</a>'), "active link"],
    [div('<a href="data:text/html,a">a</a>'), "active link"],
    [div('<img src="data:image/svg+xml,a"/>'), "active link"],
    ["<div>a</div>", "xmlns"],
    ['<div xmlns="http://www.w3.org/2000/svg">a</div>', "xmlns"],
    [div(""), "content"],
    [div(" <p> </p>"), "content"],
    ["a", "well-formed"],
    [`${div("a")}${div("b")}`, "well-formed"],
    [`${div("a")}b`, "well-formed"],
    ['<p xmlns="http://www.w3.org/1999/xhtml">a</p>', "well-formed"],
    [div("<p>a"), "well-formed"],
    [div("<b><i>a</b></i>"), "well-formed"],
    [div("<br>"), "well-formed"],
    [div("a < b"), "well-formed"],
    [div("a & b"), "well-formed"],
    [div("a&nbsp;b"), "well-formed"],
    [div('<a href="?a=1&b=2">a</a>'), "well-formed"],
    [div("<p class=a>a</p>"), "well-formed"],
    [div("<![CDATA[a]]>"), "well-formed"],
    [div("<!-- a"), "well-formed"],
    ["</div>", "well-formed"],
  ])("may not be %s", (html, expected) => {
    const faults = narrativeFaults(html);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });

  it("says everything that is wrong once", () => {
    expect(narrativeFaults('<div><p onload="a"></p><p onload="b"></p><object></object></div>')).toHaveLength(4);
  });
  it("of a megabyte is read in linear time", () => {
    const started = performance.now();
    expect(narrativeFaults(div("<p a='b'".repeat(100_000)))).toHaveLength(1);
    expect(narrativeFaults(div("<p>a</p>".repeat(100_000)))).toEqual([]);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
