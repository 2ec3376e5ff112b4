// @vitest-environment edge-runtime
// The signed-in person, their plan, and how many projects it has room for.
import { afterEach, describe, expect, test } from "vitest";
import { ANN, api, type Backend, backend, KEY, refusal } from "./backend.ts";

afterEach(() => {
  delete process.env.POLARIS_PROJECT_LIMIT;
});

async function keep({ t }: Backend, plan: Record<string, unknown>) {
  await t.mutation(api.system.plans.keep, { internalKey: KEY, ownerId: ANN, plan } as never);
}

describe("a person", () => {
  test("is one row, with the address that the token says last", async () => {
    const b = backend();
    const first = await b.ann.mutation(api.users.getOrCreateUser, {});
    const withEmail = b.t.withIdentity({ subject: ANN, email: "ann@example.com" });
    expect(await withEmail.mutation(api.users.getOrCreateUser, {})).toBe(first);
    expect((await b.ann.query(api.users.getSubscription, {})).email).toBe("ann@example.com");
    expect(await b.bob.mutation(api.users.getOrCreateUser, {})).not.toBe(first);
    expect((await refusal(b.t.mutation(api.users.getOrCreateUser, {}))).message).toBe("Unauthorized");
  });

  test("has the plan free without a limit where nobody bills", async () => {
    const b = backend();
    await b.ann.mutation(api.projects.create, { name: "One" });
    expect(await b.ann.query(api.users.getSubscription, {})).toEqual({
      email: "",
      subscriptionTier: "free",
      subscriptionStatus: "free",
      projectLimit: -1,
      trialDaysRemaining: 0,
      isInTrial: false,
      isPro: false,
      isFree: true,
      canCreateProject: true,
    });
    expect(await b.ann.query(api.users.getBillingStatus, {})).toEqual({
      tier: "free",
      status: "free",
      projectCount: 1,
      projectLimit: -1,
      remainingProjects: "unlimited",
      trialDaysRemaining: 0,
      isInTrial: false,
      isPro: false,
    });
    expect(await b.ann.query(api.users.getProjectCount, {})).toBe(1);
  });

  test("is told that there are no trials", async () => {
    const b = backend();
    expect((await refusal(b.ann.mutation(api.users.startTrial, { tier: "pro_monthly" }))).code).toBe("no_trials");
    expect((await refusal(b.ann.mutation(api.users.cancelTrial, {}))).code).toBe("no_trials");
  });

  test("has the plan that the operator's billing says", async () => {
    const b = backend();
    const trialEndsAt = Date.now() + 2.5 * 24 * 3_600_000;
    await keep(b, { tier: "pro_monthly", status: "trialing", projectLimit: -1, trialEndsAt, customerId: "c1" });
    const trial = await b.ann.query(api.users.getSubscription, {});
    expect(trial).toMatchObject({ isPro: true, isInTrial: true, trialDaysRemaining: 3 });
    expect((await b.ann.query(api.users.getBillingStatus, {})).autumnCustomerId).toBe("c1");
    await keep(b, { tier: "pro_monthly", status: "past_due" });
    const late = await b.ann.query(api.users.getSubscription, {});
    expect(late).toMatchObject({ isPro: false, isInTrial: false, subscriptionStatus: "past_due" });
  });
});

describe("a limit of projects", () => {
  test("of the installation holds for everybody, and counts what is there", async () => {
    process.env.POLARIS_PROJECT_LIMIT = "2";
    const b = backend();
    const one = await b.ann.mutation(api.projects.create, { name: "One" });
    await b.ann.mutation(api.projects.create, { name: "Two" });
    const full = await refusal(b.ann.mutation(api.projects.create, { name: "Three" }));
    expect(full).toEqual({
      kind: "refused",
      code: "project_limit",
      message: "Project limit reached. You have 2 free projects. Please upgrade to Pro for unlimited projects.",
      currentUsage: "2",
      limit: "2",
    });
    expect((await b.ann.query(api.users.getSubscription, {})).canCreateProject).toBe(false);
    expect((await b.ann.query(api.users.getBillingStatus, {})).remainingProjects).toBe(0);
    await b.bob.mutation(api.projects.create, { name: "Bob's" });
    await b.ann.mutation(api.projects.deleteProject, { id: one });
    await b.ann.mutation(api.projects.create, { name: "Three" });
  });

  test("refuses nothing that was made before under the same key", async () => {
    process.env.POLARIS_PROJECT_LIMIT = "1";
    const b = backend();
    const args = { internalKey: KEY, ownerId: ANN, name: "One", externalId: "k" };
    const made = await b.t.mutation(api.system.projects.create, args);
    expect((await b.t.mutation(api.system.projects.create, args)).projectId).toBe(made.projectId);
    expect((await refusal(b.t.mutation(api.system.projects.create, { ...args, externalId: "l" }))).code).toBe("project_limit");
  });

  test("of a plan goes before that of the installation", async () => {
    process.env.POLARIS_PROJECT_LIMIT = "1";
    const b = backend();
    await keep(b, { tier: "pro_yearly", status: "active", projectLimit: -1 });
    await b.ann.mutation(api.projects.create, { name: "One" });
    await b.ann.mutation(api.projects.create, { name: "Two" });
    await keep(b, { tier: "free", status: "canceled", projectLimit: 2 });
    expect((await refusal(b.ann.mutation(api.projects.create, { name: "Three" }))).limit).toBe("2");
    const usage = await b.t.query(api.system.plans.usage, { internalKey: KEY, ownerId: ANN });
    expect(usage).toEqual({ projects: 2, projectLimit: 2, tier: "free", status: "canceled" });
  });
});
