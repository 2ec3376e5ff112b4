// When a cron is next due: Convex's schedules and five-field cron expressions, in UTC.
import type { JSONValue } from "convex/values";
import { StartRefused } from "../errors.ts";
import { RealDate } from "../clock.ts";

type Fields = {
  minute: Set<number>;
  hour: Set<number>;
  day: Set<number>;
  month: Set<number>;
  weekday: Set<number>;
  isDayOpen: boolean;
  isWeekdayOpen: boolean;
};

const MINUTE_MS = 60_000;
const MAX_MONTHS_AHEAD = 12 * 9; // 29 February of a year after a skipped leap year
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const LONG_WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** The first moment after `afterMs` at which the schedule is due.
 *  @throws StartRefused for a schedule that is not one. */
export function nextTick(name: string, schedule: Record<string, JSONValue>, afterMs: number): number {
  const { type } = schedule;
  if (type === "interval") return afterMs + intervalMs(schedule);
  return nextMatch(name, parse(name, type === "cron" ? String(schedule["cron"]) : expressionOf(name, schedule)), afterMs);
}

export function intervalMs(schedule: Record<string, JSONValue>): number {
  const { seconds = 0, minutes = 0, hours = 0 } = schedule as Record<string, number>;
  return (seconds + minutes * 60 + hours * 3600) * 1000;
}

/** Convex spreads jobs without a minute over the hour: the name decides, so that a restart changes nothing. */
function spreadMinute(name: string): number {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.charCodeAt(0)) % 60;
  return sum;
}

function expressionOf(name: string, schedule: Record<string, JSONValue>): string {
  const { type, minuteUTC = spreadMinute(name), hourUTC = 0, day = 1, dayOfWeek = "sunday" } = schedule;
  switch (type) {
    case "hourly":
      return `${minuteUTC} * * * *`;
    case "daily":
      return `${minuteUTC} ${hourUTC} * * *`;
    case "weekly":
      return `${minuteUTC} ${hourUTC} * * ${LONG_WEEKDAYS.indexOf(String(dayOfWeek))}`;
    case "monthly":
      return `${minuteUTC} ${hourUTC} ${day} * *`;
    default:
      throw new StartRefused(`cron "${name}" has an unknown schedule type ${JSON.stringify(type)}`);
  }
}

function parse(name: string, expression: string): Fields {
  const parts = expression.trim().toLowerCase().split(/\s+/);
  const [minute, hour, day, month, weekday] = parts;
  if (
    parts.length !== 5 ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  ) {
    throw new StartRefused(`cron "${name}": "${expression}" must have five fields: minute hour day month weekday`);
  }
  const field = (text: string, low: number, high: number, names: string[] = [], firstName = 0) =>
    parseField(text, { low, high, names, firstName, where: `cron "${name}": "${expression}"` });
  const weekdays = field(weekday, 0, 7, WEEKDAYS);
  if (weekdays.delete(7)) weekdays.add(0);
  return {
    minute: field(minute, 0, 59),
    hour: field(hour, 0, 23),
    day: field(day, 1, 31),
    month: field(month, 1, 12, MONTHS, 1),
    weekday: weekdays,
    isDayOpen: day.startsWith("*"),
    isWeekdayOpen: weekday.startsWith("*"),
  };
}

type FieldRules = { low: number; high: number; names: string[]; firstName: number; where: string };

function parseField(text: string, { low, high, names, firstName, where }: FieldRules): Set<number> {
  const values = new Set<number>();
  const number = (word: string): number => {
    const named = names.indexOf(word.slice(0, 3));
    const value = named >= 0 ? named + firstName : Number(word);
    if (!/^\w+$/.test(word) || !Number.isInteger(value) || value < low || value > high) {
      throw new StartRefused(`${where}: "${text}" is not in ${low}-${high}`);
    }
    return value;
  };
  for (const part of text.split(",")) {
    const [range = "", stepText] = part.split("/");
    const step = stepText === undefined ? 1 : Number(stepText);
    if (!Number.isInteger(step) || step < 1) throw new StartRefused(`${where}: "${part}" has no valid step`);
    const [first = "", last] = range === "*" ? [String(low), String(high)] : range.split("-");
    const from = number(first);
    const to = last !== undefined ? number(last) : stepText === undefined ? from : high;
    if (to < from) throw new StartRefused(`${where}: "${part}" runs backwards`);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

/** As in cron: when both day and weekday are given, either is enough. */
function matchesDay(fields: Fields, day: number, weekday: number): boolean {
  const isDay = fields.day.has(day);
  const isWeekday = fields.weekday.has(weekday);
  if (fields.isDayOpen || fields.isWeekdayOpen) return isDay && isWeekday;
  return isDay || isWeekday;
}

function nextMatch(name: string, fields: Fields, afterMs: number): number {
  const start = new RealDate(Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS);
  let year = start.getUTCFullYear();
  let month = start.getUTCMonth();
  for (let i = 0; i < MAX_MONTHS_AHEAD; i++) {
    if (fields.month.has(month + 1)) {
      const found = matchInMonth(fields, year, month, start.getTime());
      if (found !== null) return found;
    }
    month = (month + 1) % 12;
    if (month === 0) year++;
  }
  throw new StartRefused(`cron "${name}" is never due`);
}

function matchInMonth(fields: Fields, year: number, month: number, fromMs: number): number | null {
  const days = new RealDate(RealDate.UTC(year, month + 1, 0)).getUTCDate();
  for (let day = 1; day <= days; day++) {
    const midnight = RealDate.UTC(year, month, day);
    if (midnight + 24 * 60 * MINUTE_MS <= fromMs) continue;
    if (!matchesDay(fields, day, new RealDate(midnight).getUTCDay())) continue;
    for (const hour of [...fields.hour].sort((a, b) => a - b)) {
      for (const minute of [...fields.minute].sort((a, b) => a - b)) {
        const at = midnight + (hour * 60 + minute) * MINUTE_MS;
        if (at >= fromMs) return at;
      }
    }
  }
  return null;
}
