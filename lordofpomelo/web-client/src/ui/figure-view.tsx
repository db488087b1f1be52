//! Figures in panels: portraits, and a hero that moves.

import { useEffect, useRef } from "preact/hooks";
import { figureOf } from "../art/figures";
import { POSE_MS, type Pose, paint } from "../art/figure";

/** Head and shoulders. */
export function Portrait({ kind, size = 56 }: { kind: number; size?: number }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = ref.current?.getContext("2d");
    if (pen === null || pen === undefined) return;
    const figure = figureOf(kind);
    const person = kind >= 300 || kind === 210 || kind === 211;
    const zoom = person ? (size * 2) / 54 : (size * 2) / (figure.tall * 1.25);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, size * 2, size * 2);
    pen.lineJoin = pen.lineCap = "round";
    const middle = person ? 52 : figure.tall * 0.5 + (figure.flies ?? 0);
    pen.setTransform(zoom, 0, 0, zoom, size - (figure.width / 2) * zoom, size - (figure.foot - middle) * zoom);
    paint(pen, figure, { pose: "stand", t: 0.1, back: false });
  }, [kind, size]);
  return <canvas class="portrait" ref={ref} width={size * 2} height={size * 2} style={{ width: `${size}px`, height: `${size}px` }} aria-hidden="true" />;
}

/** The whole figure; it moves unless `still`. */
export function FigureView({ kind, pose = "stand", zoom = 1.6, still = false }: { kind: number; pose?: Pose; zoom?: number; still?: boolean }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const figure = figureOf(kind);
  const [width, height] = [Math.ceil(figure.width * zoom), Math.ceil(figure.height * zoom)];
  useEffect(() => {
    const pen = ref.current?.getContext("2d");
    if (pen === null || pen === undefined) return undefined;
    pen.lineJoin = pen.lineCap = "round";
    let frame = 0;
    const draw = (now: number) => {
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, width * 2, height * 2);
      pen.setTransform(zoom * 2, 0, 0, zoom * 2, 0, 0);
      paint(pen, figure, { pose, t: still ? 0.1 : (now / POSE_MS[pose]) % 1, back: false });
      if (!still) frame = requestAnimationFrame(draw);
    };
    draw(performance.now());
    return () => cancelAnimationFrame(frame);
  }, [kind, pose, zoom, still]);
  return <canvas class="figure-view" ref={ref} width={width * 2} height={height * 2} style={{ width: `${width}px`, height: `${height}px` }} aria-hidden="true" />;
}
