import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { clientOf, goodCredentials, henrick, readJson, required, start } from "../support/particle-simulator-client.ts";

describe("GET /auth", () => {
  it("answers a bare JWT that expires after an hour", async () => {
    const { simulator } = await start();
    const response = await fetch(`${simulator.url}/auth`, {
      headers: { ...goodCredentials, scope: "projects/synthetic" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain");
    const claims = decodeJwt(await response.text());
    expect(claims["scope"]).toBe("projects/synthetic");
    expect(claims.exp! - claims.iat!).toBe(3600);
  });

  it.each([
    ["another id", { "client-id": "other", "client-secret": "local-secret" }],
    ["another secret", { "client-id": "local-client", "client-secret": "other" }],
    ["nothing", {}],
  ])("refuses %s with 401", async (_case, headers) => {
    const { simulator } = await start();
    expect((await fetch(`${simulator.url}/auth`, { headers: new Headers(Object.entries(headers)) })).status).toBe(401);
  });

  it("asks for the scope only when switched so", async () => {
    const { simulator } = await start({ switches: { scopeRequired: true } });
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${simulator.url}/auth`, { headers: { ...goodCredentials, ...headers } })).status;
    expect(await status({})).toBe(400);
    expect(await status({ scope: "projects/synthetic" })).toBe(200);
  });

  it("takes changed credentials from the moment they change", async () => {
    const { simulator } = await start();
    simulator.configure({ clientSecret: "rotated" });
    const status = async (secret: string) =>
      (await fetch(`${simulator.url}/auth`, { headers: { ...goodCredentials, "client-secret": secret } })).status;
    expect(await status("local-secret")).toBe(401);
    expect(await status("rotated")).toBe(200);
  });
});

describe("the Authorization header", () => {
  const statusWith = (url: string, authorization?: string) =>
    fetch(`${url}/api/v1/patients`, { headers: authorization === undefined ? {} : { authorization } }).then(
      (response) => response.status,
    );

  it("holds the token with or without Bearer", async () => {
    const { simulator, token } = await start();
    expect(await statusWith(simulator.url, `Bearer ${token}`)).toBe(200);
    expect(await statusWith(simulator.url, token)).toBe(200);
    expect(await statusWith(simulator.url, `JWT ${token}`)).toBe(401);
    expect(await statusWith(simulator.url)).toBe(401);
  });

  it.each([
    ["bearer", 200, 401],
    ["raw", 401, 200],
  ] as const)("holds it as %s alone when switched so", async (form, bearer, raw) => {
    const { simulator, token } = await start({ switches: { authorizationForms: [form] } });
    expect(await statusWith(simulator.url, `Bearer ${token}`)).toBe(bearer);
    expect(await statusWith(simulator.url, token)).toBe(raw);
  });

  it("is refused with a token of another server, an expired one, and one from before expireTokens", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const other = await start({ clock: () => now });
    const { simulator, token } = await start({ clock: () => now, switches: { tokenTtlSeconds: 60 } });
    expect(await statusWith(simulator.url, other.token)).toBe(401);
    now += 59_000;
    expect(await statusWith(simulator.url, token)).toBe(200);
    now += 2_000;
    expect(await statusWith(simulator.url, token)).toBe(401);

    const fresh = await clientOf(simulator);
    expect(await statusWith(simulator.url, fresh.token)).toBe(200);
    simulator.configure({ expireTokens: true });
    expect(await statusWith(simulator.url, fresh.token)).toBe(401);
    expect(await statusWith(simulator.url, (await clientOf(simulator)).token)).toBe(200);
  });

  it("is checked before anything is said about the patient", async () => {
    const { simulator, post } = await start();
    await post(henrick);
    expect((await fetch(`${simulator.url}/api/v1/patients/examplepatientid1`)).status).toBe(401);
    expect((await fetch(`${simulator.url}/api/v1/patients/nobody`)).status).toBe(401);
    expect((await fetch(`${simulator.url}/api/v1/patients`, { method: "POST", body: "{" })).status).toBe(401);
  });
});

describe("POST of a patient", () => {
  it.each(["v1", "v2"])("under %s answers the record in the vendor's formats", async (version) => {
    const { call } = await start();
    const response = await call("POST", `/api/${version}/patients`, {
      ...henrick,
      gender: "Male",
      postal_code: "12345-6789",
      telephone: "1-234-567-8910",
      purpose_of_use: "TREATMENT",
    });
    expect(response.status).toBe(200);
    expect(await readJson(response)).toEqual({
      ...henrick,
      telephone: "(234) 567-8910",
      particle_patient_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
      consent: null,
    });
  });

  it("accepts JSON whatever media type it is said to be", async () => {
    const { post, token } = await start();
    const headers = { authorization: token, "content-type": "application/x-www-form-urlencoded" };
    expect((await post(henrick, { headers })).status).toBe(200);
  });

  it("keeps consents", async () => {
    const { post } = await start();
    const consent = [{ consent_date: "2026-01-01", partner: "healthix", permission: "permit" }];
    expect(await readJson(await post({ ...henrick, consent }))).toMatchObject({ consent });
  });

  it.each(Object.keys(required))("without %s is refused, and names it", async (field) => {
    const { post, simulator } = await start();
    for (const missing of [undefined, null, "", "  "]) {
      const response = await post({ ...henrick, [field]: missing });
      expect(response.status).toBe(400);
      expect(await readJson(response)).toEqual({
        message: `Invalid request: ${field} is required`,
        errors: [{ field, message: "is required" }],
      });
    }
    expect(simulator.patients()).toEqual([]);
  });

  it.each([
    ["date_of_birth", "1957-3-23"],
    ["date_of_birth", "1957-02-30"],
    ["gender", "OTHER"],
    ["gender", "M"],
    ["postal_code", "1234"],
    ["postal_code", "123456789"],
    ["address_state", "Massachusetts"],
    ["address_state", "XX"],
    ["address_lines", "123 Mulberry Court"],
    ["ssn", "000-45-6789"],
    ["ssn", "123456789"],
    ["email", "henrick"],
    ["telephone", "456-7890"],
    ["given_name", 7],
    ["patient_id", "x".repeat(201)],
    ["consent", "permit"],
  ])("with %s = %j is refused, and names it", async (field, value) => {
    const { post, simulator } = await start();
    const response = await post({ ...henrick, [field]: value });
    expect(response.status).toBe(400);
    const { errors } = await readJson(response);
    expect((errors as { field: string }[]).map((error) => error.field)).toEqual([field]);
    expect(simulator.patients()).toEqual([]);
  });

  it.each(["123-456-7890", "(123) 456-7890", "1-123-456-7890", "+1 123 456 7890", "1234567890"])(
    "echoes the telephone %s in one form, or as sent",
    async (telephone) => {
      const { post, simulator } = await start();
      expect(await readJson(await post({ ...henrick, telephone }))).toMatchObject({ telephone: "(123) 456-7890" });
      simulator.configure({ echoTelephoneNormalised: false });
      expect(await readJson(await post({ ...henrick, telephone }))).toMatchObject({ telephone });
    },
  );

  it("names all faults at once", async () => {
    const { post } = await start();
    const response = await post({ ...henrick, gender: "X", postal_code: "1", given_name: undefined });
    const { message } = await readJson(response);
    expect(message).toMatch(/given_name .*gender .*postal_code /);
  });

  it.each(["", "{", "[]", '"text"', "null"])("with the body %j is refused", async (body) => {
    const { post } = await start();
    expect((await post(body)).status).toBe(400);
  });

  it("over a megabyte is refused with 413", async () => {
    const { post } = await start();
    expect((await post({ ...henrick, padding: "x".repeat(1_000_001) })).status).toBe(413);
  });

  it("replaces the whole record and keeps the particle_patient_id", async () => {
    const { post, get, simulator } = await start();
    const first = await readJson(await post(henrick));
    const second = await readJson(await post({ ...required, address_city: "Boston" }));
    expect(second).toMatchObject({ address_city: "Boston", ssn: "", email: "", telephone: "", address_lines: [] });
    expect(second["particle_patient_id"]).toBe(first["particle_patient_id"]);
    expect(await readJson(await get(henrick.patient_id))).toEqual(second);
    expect(simulator.patients()).toHaveLength(1);
  });

  it.each([
    ["empty", { ssn: "", email: "", telephone: "", address_lines: [] }],
    ["null", { ssn: null, email: null, telephone: null, address_lines: null }],
    ["omitted", {}],
  ] as const)("echoes absent fields as %s", async (absentOptionals, echoed) => {
    const { post } = await start({ switches: { absentOptionals } });
    const answer = await readJson(await post({ ...required, ssn: null, email: "" }));
    expect(answer).toEqual({ ...required, ...echoed, particle_patient_id: expect.any(String), consent: null });
  });

  it("echoes what the oldest documentation shows when switched so", async () => {
    const { post, get } = await start({
      switches: { echoParticlePatientId: false, echoConsent: false, echoTelephoneNormalised: false },
    });
    expect(await readJson(await post(henrick))).toEqual(henrick);
    expect(await readJson(await get(henrick.patient_id))).toEqual(henrick);
  });

  it("answers errors as text, and faults of the body with 422, when switched so", async () => {
    const { post } = await start({ switches: { errorBody: "text", validationStatus: 422 } });
    const response = await post({ ...henrick, gender: undefined });
    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("text/plain");
    expect(await response.text()).toBe("Invalid request: gender is required");
  });
});

describe("an overlay", () => {
  const someoneElse = { ...henrick, given_name: "Anders", date_of_birth: "1990-01-01" };

  it.each([400, 409, 422] as const)("is refused with the documented text and status %i", async (overlayStatus) => {
    const { post, get } = await start({ switches: { overlayStatus } });
    const before = await readJson(await post(henrick));
    const response = await post(someoneElse);
    expect(response.status).toBe(overlayStatus);
    expect(await readJson(response)).toEqual({
      message: "Overlay detected. Please verify the patient_id and demographics",
    });
    expect(await readJson(await get(henrick.patient_id))).toEqual(before);
  });

  it("is no matter of letter case, of contact data, or of a value that appears or goes away", async () => {
    const { post } = await start();
    await post({ ...henrick, ssn: undefined });
    const same = {
      ...henrick,
      given_name: "HENRICK",
      family_name: "testingson",
      gender: "male",
      email: "a@example.com",
    };
    expect((await post({ ...same, ssn: "234-56-7890" })).status).toBe(200);
    expect((await post({ ...same, given_name: "Henry", ssn: undefined })).status).toBe(200);
  });

  it.each([
    [0, 5, 200],
    [1, 1, 400],
    [2, 1, 200],
    [2, 2, 400],
    [5, 4, 200],
    [5, 5, 400],
  ])("with threshold %i and %i changed fields is answered %i", async (overlayThreshold, count, status) => {
    const { post } = await start({ switches: { overlayThreshold } });
    await post(henrick);
    const other = {
      given_name: "Anders",
      family_name: "Samplesen",
      date_of_birth: "1990-01-01",
      gender: "FEMALE",
      ssn: "234-56-7890",
    };
    const changed = Object.fromEntries(Object.entries(other).slice(0, count));
    expect((await post({ ...henrick, ...changed })).status).toBe(status);
  });

  it("is over after DELETE, which the documentation recommends", async () => {
    const { post, remove } = await start();
    await post(henrick);
    await remove(henrick.patient_id);
    expect((await post(someoneElse)).status).toBe(200);
  });
});

describe("GET and DELETE of a patient", () => {
  it("answer 404 for one who is not there", async () => {
    const { get, remove } = await start();
    expect((await get("nobody")).status).toBe(404);
    expect((await remove("nobody")).status).toBe(404);
  });

  it("decode the id of the path", async () => {
    const { post, get, remove } = await start();
    for (const patient_id of ["a/b", "é ü?#", "100%", "__proto__", "..;"]) {
      await post({ ...henrick, patient_id });
      expect(await readJson(await get(patient_id))).toMatchObject({ patient_id });
      expect((await remove(patient_id)).status).toBe(200);
      expect((await get(patient_id)).status).toBe(404);
    }
  });

  it("refuse an id that is not percent-encoded UTF-8", async () => {
    const { call } = await start();
    expect((await call("GET", "/api/v1/patients/%E0%A4%A")).status).toBe(400);
  });

  it.each([
    ["string", "application/json", '"delete successful"'],
    ["text", "text/plain", "delete successful"],
    ["object", "application/json", '{"message":"delete successful"}'],
  ] as const)("say that it is deleted as %s", async (deleteBody, contentType, body) => {
    const { post, remove } = await start({ switches: { deleteBody } });
    await post(henrick);
    const response = await remove(henrick.patient_id);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(contentType);
    expect(await response.text()).toBe(body);
  });

  it("make deletion final: the same patient_id gets a new particle_patient_id", async () => {
    const { post, remove, list } = await start();
    const first = await readJson(await post(henrick));
    await remove(henrick.patient_id);
    expect(await list()).toEqual({ patients: [] });
    const second = await readJson(await post(henrick));
    expect(second["particle_patient_id"]).not.toBe(first["particle_patient_id"]);
  });

  it("do not find a patient for a while after a write when switched so", async () => {
    let now = 1_000;
    const { post, get } = await start({ clock: () => now, switches: { notFoundAfterWriteMs: 500 } });
    await post(henrick);
    expect((await get(henrick.patient_id)).status).toBe(404);
    now += 500;
    expect((await get(henrick.patient_id)).status).toBe(200);
  });
});

describe("paths and methods", () => {
  it.each([
    ["POST", "/auth", "GET"],
    ["PUT", "/api/v1/patients", "GET, POST"],
    ["POST", "/api/v1/patients/x", "GET, DELETE"],
  ])("%s %s is answered 405 with Allow: %s", async (method, path, allow) => {
    const { call } = await start();
    const response = await call(method, path, {});
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });

  it.each(["/", "/api/v3/patients", "/api/v1/patients/", "/api/v1/patients/a/b", "/api/v1/documents"])(
    "%s is answered 404",
    async (path) => {
      const { call } = await start();
      expect((await call("GET", path)).status).toBe(404);
    },
  );
});
