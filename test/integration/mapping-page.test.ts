import { once } from "node:events";
import { get } from "node:http";
import { networkInterfaces } from "node:os";
import type { Patient } from "fhir/r4";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXAMPLE_PATIENTS } from "../../local/example-patients.ts";
import { type MappingPage, startMappingPage } from "../../local/page/mapping-page.ts";
import type { PageRefusal, PageView } from "../../local/page/page-view.ts";
import { DEMOGRAPHIC_RULES } from "../../shared/mapping/demographic-rules.ts";
import type { DemographicField } from "../../shared/mapping/demographics.ts";
import { patientToParticle } from "../../shared/mapping/patient-to-particle.ts";
import { unusedLeaves } from "../../shared/mapping/unused-leaves.ts";
import { contrast, renderedTexts } from "../support/colour-contrast.ts";
import { chromiumPath, startBrowser } from "../support/headless-browser.ts";
import { henrickWithSsn } from "../support/registration-harness.ts";

const [YEARS, OWN, TIES, NOT_FOR_PARTICLE, NOT_VALID] = EXAMPLE_PATIENTS.map(({ patient }) => patient as Patient);
const today = () => new Date().toISOString().slice(0, 10);

let server: MappingPage;
beforeAll(async () => {
  server = await startMappingPage(0);
});
afterAll(() => server?.close());

describe("the server of the mapping page", () => {
  const post = (body: string, headers: Record<string, string> = {}, query = "") =>
    fetch(`${server.url}/map${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/fhir+json", ...headers },
      body,
    });
  const viewOf = async (patient: unknown, headers: Record<string, string> = {}, query = "") =>
    (await (await post(JSON.stringify(patient), headers, query)).json()) as PageView;

  it.each([
    ["years of records", YEARS, "mapped"],
    ["the vendor's example", OWN, "mapped"],
    ["ties", TIES, "mapped"],
    ["what Particle cannot hold", NOT_FOR_PARTICLE, "refused"],
    ["what is not valid", NOT_VALID, "invalid"],
  ] as const)("tells of %s", async (_, patient, outcome) => {
    const { counts, ...view } = await viewOf(patient);
    expect(view.outcome).toBe(outcome);
    expect(counts.sent + counts["held-back"] + counts.dropped + counts.faulty + counts["not-mapped"]).toBe(
      counts.leaves,
    );
    expect(counts.sent > 0).toBe(outcome === "mapped");
    expect(counts.errors > 0).toBe(outcome !== "mapped");
    expect(view.fields.some(({ values }) => values.length > 0)).toBe(outcome === "mapped");
  });

  it("marks each leaf as the mapping reports it", async () => {
    const view = await viewOf(YEARS);
    const result = patientToParticle(YEARS!, { today: today() });
    const marked = (kind: string) =>
      view.rows.filter((row) => row.kind === "value" && row.mark?.kind === kind).map(({ expression }) => expression);
    expect(marked("dropped").sort()).toEqual(
      unusedLeaves(YEARS!, result)
        .map(({ expression }) => expression)
        .sort(),
    );
    expect(marked("sent").sort()).toEqual(result.report.fields.flatMap(({ sources }) => sources).sort());
  });

  it("never answers a Social Security number", async () => {
    for (const patient of [henrickWithSsn(), YEARS]) {
      const answer = await (await post(JSON.stringify(patient))).text();
      expect(answer).toContain("***-**-****");
      expect(answer).not.toMatch(/123-45-6789|\b123456789\b|999-12-3456/);
    }
  });

  it("maps on another day, and leniently, where it is asked to", async () => {
    const unborn = await viewOf(OWN, {}, "?today=1950-01-01");
    expect(unborn.faults).toMatchObject([{ expression: "Patient.birthDate" }]);
    const odd = { ...OWN, maritalStatus: "married" };
    expect((await viewOf(odd)).outcome).toBe("invalid");
    const lenient = await viewOf(odd, { Prefer: "handling=lenient" });
    expect([lenient.outcome, lenient.counts.warnings]).toEqual(["mapped", 1]);
  });

  it.each(["soon", "2026", "2026-11", "2026-02-30", "9999-99-99", "0000-01-01", "2026-11-22T00:00:00Z"])(
    "takes %s for no day",
    async (day) => {
      expect((await post(JSON.stringify(OWN), {}, `?today=${day}`)).status).toBe(400);
    },
  );

  it.each([
    ["no JSON", '{"a" 1}', {}, 400],
    ["a property twice", '{"a": 1, "a": 2}', {}, 400],
    ["a form that another site can post", "{}", { "Content-Type": "text/plain" }, 415],
    ["too much", JSON.stringify({ text: "x".repeat(1_000_001) }), {}, 413],
    ["far too much", "x".repeat(9_000_000), {}, 413],
  ])("refuses %s", async (_, body, headers, status) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    const { faults } = (await answer.json()) as PageRefusal;
    expect(faults).toEqual([expect.stringMatching(/\w+/)]);
  });

  it("leaves most of a large Patient out, but nothing that is sent or faulty", async () => {
    const extension = Array.from({ length: 900 }, () => ({
      url: "urn:x",
      extension: Array.from({ length: 20 }, () => ({ url: "urn:y", valueInteger: 1 })),
    }));
    const { outcome, rows, counts, fields } = await viewOf({ resourceType: "Patient", extension, ...OWN });
    expect([outcome, counts.leaves]).toEqual(["mapped", 900 * 41 + 20]);
    expect(rows.length).toBeLessThan(2100);
    const shown = new Set(rows.map(({ expression }) => expression));
    expect(fields.flatMap(({ sources }) => sources).filter((source) => !shown.has(source))).toEqual([]);
    expect(rows.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^[\d,]+ more leaves/));
  });

  it("is for this machine and for its own page only", async () => {
    const request = get(`${server.url}/setup`, { headers: { Host: "rebound.example" } });
    const [{ statusCode }] = (await once(request, "response")) as [{ statusCode: number }];
    expect(statusCode).toBe(421);
    const policy = (await fetch(server.url)).headers.get("content-security-policy");
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const addresses = Object.values(networkInterfaces()).flatMap((of) => of ?? []);
    const outside = addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    if (outside !== undefined) {
      await expect(fetch(`http://${outside}:${server.port}/`)).rejects.toThrow();
    }
  });

  it.each([
    ["GET", "/../package.json", 404],
    ["GET", "/map", 404],
    ["POST", "/", 405],
  ])("answers %s %s with %i", async (method, path, status) => {
    expect((await fetch(server.url + path, { method })).status).toBe(status);
  });
});

const skipped = chromiumPath === undefined ? ", skipped: no Chromium here, name one in CHROMIUM_PATH" : "";

describe.skipIf(chromiumPath === undefined)(`the mapping page in a browser${skipped}`, () => {
  let browser: Browser;
  let page: Page;
  const requested: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    // Scrolling that takes its time would take that of the tests, too.
    page = await browser.newPage({ viewport: { width: 1360, height: 900 }, reducedMotion: "reduce" });
    page.setDefaultTimeout(10_000);
    page.on("request", (request) => requested.push(request.url()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => complaints.push(message.text()));
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    await page.goto(server.url);
    await row("Patient").waitFor();
  });
  afterEach(() => {
    expect(requested.filter((url) => !url.startsWith(`${server.url}/`))).toEqual([]);
    // Chromium itself says that an answer was 400.
    expect(complaints.filter((complaint) => !complaint.startsWith("Failed to load resource"))).toEqual([]);
  });

  const row = (expression: string): Locator => page.locator(`[role=treeitem][data-expression="${expression}"]`).first();
  const field = (name: DemographicField): Locator =>
    page.locator(`.field[data-field="${DEMOGRAPHIC_RULES.findIndex((rule) => rule.field === name)}"]`);
  const choose = async (title: RegExp) => {
    const option = EXAMPLE_PATIENTS.find((example) => title.test(example.title));
    const before = await status();
    await page.getByRole("combobox", { name: "Example" }).selectOption({ label: option!.title });
    await expect.poll(status).not.toBe(before);
  };
  const paste = async (text: string) => {
    await page.getByRole("button", { name: "Paste or edit JSON" }).click();
    await page.getByLabel("JSON of a Patient").fill(text);
    await page.keyboard.press("Control+Enter");
  };
  const status = () => page.getByRole("status").innerText();
  const focusedName = () =>
    page.evaluate(() => {
      const { activeElement: made, body } = document;
      return made === null || made === body ? "" : (made.getAttribute("aria-label") ?? made.textContent);
    });

  it("shows what Particle gets, each field joined to the element that fed it", async () => {
    const result = patientToParticle(YEARS!, { today: today() });
    const values = Object.values(result.demographics ?? {}).flat();
    const shown = await page.locator(".sent-value").allInnerTexts();
    expect(shown.map((text) => JSON.parse(text)).sort()).toEqual(
      values.map((value) => (value === "123-45-6789" ? "***-**-****" : value)).sort(),
    );

    await field("telephone").hover();
    await expect.poll(() => page.locator("path.lit").count()).toBe(1);
    const [line, from, to] = await Promise.all(
      [
        page.locator("path.lit"),
        row("Patient.telecom[1].value").locator(".mark"),
        field("telephone").locator(".badge"),
      ].map((part) => part.boundingBox()),
    );
    const middle = (box: typeof from) => box!.y + box!.height / 2;
    const ends = [middle(from), middle(to)].sort((one, other) => one - other);
    const gaps = [
      line!.x - (from!.x + from!.width),
      line!.x + line!.width - to!.x,
      line!.y - ends[0]!,
      line!.y + line!.height - ends[1]!,
    ];
    // A line ends just before what it joins, and its box includes its breadth.
    expect(gaps.filter((gap) => Math.abs(gap) > 8)).toEqual([]);
    expect(await row("Patient.telecom[1].value").getAttribute("class")).toContain("lit");
    expect(await field("telephone").innerText()).toMatch(/extension set aside: .*country code removed: /s);
  });

  it("says of what is dropped why, to the eye and to a screen reader", async () => {
    expect(await status()).toMatch(/Can be sent\s+78 leaves\s+●\s+12 sent\s+○\s+66 dropped/);
    expect(await row("Patient.name[0].family").innerText()).toMatch(/"Formerly"\s+old\s+○/);
    await page
      .getByRole("treeitem", { name: 'family "Formerly". dropped, old: The use of the entry is old or maiden' })
      .hover();
    await expect
      .poll(() => page.locator("#explanation").innerText())
      .toMatch(/^Patient\.name\[0\]\.family The use of the entry is old or maiden/);
    expect(await row("Patient.name[1].family").innerText()).toMatch(/"Testingson "\s+family_name\s+2/);
    const rival = page.locator(".rival", { hasText: "Patient.telecom[2]" });
    expect(await rival.innerText()).toContain("higher rank: The one used has a lower rank.");
  });

  it("marks faults where they are, also of what is not there", async () => {
    await choose(/cannot hold/);
    await expect.poll(status).toMatch(/Refused.*2 held back.*4 faults.*1 warning/s);
    expect(await row("Patient.gender").innerText()).toMatch(/faulty\s+✕\s+✕ This gender is neither male nor female/);
    await page.getByRole("button", { name: "Patient.name[0].given", exact: true }).click();
    expect(await focusedName()).toContain("error: Patient.name[0].given Particle requires the first name");
    expect(await page.locator(".sent-value").count()).toBe(0);

    await choose(/Not valid FHIR/);
    await expect.poll(status).toMatch(/Not valid.*10 faults/s);
    expect(await row("Patient.children()[1]").innerText()).toMatch(
      /nmae.*Property 2 of the object is no element of Patient/s,
    );
    expect(await row("Patient.address[0].city").innerText()).toContain("not mapped");
  });

  it("says where a text stops being JSON, and puts the cursor there", async () => {
    await paste('{\n  "resourceType": "Patient",\n  "gender" "male"\n}');
    const alert = page.getByRole("alert");
    await expect.poll(() => alert.innerText()).toContain("a colon is expected (line 3, column 12)");
    const selected = await page
      .getByLabel("JSON of a Patient")
      .evaluate((made: HTMLTextAreaElement) => made.selectionStart);
    expect(selected).toBe('{\n  "resourceType": "Patient",\n  "gender" '.length);
  });

  it("needs no pointer", async () => {
    const press = async (...keys: string[]) => {
      for (const key of keys) {
        await page.keyboard.press(key);
      }
    };
    for (let at = 0; at < 20 && !/^Patient\b/.test(await focusedName()); at += 1) {
      await press("Tab");
    }
    expect(await focusedName()).toMatch(/^Patient\b/);
    while (!(await focusedName()).startsWith("name")) {
      await press("ArrowDown");
    }
    await press("ArrowLeft");
    expect(await row("Patient.name").getAttribute("aria-expanded")).toBe("false");
    expect(await row("Patient.name[1].family").isVisible()).toBe(false);
    // A line may begin at the closed row that hides its source.
    await expect.poll(() => page.locator('path[data-field="1"]').count()).toBe(1);
    await press("ArrowRight", "ArrowRight");
    expect(await focusedName()).toMatch(/^\[0\]. dropped, old/);
    await press("End", "Home");
    expect(await focusedName()).toMatch(/^Patient\b/);
    while (!(await focusedName()).startsWith('family "Testingson ')) {
      await press("ArrowDown");
    }
    expect(await focusedName()).toContain("sent, 2: Sent to Particle as family_name.");
    await expect.poll(() => page.locator('path.lit[data-field="1"]').count()).toBe(1);
    await press("Enter");
    expect(await focusedName()).toBe("2 family_name from Patient.name[1].family");
    await press("Escape");
    expect(await focusedName()).toMatch(/^family "Testingson /);
    await press("Enter", "ArrowDown", "Enter");
    expect(await focusedName()).toMatch(/^\[0\]. dropped, old/);

    await page.getByRole("button", { name: "Paste or edit JSON" }).focus();
    await press("Enter");
    expect(await page.locator(":focus").getAttribute("id")).toBe("text");
    await press("Escape");
    expect(await focusedName()).toBe("Paste or edit JSON");
    await press("Enter");
    await page.keyboard.insertText(JSON.stringify(OWN));
    await press("Control+Enter");
    await expect.poll(() => focusedName()).toMatch(/^Patient\b/);
    expect(await status()).toContain("11 sent");
  });

  it("takes what is pasted anywhere", async () => {
    await page.getByRole("button", { name: "Paste or edit JSON" }).click();
    await page.getByLabel("JSON of a Patient").fill(JSON.stringify({ resourceType: "Patient", active: true }));
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Control+C");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+V");
    await expect.poll(status).toMatch(/Refused\s+1 leaf\b/);
    expect(
      await page
        .getByRole("combobox", { name: "Example" })
        .evaluate((made: HTMLSelectElement) => made.selectedOptions[0]?.text),
    ).toBe("Your own");
  });

  it("maps anew for another day, and leniently", async () => {
    await page.getByLabel("Today", { exact: true }).fill("1950-01-01");
    await expect.poll(status).toContain("Refused");
    await page.getByLabel("Today", { exact: true }).fill(today());
    await expect.poll(status).toContain("Can be sent");
    await paste(JSON.stringify({ ...OWN, maritalStatus: "married" }));
    await expect.poll(status).toContain("Not valid");
    await page.getByLabel("Tolerate faults").check();
    await expect.poll(status).toMatch(/Can be sent.*1 warning/s);
  });

  it("reads nothing of a Patient as HTML", async () => {
    const evil = `<img src=x onerror="window.hacked=1"><b>`;
    const name = [{ use: "official", family: evil, given: [evil] }];
    await paste(JSON.stringify({ ...OWN, name, [evil]: evil, id: evil }));
    await expect.poll(status).toContain("Not valid");
    expect(await page.getByRole("tree").innerText()).toContain("window.hacked=1");
    await paste(JSON.stringify({ ...OWN, name }));
    await expect.poll(status).toContain("Can be sent");
    expect(JSON.parse(await field("family_name").locator(".sent-value").innerText())).toBe(evil);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.locator("html").evaluate((made) => "hacked" in (made.ownerDocument.defaultView ?? {}))).toBe(
      false,
    );
  });

  it("shows a Patient of nearly 1 MB without delay", async () => {
    const extension = Array.from({ length: 990 }, (_, index) => ({
      url: "urn:x",
      extension: Array.from({ length: 25 }, () => ({ url: "urn:y", valueInteger: index })),
    }));
    const text = JSON.stringify({ ...OWN, extension });
    expect(text.length).toBeGreaterThan(800_000);
    const begun = performance.now();
    await paste(text);
    await expect.poll(status).toMatch(/50,5\d\d leaves.*11 sent/s);
    await row("Patient.name[0].family").focus();
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
    it("has enough contrast everywhere, and no motion that nobody wants", async () => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const faint: unknown[] = [];
      const measure = async () => {
        const texts = await renderedTexts(page.locator("html"));
        expect(texts.length).toBeGreaterThan(50);
        faint.push(...texts.filter(({ colour, backgrounds }) => contrast(colour, backgrounds) < 4.5));
      };
      await row("Patient.name[1].family").focus();
      await measure();
      for (const title of [/Ties/, /cannot hold/, /Not valid FHIR/]) {
        await choose(title);
        await row("Patient.gender").focus();
        await measure();
      }
      await choose(/own example/);
      await expect.poll(status).toContain("11 sent");
      const moving = await page
        .locator("path, .scroll")
        .evaluateAll((all) =>
          all
            .map((made) => getComputedStyle(made))
            .filter((style) => style.transitionDuration !== "0s" || style.scrollBehavior !== "auto"),
        );
      expect(moving).toEqual([]);
      expect(faint).toEqual([]);
      const [background] = await page
        .locator("body")
        .evaluateAll((all) => all.map((made) => String(getComputedStyle(made).backgroundColor)));
      expect(contrast("rgb(0, 0, 0)", [background!]) > 10).toBe(colorScheme === "light");
    });
  });

  it("stacks its panes where there is no room, and nothing is cut off", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await expect.poll(() => page.locator("#joins").isVisible()).toBe(false);
    const [source, target] = await Promise.all([
      page.getByRole("region", { name: "FHIR Patient" }).boundingBox(),
      page.getByRole("region", { name: "Demographics" }).boundingBox(),
    ]);
    expect(target!.y).toBeGreaterThanOrEqual(source!.y + source!.height);
    const width = await page.locator("html").evaluate((made) => made.scrollWidth);
    expect(width).toBe(360);
    expect(await row("Patient.name[1].family").innerText()).toContain("2");
  });
});
