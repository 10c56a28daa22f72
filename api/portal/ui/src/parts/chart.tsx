import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onTheme } from "../lib/theme";

// Series is one line of a chart; its colour is a variable of the style sheet.
export type Series = { name: string; values: (number | null)[]; colour?: string; format?: (v: number) => string };

// Chart draws series over time, in seconds since 1970. What it shows has to be said
// in words or a table beside it: a canvas tells nothing to who cannot see it.
export function Chart({ title, times, series, height = 180 }: { title: string; times: number[]; series: Series[]; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const at = place.current;
    if (!at) return;
    const draw = () => {
      const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
      return new uPlot(
        {
          width: at.clientWidth,
          height,
          legend: { show: series.length > 1 },
          cursor: { drag: { x: false, y: false } },
          axes: [axis, { ...axis, size: 70, values: (_, at) => at.map((v) => series[0]?.format?.(v) ?? v.toLocaleString()) }],
          series: [{}, ...series.map((s) => ({ label: s.name, stroke: colour(s.colour ?? "--accent"), width: 2, points: { show: times.length < 3 }, value: (_: uPlot, v: number | null) => (v === null ? "" : (s.format?.(v) ?? v.toLocaleString())) }))],
        },
        [times, ...series.map((s) => s.values)],
        at,
      );
    };
    let plot = draw();
    const again = () => {
      plot.destroy();
      plot = draw();
    };
    const size = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    size.observe(at);
    const stop = onTheme(again);
    return () => {
      stop();
      size.disconnect();
      plot.destroy();
    };
  }, [times, series, height]);
  return <div className="chart" role="img" aria-label={title} ref={place} />;
}
