import { ERROR_CODES, type ErrorCode, GatewayError } from "../../errors.ts";

/** A problem as in RFC 9457, plus our code, a hint how to fix it, the place, and machine-readable facts. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export function problemOf(error: GatewayError): Problem {
  const { status, title } = ERROR_CODES[error.code];
  return {
    type: `urn:zephyrgate:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    hint: error.hint,
    where: error.where,
    data: error.data,
  };
}

/** Creates the response for every error of the API. */
export function problemResponse(error: GatewayError, headers: Readonly<Record<string, string>> = {}): Response {
  const problem = problemOf(error);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

export function refuse(code: ErrorCode, detail: string, hint?: string, headers: Readonly<Record<string, string>> = {}): Response {
  return problemResponse(new GatewayError(code, detail, hint === undefined ? {} : { hint }), headers);
}
