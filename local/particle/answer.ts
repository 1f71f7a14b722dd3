/** What goes back over HTTP. */
export type Answer = {
  readonly status: number;
  readonly contentType: "application/json" | "text/plain";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export const jsonAnswer = (status: number, value: unknown): Answer => ({
  status,
  contentType: "application/json",
  body: JSON.stringify(value),
});

export const textAnswer = (status: number, text: string): Answer => ({ status, contentType: "text/plain", body: text });

export type FieldError = { readonly field: string; readonly message: string };

type RefusalDetails = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
};

/**
 * An error. The vendor publishes status codes but no schema of the body, so `as` chooses between the two shapes that
 * its clients are known to read: `{"message", "errors"?: [{"field", "message"}]}`, or the message as bare text.
 */
export function refusal(as: "json" | "text", status: number, message: string, details: RefusalDetails = {}): Answer {
  const { headers, errors } = details;
  const answer =
    as === "json" ? jsonAnswer(status, { message, ...(errors && { errors }) }) : textAnswer(status, message);
  return headers ? { ...answer, headers } : answer;
}
