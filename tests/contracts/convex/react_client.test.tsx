// @vitest-environment happy-dom
// The official React client, unchanged, over its WebSocket to the embedded Convex.
import { act, cleanup, render, renderHook, screen, waitFor } from "@testing-library/react";
import {
  Authenticated,
  AuthLoading,
  ConvexProvider,
  ConvexProviderWithAuth,
  ConvexReactClient,
  Unauthenticated,
  useAction,
  useConvexAuth,
  useConvexConnectionState,
  useMutation,
  usePaginatedQuery,
  useQueries,
  useQuery,
} from "convex/react";
import { ConvexError } from "convex/values";
import { Component, type ReactNode, useCallback, useMemo, useState } from "react";
import { WebSocket } from "ws";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { api } from "./behaviours/convex/_generated/api.js";
import { Proxy } from "./proxy.ts";
import { EmbeddedServer } from "./server.ts";
import { token } from "./tokens.ts";

let server: EmbeddedServer;
let proxy: Proxy;
let writer: ConvexReactClient;
const open: ConvexReactClient[] = [];

function connect(url: string): ConvexReactClient {
  // happy-dom has no WebSocket that reaches a real server
  const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket as never, logger: false, unsavedChangesWarning: false });
  open.push(client);
  return client;
}

beforeAll(async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  server = await EmbeddedServer.start();
  proxy = await Proxy.before(server.url);
});

beforeEach(async () => {
  writer = connect(server.url);
  await writer.mutation(api.tables.clear, {});
});

afterEach(async () => {
  cleanup();
  for (const client of open.splice(0)) await client.close();
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

const LATER = { timeout: 8000 };

/** A component tree over a client of its own. */
function inside(client: ConvexReactClient) {
  return ({ children }: { children: ReactNode }) => <ConvexProvider client={client}>{children}</ConvexProvider>;
}

describe("useQuery, useMutation, useAction", () => {
  test("a page loads, follows the store, and writes to it", async () => {
    function Page() {
      const balance = useQuery(api.transactions.balance, { name: "a" });
      const add = useMutation(api.transactions.add);
      return (
        <button type="button" onClick={() => void add({ name: "a", amount: 1 })}>
          {balance === undefined ? "loading" : `balance ${balance}`}
        </button>
      );
    }
    render(<Page />, { wrapper: inside(connect(server.url)) });
    expect(screen.getByRole("button").textContent).toBe("loading");
    await screen.findByText("balance 0");
    await act(() => writer.mutation(api.transactions.set, { name: "a", balance: 5 }));
    await screen.findByText("balance 5");
    act(() => screen.getByRole("button").click());
    await screen.findByText("balance 6");
  });

  test("a skipped query asks nothing, and one with new arguments follows them", async () => {
    await writer.mutation(api.transactions.set, { name: "b", balance: 2 });
    const { result, rerender } = renderHook(
      ({ name }: { name: string | null }) => useQuery(api.transactions.balance, name === null ? "skip" : { name }),
      { wrapper: inside(connect(server.url)), initialProps: { name: null as string | null } },
    );
    expect(result.current).toBeUndefined();
    rerender({ name: "b" });
    await waitFor(() => expect(result.current).toBe(2));
    rerender({ name: "c" });
    await waitFor(() => expect(result.current).toBe(0));
  });

  test("an optimistic update shows before the server answers and is replaced by the answer", async () => {
    const { result } = renderHook(
      () => ({
        balance: useQuery(api.transactions.balance, { name: "a" }),
        add: useMutation(api.transactions.add).withOptimisticUpdate((local, { name }) =>
          local.setQuery(api.transactions.balance, { name }, -1),
        ),
      }),
      { wrapper: inside(connect(server.url)) },
    );
    await waitFor(() => expect(result.current.balance).toBe(0));
    const seen: (number | undefined)[] = [];
    let call: Promise<number> | undefined;
    act(() => {
      call = result.current.add({ name: "a", amount: 3 });
    });
    seen.push(result.current.balance);
    await act(async () => {
      await call;
    });
    await waitFor(() => expect(result.current.balance).toBe(3));
    expect(seen).toEqual([-1]);
  });

  test("an action answers, and its failure rejects", async () => {
    const { result } = renderHook(() => ({ echo: useAction(api.values.echoAction), fail: useAction(api.transactions.actionThatThrows) }), {
      wrapper: inside(connect(server.url)),
    });
    expect(await result.current.echo({ value: 7n })).toBe(7n);
    await expect(result.current.fail({})).rejects.toThrow(/after the mutation/);
  });

  test("a query that fails throws where it is used", async () => {
    class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
      override state: { error: Error | null } = { error: null };

      static getDerivedStateFromError(error: Error) {
        return { error };
      }

      override render() {
        const { error } = this.state;
        return error === null ? (
          this.props.children
        ) : (
          <p>{error instanceof ConvexError ? `caught ${String(error.data)}` : "caught another"}</p>
        );
      }
    }
    function Page() {
      useQuery(api.transactions.queryThrowsData, { data: "the data" });
      return null;
    }
    const { error } = console;
    console.error = () => undefined; // React reports what the boundary catches
    try {
      render(<Page />, { wrapper: ({ children }) => <Boundary>{inside(connect(server.url))({ children })}</Boundary> });
      await screen.findByText("caught the data");
    } finally {
      console.error = error;
    }
  });

  test("two queries of one page always show one state of the store", async () => {
    await writer.mutation(api.transactions.set, { name: "a", balance: 10 });
    const both = {
      a: { query: api.transactions.balance, args: { name: "a" } },
      b: { query: api.transactions.balance, args: { name: "b" } },
    };
    const sums = new Set<number>();
    const { result } = renderHook(
      () => {
        const { a, b } = useQueries(both) as { a: number | undefined; b: number | undefined };
        if (a !== undefined && b !== undefined) sums.add(a + b);
        return b;
      },
      { wrapper: inside(connect(server.url)) },
    );
    await waitFor(() => expect(result.current).toBe(0));
    for (let i = 0; i < 10; i++) {
      await act(() => writer.mutation(api.transactions.move, { from: "a", to: "b", amount: 1 }));
    }
    await waitFor(() => expect(result.current).toBe(10));
    expect([...sums]).toEqual([10]);
  });

  test("the page follows the store again after its connection was cut", { timeout: 15_000 }, async () => {
    const { result } = renderHook(
      () => ({ balance: useQuery(api.transactions.balance, { name: "a" }), state: useConvexConnectionState() }),
      { wrapper: inside(connect(proxy.url)) },
    );
    await waitFor(() => expect(result.current.balance).toBe(0));
    act(() => proxy.cutAll());
    await waitFor(() => expect(result.current.state.isWebSocketConnected).toBe(false), LATER);
    await act(() => writer.mutation(api.transactions.set, { name: "a", balance: 9 }));
    await waitFor(() => expect(result.current.balance).toBe(9), LATER);
    expect(result.current.state.connectionCount).toBeGreaterThan(1);
  });
});

describe("usePaginatedQuery", () => {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  async function pageOf(url: string, ranks: number[], order: "asc" | "desc" = "asc") {
    await writer.mutation(api.posts.addMany, { list: "l", ranks });
    const view = renderHook(() => usePaginatedQuery(api.posts.page, { list: "l", order }, { initialNumItems: 5 }), {
      wrapper: inside(connect(url)),
    });
    await waitFor(() => expect(view.result.current.status).not.toBe("LoadingFirstPage"));
    const shown = () => view.result.current.results.map(({ rank }) => rank);
    const more = async (count: number) => {
      const { length } = shown();
      act(() => view.result.current.loadMore(count));
      await waitFor(() => expect(shown().length).toBeGreaterThan(length));
    };
    return { shown, more, status: () => view.result.current.status };
  }

  test("pages come one after the other until none is left", async () => {
    const { shown, more, status } = await pageOf(server.url, range(1, 12));
    expect([shown(), status()]).toEqual([range(1, 5), "CanLoadMore"]);
    await more(5);
    expect([shown(), status()]).toEqual([range(1, 10), "CanLoadMore"]);
    await more(5);
    await waitFor(() => expect([shown(), status()]).toEqual([range(1, 12), "Exhausted"]));
  });

  test("rows that come and go inside the loaded pages leave no gap and no double", async () => {
    const { shown, more } = await pageOf(server.url, range(1, 20));
    await more(5);
    await act(() => writer.mutation(api.posts.addMany, { list: "l", ranks: [2.5, 5.5, 7.5] }));
    await waitFor(() => expect(shown()).toEqual([1, 2, 2.5, 3, 4, 5, 5.5, 6, 7, 7.5, 8, 9, 10]));
    for (const rank of [5, 10, 6, 1]) await act(() => writer.mutation(api.posts.remove, { list: "l", rank }));
    await waitFor(() => expect(shown()).toEqual([2, 2.5, 3, 4, 5.5, 7, 7.5, 8, 9]));
    await more(5);
    await waitFor(() => expect(shown()).toEqual([2, 2.5, 3, 4, 5.5, 7, 7.5, 8, 9, ...range(11, 15)]));
  });

  test("new rows at the head of a newest-first list push nothing out", async () => {
    const { shown, more } = await pageOf(server.url, range(1, 12), "desc");
    await more(5);
    await act(() => writer.mutation(api.posts.addMany, { list: "l", ranks: [13, 14, 15] }));
    await waitFor(() => expect(shown()).toEqual(range(3, 15).reverse()));
  });

  test("a loaded page that empties, or grows many times over, stays in place", async () => {
    const { shown, more } = await pageOf(server.url, range(1, 15));
    await more(5);
    for (const rank of range(1, 5)) await act(() => writer.mutation(api.posts.remove, { list: "l", rank }));
    await waitFor(() => expect(shown()).toEqual(range(6, 10)));
    const many = range(1, 40).map((i) => 6 + i / 100);
    await act(() => writer.mutation(api.posts.addMany, { list: "l", ranks: many }));
    await waitFor(() => expect(shown()).toEqual([6, ...many, ...range(7, 10)]), LATER);
    await more(5);
    await waitFor(() => expect(shown()).toEqual([6, ...many, ...range(7, 15)]), LATER);
  });

  test("a lost connection keeps the loaded pages gapless", { timeout: 20_000 }, async () => {
    const { shown, more } = await pageOf(proxy.url, range(1, 20));
    await more(5);
    act(() => proxy.cutAll());
    await act(() => writer.mutation(api.posts.addMany, { list: "l", ranks: [0, 5.5, 10.5] }));
    await waitFor(() => expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 5.5, 6, 7, 8, 9, 10]), LATER);
    await more(3);
    await waitFor(() => expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 5.5, 6, 7, 8, 9, 10, 10.5, 11, 12]), LATER);
  });
});

describe("signing in", () => {
  test("a page knows whether its person is signed in, before and after", async () => {
    let signIn: ((subject: string | null) => void) | undefined;
    function useLogin() {
      const [subject, setSubject] = useState<string | null>(null);
      signIn = setSubject;
      const fetchAccessToken = useCallback(async () => (subject === null ? null : token(subject)), [subject]);
      return useMemo(() => ({ isLoading: false, isAuthenticated: subject !== null, fetchAccessToken }), [subject, fetchAccessToken]);
    }
    function Me() {
      const me = useQuery(api.identity.me, {});
      const { isAuthenticated } = useConvexAuth();
      return <span>{`${String(isAuthenticated)}: ${me?.subject ?? "?"}`}</span>;
    }
    render(
      <ConvexProviderWithAuth client={connect(server.url)} useAuth={useLogin}>
        <AuthLoading>loading</AuthLoading>
        <Unauthenticated>signed out</Unauthenticated>
        <Authenticated>
          <Me />
        </Authenticated>
      </ConvexProviderWithAuth>,
    );
    await screen.findByText("signed out");
    act(() => signIn?.("ada"));
    await screen.findByText("true: ada");
    act(() => signIn?.(null));
    await screen.findByText("signed out");
  });
});
