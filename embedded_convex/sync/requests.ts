// The mutations and actions that one session asks for: mutations one at a time, in order, and not too many of either.
import type { JSONValue } from "convex/values";
import type { Identity } from "../access/auth.ts";
import type { RequestInfo } from "../execution/execution.ts";
import type { Outcome } from "../execution/outcome.ts";
import type { Runner } from "../execution/runner.ts";
import { printEncoded, printTs } from "../values/values.ts";
import type { ClientMessage } from "./client_messages.ts";
import type { Connection } from "./connection.ts";

const MAX_PENDING_MUTATIONS = 1000; // while more wait, what the client says next waits too
const MAX_RUNNING_ACTIONS = 1000; // likewise

type Request = ClientMessage & { type: "Mutation" | "Action" };

/** The session that asks. */
export interface Asker {
  readonly sessionId: string | null;
  readonly identity: Identity;
  newInfo(): RequestInfo;
  hasExpired(): boolean;
  /** A response has gone out: a transition must follow it. */
  responded(): void;
  end(error: unknown): void;
}

export class Requests {
  private readonly runner: Runner;
  private readonly connection: Connection;
  private readonly asker: Asker;
  private mutations: Promise<void> = Promise.resolve();
  private pendingMutations = 0;
  private runningActions = 0;
  private readonly whenLess: (() => void)[] = [];

  constructor(runner: Runner, connection: Connection, asker: Asker) {
    this.runner = runner;
    this.connection = connection;
    this.asker = asker;
  }

  get isFull(): boolean {
    return this.pendingMutations >= MAX_PENDING_MUTATIONS || this.runningActions >= MAX_RUNNING_ACTIONS;
  }

  /** Until there are fewer of them, or nobody is there to ask for one. */
  untilLess(): Promise<void> {
    return new Promise((resolve) => this.whenLess.push(resolve));
  }

  less(): void {
    for (const go of this.whenLess.splice(0)) go();
  }

  enqueueMutation(message: Request, bytes: number): void {
    this.pendingMutations++;
    const { identity } = this.asker;
    this.connection.wait(bytes);
    this.mutations = this.mutations.then(() => this.runMutation(message, identity)).finally(() => this.connection.done(bytes));
  }

  private async runMutation(message: Request, identity: Identity): Promise<void> {
    await this.connection.untilRead();
    this.pendingMutations--;
    this.less();
    const { asker } = this;
    if (!this.connection.isOpen || asker.hasExpired()) return;
    const { requestId: request, udfPath: path, args } = message;
    const key = asker.sessionId === null ? undefined : { session: asker.sessionId, request };
    try {
      await this.runner.mutation({ path, args, identity, request: asker.newInfo() }, key, (outcome) =>
        this.respond("MutationResponse", request, outcome),
      );
    } catch (error) {
      asker.end(error); // the client connects again and resends: the store may be well by then
    }
  }

  startAction(message: Request, bytes: number): void {
    this.runningActions++;
    this.connection.wait(bytes);
    void this.runAction(message).finally(() => {
      this.runningActions--;
      this.less();
      this.connection.done(bytes);
    });
  }

  private async runAction(message: Request): Promise<void> {
    await this.connection.untilRead();
    const { asker } = this;
    if (!this.connection.isOpen || asker.hasExpired()) return;
    const { requestId, udfPath: path, args } = message;
    try {
      const outcome = await this.runner.action({ path, args, identity: asker.identity, request: asker.newInfo() });
      this.respond("ActionResponse", requestId, outcome);
    } catch (error) {
      asker.end(error);
    }
  }

  /** The response goes first; a transition whose timestamp is not before it always follows: clients wait for that. */
  private respond(type: "MutationResponse" | "ActionResponse", requestId: number, outcome: Outcome): void {
    const head = `{"type":"${type}","requestId":${requestId},"success":${outcome.ok}`;
    const logLines = JSON.stringify(outcome.logLines);
    if (outcome.ok) {
      const value = printEncoded(JSON.parse(outcome.value) as JSONValue);
      const ts = type === "MutationResponse" ? `,"ts":"${printTs(outcome.ts)}"` : "";
      this.connection.send(`${head},"result":${value}${ts},"logLines":${logLines}}`);
    } else {
      const data = outcome.data === undefined ? "" : `,"errorData":${printEncoded(outcome.data)}`;
      this.connection.send(`${head},"result":${JSON.stringify(outcome.message)}${data},"logLines":${logLines}}`);
    }
    this.asker.responded();
  }
}
