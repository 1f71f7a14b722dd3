/** A request that a page shows as a curl command, and the answer that it promises. */
export type DocumentedRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly answer: {
    readonly status: number;
    /** By lower-case name. */
    readonly headers: Readonly<Record<string, string>>;
    /** Empty where the page shows none. */
    readonly body: string;
  };
};

const CURL_THEN_ANSWER = /```sh\n(curl (?:(?!```)[\s\S])*?)\n```(?:(?!```)[\s\S])*```http\n([\s\S]*?)\n```/g;

/** Each curl command of a page that is followed by an answer, in the order of the page. */
export function documentedRequests(page: string): DocumentedRequest[] {
  return [...page.matchAll(CURL_THEN_ANSWER)].map(([, command = "", answer = ""]) => ({
    ...requestOf(wordsOf(command)),
    answer: answerOf(answer),
  }));
}

const WORD = /(?:'([^']*)'|([^\s'\\]+))|\\\n|\s+/g;

/** Words of a shell command that quotes with single quotes only. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(WORD)].flatMap(([, quoted, plain]) => quoted ?? plain ?? []);

/** @throws Error for an option that this does not know, so that no part of a command goes unseen. */
function requestOf([, ...words]: readonly string[]): Omit<DocumentedRequest, "answer"> {
  const headers: Record<string, string> = {};
  let [method, url, body]: (string | undefined)[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "-X") {
      method = rest.shift();
    } else if (word === "-d") {
      body = rest.shift();
    } else if (word === "-H") {
      const [name = "", ...value] = (rest.shift() ?? "").split(":");
      headers[name] = value.join(":").trim();
    } else if (/^https?:/.test(word)) {
      url = word;
    } else if (word !== "-i") {
      throw new Error(`A documented request uses ${word}, which its test does not know.`);
    }
  }
  if (url === undefined) {
    throw new Error("A documented request has no URL.");
  }
  return { method: method ?? (body === undefined ? "GET" : "POST"), url, headers, body };
}

function answerOf(text: string): DocumentedRequest["answer"] {
  const [head = "", ...body] = text.split("\n\n");
  const [statusLine = "", ...lines] = head.split("\n");
  const headers = lines.map((line): [string, string] => {
    const [name = "", ...value] = line.split(":");
    return [name.toLowerCase(), value.join(":").trim()];
  });
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: Object.fromEntries(headers),
    body: body.join("\n\n"),
  };
}

/** The text without what differs from run to run: UUIDs and instants. */
export const withoutChance = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<instant>");
