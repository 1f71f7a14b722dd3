import { once, setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { refusal } from "./answer.ts";
import { type Controls, control, isControlPath } from "./control-api.ts";
import { Exchange, readRequest, send } from "./exchange.ts";
import { FaultPlan } from "./fault-rules.ts";
import { Abandoned, HeldRequests } from "./held-requests.ts";
import { type ApiRequest, ParticleApi } from "./particle-api.ts";
import { type PatientRecord, PatientRecords } from "./patient-records.ts";
import { type LoggedRequest, RequestLog } from "./request-log.ts";
import { changeSwitches, defaultSwitches, type SwitchChanges, type Switches } from "./switches.ts";
import { Tokens } from "./tokens.ts";

export type ParticleSimulatorOptions = {
  /** 0 takes any free one. */
  readonly port: number;
  /** Loopback unless it is said otherwise. */
  readonly host?: string;
  /** Folder that keeps patients and the key of the tokens over a restart; one simulator at a time. */
  readonly dataDir?: string;
  /** Epoch milliseconds: the age of tokens and of writes. Delays run on the real clock. */
  readonly clock?: () => number;
  /** On top of the defaults. */
  readonly switches?: SwitchChanges;
};

export type ParticleSimulator = {
  /** Such as `http://127.0.0.1:4010`. */
  readonly url: string;
  readonly port: number;
  readonly switches: () => Switches;
  /**
   * Changes the named switches and answers all.
   * @throws ValiError on an unknown name or a value that is not allowed
   */
  readonly configure: (changes: SwitchChanges) => Switches;
  /** Back to the default switches; requests that are held are cut off and not carried out. */
  readonly reset: () => Switches;
  /** Lets all held requests go on; answers how many. */
  readonly release: () => number;
  /** What is held now, in the order of the list. */
  readonly patients: () => readonly PatientRecord[];
  readonly requests: () => readonly Readonly<LoggedRequest>[];
  readonly clearRequests: () => void;
  /** Cuts off every connection at once; what was not carried out by then never is. May be called again. */
  readonly close: () => Promise<void>;
};

/** A running copy of the vendor's API with switches for what is not documented, and faults on demand. */
export async function startParticleSimulator(options: ParticleSimulatorOptions): Promise<ParticleSimulator> {
  const { host = "127.0.0.1", clock = Date.now } = options;
  let { switches } = changeSwitches(defaultSwitches, options.switches ?? {});
  let faults = new FaultPlan(switches.faults);

  const records = await PatientRecords.open(options.dataDir, clock);
  const tokens = new Tokens(records.signingKey, clock);
  const api = new ParticleApi({ records, tokens, switches: () => switches, clock });
  const log = new RequestLog();
  const held = new HeldRequests();
  const closing = new AbortController();
  // One listener for each request that is being delayed.
  setMaxListeners(0, closing.signal);
  const around = { held, closing: closing.signal, switches: () => switches };

  const controls = {
    switches: () => switches,
    configure: (changes: unknown) => {
      const changed = changeSwitches(switches, changes);
      switches = changed.switches;
      if (changed.newFaults) faults = new FaultPlan(switches.faults);
      if (changed.expireTokens) tokens.changeKey(records.changeSigningKey());
      return switches;
    },
    reset: () => {
      switches = defaultSwitches;
      faults = new FaultPlan(switches.faults);
      held.drop();
      return switches;
    },
    release: () => held.release(),
    requests: () => log.all(),
    clearRequests: () => log.clear(),
  } satisfies Controls;

  async function serveVendor(request: ApiRequest, response: ServerResponse): Promise<void> {
    const { method, path, query, body } = request;
    const strike = faults.next(method, path);
    const entry: LoggedRequest = {
      receivedAt: clock(),
      method,
      path: query ? `${path}?${query}` : path,
      body,
      ...(strike.fault && { fault: strike.fault.fault }),
      state: "running",
      committed: false,
    };
    log.add(entry);
    const exchange = new Exchange(response, entry, await api.admit(request), around);
    try {
      await exchange.undergo(strike);
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error;
      exchange.reset();
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming).catch(() => undefined);
    if (!request) return; // The caller hung up in the middle of the body.
    try {
      if (isControlPath(request.path)) send(response, control(controls, request));
      else await serveVendor(request, response);
    } catch (error) {
      console.error("The Particle simulator failed:", error);
      if (!response.headersSent) send(response, refusal("json", 500, "The simulator failed; see its output."));
    }
  }

  // Node's five seconds make a client that reuses a connection at the wrong moment see a reset that nobody asked for.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => void serve(request, response));
  server.listen({ host, port: options.port, backlog: 4096 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    closing.abort();
    held.drop();
    const ended = once(server, "close");
    server.close();
    server.closeAllConnections();
    await ended;
    await records.close();
  }
  let closed: Promise<void> | undefined;

  return {
    ...controls,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    patients: () => records.all(),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
