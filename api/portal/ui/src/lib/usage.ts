// What the team's agents were asked, and what it cost.
import { useQuery } from "@tanstack/react-query";
import { client, data, type Schemas } from "./api";

export type Window = { days: number; below: boolean };

export const percent = (v: number) => `${(v * 100).toFixed(v > 0 && v < 0.1 ? 1 : 0)} %`;

const fresh = { refetchInterval: 30_000 };

export function useSummary({ days, below }: Window) {
  return useQuery({ queryKey: ["usage", "summary", days, below], queryFn: () => data(client.GET("/v1/portal/analytics/summary", { params: { query: { window: days * 24, rollup: below } } })), ...fresh });
}

// minutes of a bucket: an hour in a day, else a day, a week in a year.
const bucketOf = (days: number) => (days <= 1 ? 60 : days <= 90 ? 1440 : 10_080);

export function useSeries({ days, below }: Window) {
  return useQuery({ queryKey: ["usage", "series", days, below], queryFn: () => data(client.GET("/v1/portal/analytics/timeseries", { params: { query: { window: days * 24, rollup: below, bucket: bucketOf(days) } } })), ...fresh });
}

export function useModels({ days, below }: Window) {
  return useQuery({ queryKey: ["usage", "models", days, below], queryFn: () => data(client.GET("/v1/portal/analytics/models", { params: { query: { window: days * 24, rollup: below } } })), ...fresh });
}

export function useAgents(days: number) {
  return useQuery({ queryKey: ["usage", "agents", days], queryFn: () => data(client.GET("/v1/portal/analytics/agents", { params: { query: { window: days * 24 } } })), ...fresh });
}

export const seconds = (points: Schemas["Point"][]) => points.map((p) => Date.parse(p.bucket) / 1000);
